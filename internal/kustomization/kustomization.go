// Package kustomization builds kustomizations in process and keeps a cluster as
// they say: Namespaces and CRDs first, then the rest, what left is pruned, all of
// it is deleted in reverse.
//
// A build reads files and nothing else: no network, no programs, unless asked.
// The package knows nothing of Terraform.
package kustomization

import (
	"fmt"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// Source is what a kustomization is built from.
type Source struct {
	// Path is the folder with the kustomization file; empty means the working
	// directory.
	Path string
	// Kustomization is what a kustomization file holds, used instead of the file
	// in the folder; nil to use that file.
	Kustomization map[string]any
	// Files are files by their path in the folder, which come before those on
	// disk.
	Files map[string]string
	// SensitiveFiles are like Files. With any of them, all objects are as secret as
	// Secrets are: where their content ends up is not followed.
	SensitiveFiles map[string]string
	// FilesOutside allows files outside of the folder of the kustomization that
	// refers to them (kustomize's `--load-restrictor LoadRestrictionsNone`).
	FilesOutside bool
	// Remote allows bases and files to be fetched: with git, and from URLs.
	Remote bool
}

// building is held during a build: kustomize keeps the schema of the build it is
// in, and much else, in variables of its packages.
var building sync.Mutex

// Build returns the objects of a kustomization in the order in which they are
// applied. The same source gives the same objects. An error says which file it
// is about, as far as kustomize tells.
func Build(source Source) ([]Object, error) {
	files, err := newFiles(source)
	if err != nil {
		return nil, err
	}
	building.Lock()
	objects, err := build(files, source)
	building.Unlock()
	if err != nil {
		return nil, err
	}
	sortForApply(objects)
	return objects, unique(objects)
}

func build(files *files, source Source) ([]Object, error) {
	options := krusty.MakeDefaultOptions()
	if source.FilesOutside {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	built, err := krusty.MakeKustomizer(options).Run(files, files.root)
	if refused := files.refused; refused != nil {
		return nil, refused // kustomize would tell of it as of a file that is not there.
	}
	if err != nil {
		return nil, explain(err, files.root)
	}
	objects := make([]Object, 0, built.Size())
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		object, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		object.hidden = len(source.SensitiveFiles) > 0
		objects = append(objects, object)
	}
	complete(objects, isNamespaced)
	return objects, nil
}

// isNamespaced asks the schema that kustomize has of Kubernetes' own kinds. Only
// a build may: see building.
func isNamespaced(apiVersion, kind string) (namespaced, known bool) {
	return openapi.IsNamespaceScoped(kyaml.TypeMeta{APIVersion: apiVersion, Kind: kind})
}

// kustomizationFile is the content of a kustomization file.
func kustomizationFile(kustomization map[string]any) ([]byte, error) {
	content := map[string]any{"apiVersion": types.KustomizationVersion, "kind": types.KustomizationKind}
	for field, value := range kustomization {
		content[field] = value
	}
	return yaml.Marshal(content)
}
