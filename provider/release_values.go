package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v3/pkg/chart"

	"terraform-provider-emissary/internal/release"
)

// contentModel is what a chart is rendered with, in every schema that renders
// one.
type contentModel struct {
	Values          types.Dynamic `tfsdk:"values"`
	ValuesYAML      types.List    `tfsdk:"values_yaml"`
	SensitiveValues types.Dynamic `tfsdk:"sensitive_values"`
	Kustomize       types.Dynamic `tfsdk:"kustomize"`
}

// The descriptions of these attributes.
const (
	valuesDescription = "Values for the chart, as an object. They win over `values_yaml`. `null` takes a default of the chart away. " +
		"They are checked against the chart's `values.schema.json`, where it has one."
	valuesYAMLDescription      = "Values files as text, for example `[file(\"values.yaml\")]`. A later one wins over an earlier one, key by key. Default: none."
	sensitiveValuesDescription = "Values that Terraform does not show. They win over `values`. Default: none."
	kustomizeDescription       = "How the objects of the chart are changed before they are applied: the contents of a `kustomization.yaml`, " +
		"as an object with kustomize's own keys or as text. Possible are `patches`, `images`, `labels`, `commonLabels`, `commonAnnotations`, `namePrefix`, " +
		"`nameSuffix`, `namespace`, `replicas`, `replacements`, `configMapGenerator`, `secretGenerator`, `generatorOptions` and `buildMetadata`, " +
		"without naming files. Hooks of the chart stay as they are. Default: nothing is changed."
)

// content is what a contentModel says.
type content struct {
	layers        []valuesLayer
	kustomization *release.Kustomization
	// complete reports whether all of it is known. What is known is there anyhow.
	complete bool
}

// valuesLayer is one source of values. A later one wins.
type valuesLayer struct {
	at     path.Path
	name   string // "values_yaml[0]"
	text   string // of a values file
	secret bool
	values map[string]any
}

// values are the values as Helm takes them.
func (c content) values() map[string]any {
	var layers []map[string]any
	for _, layer := range c.layers {
		layers = append(layers, layer.values)
	}
	return release.MergeValues(layers...)
}

// content reads the values in the order in which a later one wins (values_yaml,
// values, sensitive_values, then the write-only ones, which only a configuration
// has) and the kustomization. What is wrong with them becomes an error.
func (m *contentModel) content(ctx context.Context, writeOnly types.Dynamic, diags *diag.Diagnostics) content {
	c := content{complete: !m.ValuesYAML.IsUnknown()}
	for i, element := range m.ValuesYAML.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsUnknown() {
			c.complete = false
			continue
		}
		layer := valuesLayer{at: path.Root("values_yaml").AtListIndex(i), name: fmt.Sprintf("values_yaml[%d]", i), text: text.ValueString()}
		var err error
		if layer.values, err = release.ParseValues(layer.text); err != nil {
			diags.AddAttributeError(layer.at, "Invalid values file", sentence(err)+".")
		}
		c.layers = append(c.layers, layer)
	}
	for _, attribute := range []struct {
		name         string
		value        types.Dynamic
		secret, text bool
	}{{"values", m.Values, false, false}, {"sensitive_values", m.SensitiveValues, true, false}, {"values_wo", writeOnly, true, true}} {
		layer := valuesLayer{at: path.Root(attribute.name), name: attribute.name, secret: attribute.secret}
		var known bool
		var err error
		if layer.values, known, err = membersOf(ctx, attribute.value, attribute.text); err != nil {
			diags.AddAttributeError(layer.at, "Invalid values", sentence(err)+".")
		}
		c.complete = c.complete && known
		c.layers = append(c.layers, layer)
	}
	c.readKustomization(ctx, m.Kustomize, diags)
	return c
}

func (c *content) readKustomization(ctx context.Context, value types.Dynamic, diags *diag.Diagnostics) {
	contents, known, err := membersOf(ctx, value, true)
	c.complete = c.complete && known
	if err == nil && known {
		c.kustomization, err = release.NewKustomization(contents)
	}
	if err != nil {
		diags.AddAttributeError(path.Root("kustomize"), "Invalid kustomization", sentence(err)+".")
	}
}

// membersOf is the map in a dynamic attribute or, where that is possible, in YAML
// text; null is an empty one. It reports false when not all of it is known.
func membersOf(ctx context.Context, value types.Dynamic, text bool) (members map[string]any, known bool, err error) {
	if value.IsNull() || value.IsUnderlyingValueNull() {
		return map[string]any{}, true, nil
	}
	p := plainer{}
	converted, err := p.value(ctx, value)
	if errors.Is(err, errUnknownValue) {
		return map[string]any{}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if yaml, ok := converted.(string); ok && text {
		members, err = release.ParseValues(yaml)
		return members, true, err
	}
	members, ok := converted.(map[string]any)
	switch kind := value.UnderlyingValue().Type(ctx); {
	case ok:
		return members, !p.incomplete, nil
	case text:
		return nil, false, fmt.Errorf("it must be an object or YAML text, not a %s", kind)
	default:
		return nil, false, fmt.Errorf("the values of a chart are an object such as { replicaCount = 2 }, not a %s; text belongs in values_yaml", kind)
	}
}

// check reports what the schema of the chart says against the values, each
// problem at the attribute that the value comes from.
func (c content) check(loaded *chart.Chart, diags *diag.Diagnostics) {
	problems, err := release.CheckValues(loaded, c.values(), c.complete)
	if err != nil {
		diags.AddAttributeError(path.Root("values"), "Invalid chart values", sentence(err)+".")
	}
	for _, problem := range problems {
		layer := c.origin(problem.Path)
		text := layer.name + "." + release.PathText(problem.Path)
		if line := release.LineOf(layer.text, problem.Path); line > 0 {
			text += fmt.Sprintf(" (line %d)", line)
		}
		text += ": " + problem.Text
		if problem.Value != "" && !layer.secret {
			text += ", not " + problem.Value
		}
		diags.AddAttributeError(layer.at, "Invalid values for the chart "+loaded.Name(), c.redact(text))
	}
}

// origin is the layer that a value comes from: the last one that has it.
func (c content) origin(at []string) valuesLayer {
	for _, layer := range slices.Backward(c.layers) {
		if release.HasPath(layer.values, at) {
			return layer
		}
	}
	return valuesLayer{at: path.Root("values"), name: "values"}
}

// redact takes the texts of secret values out of a message: a chart may quote the
// value it refuses.
func (c content) redact(message string) string {
	for _, text := range c.secrets() {
		message = strings.ReplaceAll(message, text, "(sensitive value)")
	}
	return message
}

// secrets are the texts in secret values.
func (c content) secrets() (texts []string) {
	for _, layer := range c.layers {
		if layer.secret {
			collectTexts(layer.values, &texts)
		}
	}
	return texts
}

// collectTexts gathers the texts in a value, but for those so short that they
// would match everywhere.
func collectTexts(value any, texts *[]string) {
	switch value := value.(type) {
	case map[string]any:
		for _, element := range value {
			collectTexts(element, texts)
		}
	case []any:
		for _, element := range value {
			collectTexts(element, texts)
		}
	case string:
		if len(value) >= 4 {
			*texts = append(*texts, value)
		}
	}
}

// sameValues compares values however their numbers are held: those of a Helm
// record have been through JSON.
func sameValues(a, b map[string]any) bool {
	return reflect.DeepEqual(throughJSON(a), throughJSON(b))
}

func throughJSON(values map[string]any) any {
	data, err := json.Marshal(values)
	if err != nil {
		return values
	}
	var out map[string]any
	if json.Unmarshal(data, &out) != nil {
		return values
	}
	if out == nil {
		out = map[string]any{}
	}
	return out
}
