package kustomization

import (
	"errors"
	"maps"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// manifestsFile is what Transform's only resources are called, in memory.
const manifestsFile = "manifests.yaml"

// Transform changes manifests as the content of a kustomization file says, and
// keeps their order. It reads no file: what the content names, but for the
// manifests, is not there.
func Transform(kustomization map[string]any, manifests []byte) ([]byte, error) {
	content := maps.Clone(kustomization)
	content["resources"] = []string{manifestsFile}
	text, err := kustomizationFile(content)
	if err != nil {
		return nil, err
	}
	memory := filesys.MakeFsInMemory()
	for name, data := range map[string][]byte{"kustomization.yaml": text, manifestsFile: manifests} {
		if err := memory.WriteFile(name, data); err != nil {
			return nil, err
		}
	}
	building.Lock()
	defer building.Unlock()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(memory, ".")
	if err != nil && strings.Contains(err.Error(), "[noNs]") {
		return nil, errors.New(err.Error() + ": objects that have a namespace are found by it; name it in the patch's metadata, or give the patch a target")
	}
	if err != nil {
		return nil, err
	}
	return built.AsYaml()
}
