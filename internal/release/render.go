package release

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// renderVersion is the Kubernetes version for which a chart is rendered when no
// cluster is asked.
const renderVersion = "v1.36.0"

// Rendered is what a release would consist of.
type Rendered struct {
	// Manifest is the objects as a stream of YAML documents, hooks not included.
	Manifest string
	// Hooks are the manifests of the chart's hooks, in the order of their names.
	Hooks []string
	// Notes are the chart's words to the user.
	Notes string
}

// Render renders a release without a cluster: the error is one of the chart or
// of the values. Templates that ask the cluster (lookup) find nothing. Spec.SkipCRDs
// leaves the chart's crds folder out of the manifest.
func Render(spec Spec) (*Rendered, error) {
	version, err := chartutil.ParseKubeVersion(cmp.Or(spec.KubernetesVersion, renderVersion))
	if err != nil {
		return nil, fmt.Errorf("kubernetes version %s: %w", spec.KubernetesVersion, err)
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ClientOnly, install.DryRun = true, true
	install.KubeVersion, install.APIVersions = version, spec.APIVersions
	install.ReleaseName, install.Namespace = spec.Name, spec.Namespace
	install.IncludeCRDs = !spec.SkipCRDs
	install.DisableHooks = spec.DisableHooks
	install.PostRenderer = spec.postRenderer()
	rendered, err := install.Run(spec.Chart, spec.Values)
	if err != nil {
		return nil, err
	}
	result := &Rendered{Manifest: rendered.Manifest, Notes: rendered.Info.Notes}
	for _, hook := range rendered.Hooks {
		result.Hooks = append(result.Hooks, hook.Manifest)
	}
	slices.Sort(result.Hooks)
	return result, nil
}

// Objects decodes manifests, each of one or more YAML documents.
func Objects(manifests ...string) ([]map[string]any, error) {
	objects := []map[string]any{}
	for _, manifest := range manifests {
		decoder := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
		for {
			document, err := decoder.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			var object map[string]any
			if err := sigsyaml.Unmarshal(document, &object); err != nil {
				return nil, err
			}
			if len(object) > 0 {
				objects = append(objects, object)
			}
		}
	}
	return objects, nil
}
