package release

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/internal/kustomization"
	"terraform-provider-emissary/internal/suggest"
)

// Kustomization changes what a chart renders before it is applied, in this
// process and without any file. Hooks stay as they are: Helm gives them to no
// post-renderer. The nil Kustomization changes nothing.
type Kustomization struct {
	contents map[string]any
}

// changes are the keys of kustomization.yaml that change resources. The others
// load some, from files or servers; here the resources are those of the chart.
var changes = []string{
	"apiVersion", "kind", "patches", "images", "labels", "commonLabels", "commonAnnotations", "namePrefix", "nameSuffix",
	"namespace", "replicas", "replacements", "configMapGenerator", "secretGenerator", "generatorOptions", "buildMetadata",
}

// fileKeys name files inside those keys.
var fileKeys = []string{"path", "files", "envs", "env"}

// NewKustomization checks the contents of a kustomization.yaml. Empty contents
// give nil.
func NewKustomization(contents map[string]any) (*Kustomization, error) {
	if len(contents) == 0 {
		return nil, nil
	}
	for _, key := range sortedKeys(contents) {
		if err := checkChange(key, contents[key]); err != nil {
			return nil, err
		}
	}
	text, err := yaml.Marshal(contents)
	if err != nil {
		return nil, err
	}
	// Kustomize would find this too, but name the file, which does not exist.
	if err := new(types.Kustomization).Unmarshal(text); err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "invalid Kustomization: json: "))
	}
	return &Kustomization{contents: contents}, nil
}

func checkChange(key string, value any) error {
	if !slices.Contains(changes, key) {
		if meant := suggest.Word(key, changes); meant != "" {
			return fmt.Errorf("kustomize.%s: unknown; did you mean %s?", key, meant)
		}
		return fmt.Errorf("kustomize.%s: not possible here; allowed are %s", key, strings.Join(changes[2:], ", "))
	}
	list, _ := value.([]any)
	for i, element := range list {
		entry, _ := element.(map[string]any)
		for _, file := range fileKeys {
			if _, found := entry[file]; found {
				return fmt.Errorf("kustomize.%s[%d].%s: no file can be named here; give its text, for example with patch = file(%q)", key, i, file, "patch.yaml")
			}
		}
	}
	return nil
}

// Run is Helm's interface of a post-renderer.
func (k *Kustomization) Run(manifests *bytes.Buffer) (*bytes.Buffer, error) {
	text, err := kustomization.Transform(k.contents, manifests.Bytes())
	if err != nil {
		return nil, fmt.Errorf("kustomize: %w", err)
	}
	return bytes.NewBuffer(text), nil
}
