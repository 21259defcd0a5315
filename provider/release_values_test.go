package provider

import (
	"context"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func number(text string) types.Number {
	value, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	return types.NumberValue(value)
}

func object(values map[string]attr.Value) types.Object {
	attributes := map[string]attr.Type{}
	for name, value := range values {
		attributes[name] = value.Type(context.Background())
	}
	return types.ObjectValueMust(attributes, values)
}

func TestChartValues(t *testing.T) {
	t.Parallel()
	tuple := types.TupleValueMust([]attr.Type{types.StringType, types.BoolType}, []attr.Value{types.StringValue("a"), types.BoolValue(true)})
	for name, test := range map[string]struct {
		model   releaseModel
		want    map[string]any
		unknown bool
		err     string
	}{
		"nothing": {model: releaseModel{}, want: map[string]any{}},
		"every type": {
			model: releaseModel{Values: types.DynamicValue(object(map[string]attr.Value{
				"whole": number("1000000"), "part": number("0.5"), "text": types.StringValue(""), "none": types.StringNull(),
				"list": tuple, "map": types.MapValueMust(types.StringType, map[string]attr.Value{"k": types.StringValue("v")}),
				"set": types.SetValueMust(types.StringType, []attr.Value{types.StringValue("s")}),
			}))},
			want: map[string]any{
				"whole": int64(1000000), "part": 0.5, "text": "", "none": nil, "list": []any{"a", true},
				"map": map[string]any{"k": "v"}, "set": []any{"s"},
			},
		},
		"the later wins": {
			model: releaseModel{
				ValuesYAML:      types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a: {x: 1, v: 1, z: 1, w: 1}"), types.StringValue("a: {v: 2}")}),
				Values:          types.DynamicValue(object(map[string]attr.Value{"a": object(map[string]attr.Value{"z": number("3")})})),
				SensitiveValues: types.DynamicValue(object(map[string]attr.Value{"a": object(map[string]attr.Value{"w": number("4")})})),
			},
			want: map[string]any{"a": map[string]any{"x": float64(1), "v": float64(2), "z": int64(3), "w": int64(4)}},
		},
		"a leaf is not known": {
			model:   releaseModel{Values: types.DynamicValue(object(map[string]attr.Value{"a": object(map[string]attr.Value{"b": types.StringUnknown()})}))},
			unknown: true,
		},
		"nothing is known": {model: releaseModel{Values: types.DynamicUnknown(), ValuesYAML: types.ListUnknown(types.StringType)}, unknown: true},
		"text":             {model: releaseModel{Values: types.DynamicValue(types.StringValue("a: 1"))}, err: "text belongs in values_yaml"},
		"broken file": {
			model: releaseModel{ValuesYAML: types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a: {")})},
			err:   "Not valid YAML",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			got, known := test.model.chartValues(t.Context(), &diags)
			if test.err != "" {
				if len(diags) != 1 || !strings.Contains(diags[0].Detail(), test.err) {
					t.Errorf("diagnostics %v, want %q", diags, test.err)
				}
				return
			}
			if diags.HasError() || known == test.unknown {
				t.Fatalf("known is %t; %v", known, diags)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSameValues(t *testing.T) {
	t.Parallel()
	same := map[string]any{"a": int64(1), "b": []any{int64(2)}}
	if !sameValues(same, map[string]any{"a": float64(1), "b": []any{2}}) {
		t.Error("the same numbers differ")
	}
	if !sameValues(nil, map[string]any{}) {
		t.Error("no values and nil differ")
	}
	for _, other := range []map[string]any{{"a": "1", "b": []any{2}}, {"a": 1}, {"a": 1, "b": []any{2}, "c": nil}, {"a": 1, "b": []any{2.5}}} {
		if sameValues(same, other) {
			t.Errorf("%v is said to be the same", other)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	model := releaseModel{SensitiveValues: types.DynamicValue(object(map[string]attr.Value{
		"a": object(map[string]attr.Value{"token": types.StringValue("hunter2")}), "yes": types.StringValue("y"), "n": number("7"),
	}))}
	if got, want := model.redact(t.Context(), "why is hunter2 here 7 times"), "why is (sensitive value) here 7 times"; got != want {
		t.Errorf("got %q", got)
	}
}
