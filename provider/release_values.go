package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/release"
)

// chartValues are the values of a release as Helm takes them: the files of
// values_yaml in their order, then values, then sensitive_values. It reports
// false while any of them is not known, and adds an error for what is no map.
func (m *releaseModel) chartValues(ctx context.Context, diags *diag.Diagnostics) (values map[string]any, known bool) {
	known = true
	var layers []map[string]any
	if m.ValuesYAML.IsUnknown() {
		known = false
	}
	for i, element := range m.ValuesYAML.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsUnknown() {
			known = false
			continue
		}
		layer, err := release.ParseValues(text.ValueString())
		if err != nil {
			diags.AddAttributeError(path.Root("values_yaml").AtListIndex(i), "Invalid values file", sentence(err)+".")
		}
		layers = append(layers, layer)
	}
	for _, attribute := range []struct {
		name  string
		value types.Dynamic
	}{{"values", m.Values}, {"sensitive_values", m.SensitiveValues}} {
		layer, err := valuesOf(ctx, attribute.value)
		switch {
		case errors.Is(err, errUnknownValue):
			known = false
		case err != nil:
			diags.AddAttributeError(path.Root(attribute.name), "Invalid values", sentence(err)+".")
		}
		layers = append(layers, layer)
	}
	if diags.HasError() || !known {
		return nil, false
	}
	return release.MergeValues(layers...), true
}

// valuesOf is the map in a dynamic attribute; null is an empty one.
func valuesOf(ctx context.Context, value types.Dynamic) (map[string]any, error) {
	if value.IsNull() || value.IsUnderlyingValueNull() {
		return map[string]any{}, nil
	}
	converted, err := plainValue(ctx, value)
	if err != nil {
		return nil, err
	}
	values, ok := converted.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the values of a chart are an object such as { replicaCount = 2 }, not a %s; text belongs in values_yaml", value.UnderlyingValue().Type(ctx))
	}
	return values, nil
}

// errUnknownValue reports a value that will be known only after apply.
var errUnknownValue = errors.New("the value is not known yet")

// plainValue turns a Terraform value into maps, slices and scalars as JSON has
// them. Null stays null: in a chart's values it takes a default away.
func plainValue(ctx context.Context, value attr.Value) (any, error) {
	if value.IsUnknown() {
		return nil, errUnknownValue
	}
	if value.IsNull() {
		return nil, nil
	}
	switch value := value.(type) {
	case types.Dynamic:
		return plainValue(ctx, value.UnderlyingValue())
	case types.String:
		return value.ValueString(), nil
	case types.Bool:
		return value.ValueBool(), nil
	case types.Number:
		return plainNumber(value.ValueBigFloat()), nil
	case types.Object:
		return plainMap(ctx, value.Attributes())
	case types.Map:
		return plainMap(ctx, value.Elements())
	case types.List:
		return plainList(ctx, value.Elements())
	case types.Set:
		return plainList(ctx, value.Elements())
	case types.Tuple:
		return plainList(ctx, value.Elements())
	default:
		return nil, fmt.Errorf("a value of type %s has no form in YAML", value.Type(ctx))
	}
}

// plainNumber keeps whole numbers whole: a template would print 1e+06 for a
// million in floating point.
func plainNumber(number *big.Float) any {
	if whole, accuracy := number.Int64(); accuracy == big.Exact {
		return whole
	}
	float, _ := number.Float64()
	return float
}

func plainMap(ctx context.Context, elements map[string]attr.Value) (map[string]any, error) {
	plain := make(map[string]any, len(elements))
	for name, element := range elements {
		value, err := plainValue(ctx, element)
		if err != nil {
			return nil, err
		}
		plain[name] = value
	}
	return plain, nil
}

func plainList(ctx context.Context, elements []attr.Value) ([]any, error) {
	plain := make([]any, 0, len(elements))
	for _, element := range elements {
		value, err := plainValue(ctx, element)
		if err != nil {
			return nil, err
		}
		plain = append(plain, value)
	}
	return plain, nil
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

// redact takes the texts of sensitive_values out of a message: a chart may quote
// the value it refuses.
func (m *releaseModel) redact(ctx context.Context, message string) string {
	secret, err := valuesOf(ctx, m.SensitiveValues)
	if err != nil {
		return message
	}
	var texts []string
	collectTexts(secret, &texts)
	for _, text := range texts {
		message = strings.ReplaceAll(message, text, "(sensitive value)")
	}
	return message
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
