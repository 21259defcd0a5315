package provider

import (
	"context"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/release"
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

func TestContentValues(t *testing.T) {
	t.Parallel()
	tuple := types.TupleValueMust([]attr.Type{types.StringType, types.BoolType}, []attr.Value{types.StringValue("a"), types.BoolValue(true)})
	for name, test := range map[string]struct {
		model   contentModel
		want    map[string]any
		unknown bool
		err     string
	}{
		"nothing": {model: contentModel{}, want: map[string]any{}},
		"every type": {
			model: contentModel{Values: types.DynamicValue(object(map[string]attr.Value{
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
			model: contentModel{
				ValuesYAML:      types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a: {x: 1, v: 1, z: 1, w: 1}"), types.StringValue("a: {v: 2}")}),
				Values:          types.DynamicValue(object(map[string]attr.Value{"a": object(map[string]attr.Value{"z": number("3")})})),
				SensitiveValues: types.DynamicValue(object(map[string]attr.Value{"a": object(map[string]attr.Value{"w": number("4")})})),
			},
			want: map[string]any{"a": map[string]any{"x": float64(1), "v": float64(2), "z": int64(3), "w": int64(4)}},
		},
		"a leaf is not known": {
			model: contentModel{Values: types.DynamicValue(object(map[string]attr.Value{
				"a": object(map[string]attr.Value{"b": types.StringUnknown(), "c": types.StringValue("known")}),
				"l": types.TupleValueMust([]attr.Type{types.StringType, types.StringType}, []attr.Value{types.StringUnknown(), types.StringValue("known")}),
			}))},
			want:    map[string]any{"a": map[string]any{"c": "known"}},
			unknown: true,
		},
		"nothing is known": {model: contentModel{Values: types.DynamicUnknown(), ValuesYAML: types.ListUnknown(types.StringType)}, want: map[string]any{}, unknown: true},
		"text":             {model: contentModel{Values: types.DynamicValue(types.StringValue("a: 1"))}, err: "text belongs in values_yaml"},
		"broken file": {
			model: contentModel{ValuesYAML: types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a: {")})},
			err:   "Not valid YAML",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			content := test.model.content(t.Context(), types.DynamicNull(), &diags)
			if test.err != "" {
				if len(diags) != 1 || !strings.Contains(diags[0].Detail(), test.err) {
					t.Errorf("diagnostics %v, want %q", diags, test.err)
				}
				return
			}
			if diags.HasError() || content.complete == test.unknown {
				t.Fatalf("complete is %t; %v", content.complete, diags)
			}
			if diff := cmp.Diff(test.want, content.values()); diff != "" {
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
	model := contentModel{SensitiveValues: types.DynamicValue(object(map[string]attr.Value{
		"a": object(map[string]attr.Value{"token": types.StringValue("hunter2")}), "yes": types.StringValue("y"), "n": number("7"),
	}))}
	writeOnly := types.DynamicValue(types.StringValue("password: swordfish"))
	content := model.content(t.Context(), writeOnly, new(diag.Diagnostics))
	got := content.redact("why are hunter2 and swordfish here 7 times")
	if want := "why are (sensitive value) and (sensitive value) here 7 times"; got != want {
		t.Errorf("got %q", got)
	}
}

// TestDynamicValue: what an import puts into the state is what a configuration
// with the same values would.
func TestDynamicValue(t *testing.T) {
	t.Parallel()
	want := object(map[string]attr.Value{
		"whole": number("1000000"), "part": number("0.1"), "text": types.StringValue("x"), "yes": types.BoolValue(true),
		"list": types.TupleValueMust([]attr.Type{types.StringType, types.NumberType}, []attr.Value{types.StringValue("a"), number("2")}),
		"map":  object(map[string]attr.Value{"k": types.StringValue("v")}),
	})
	got := dynamicValue(t.Context(), map[string]any{
		"whole": float64(1000000), "part": 0.1, "text": "x", "yes": true, "list": []any{"a", int64(2)}, "map": map[string]any{"k": "v"},
	})
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWithoutPaths(t *testing.T) {
	t.Parallel()
	values := map[string]any{"env": map[string]any{"TOKEN": "x"}, "auth": map[string]any{"key": "k", "user": "me"}, "a": 1}
	paths := leafPaths(nil, map[string]any{"env": map[string]any{"TOKEN": "x"}, "auth": map[string]any{"key": "k"}, "absent": []any{1}})
	if diff := cmp.Diff([][]string{{"absent"}, {"auth", "key"}, {"env", "TOKEN"}}, paths); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"auth": map[string]any{"user": "me"}, "a": 1}, withoutPaths(values, paths)); diff != "" {
		t.Error(diff)
	}
	if len(values["env"].(map[string]any)) != 1 {
		t.Errorf("the values were changed: %v", values)
	}
}

// privateMap is the private part of a state.
type privateMap map[string][]byte

func (p privateMap) GetKey(_ context.Context, key string) ([]byte, diag.Diagnostics) {
	return p[key], nil
}
func (p privateMap) SetKey(_ context.Context, key string, value []byte) diag.Diagnostics {
	p[key] = value
	return nil
}

func TestRememberWriteOnly(t *testing.T) {
	t.Parallel()
	private := privateMap{}
	remember := func(yaml string, failed bool, want [][]string) {
		t.Helper()
		c := (&contentModel{}).content(t.Context(), types.DynamicValue(types.StringValue(yaml)), new(diag.Diagnostics))
		diags := rememberWriteOnly(t.Context(), private, c, failed)
		got, more := writeOnlyPaths(t.Context(), private)
		if diags.HasError() || more.HasError() {
			t.Fatal(diags, more)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if strings.Contains(string(private[writeOnlyKey]), "hunter2") {
			t.Errorf("a value is kept: %s", private[writeOnlyKey])
		}
	}
	remember("a: {b: hunter2}", false, [][]string{{"a", "b"}})
	remember("c: hunter2", true, [][]string{{"a", "b"}, {"c"}})
	remember("c: hunter2", false, [][]string{{"c"}})
}

func TestDriftLines(t *testing.T) {
	t.Parallel()
	replicas := release.Drift{Object: "Deployment/edge", Path: []string{"spec", "replicas"}, Have: "3", Want: "2"}
	token := release.Drift{Object: "Deployment/edge", Path: []string{"spec", "template", "spec", "containers", "[edge]", "env", "[TOKEN]", "value"}, Have: `"x"`, Want: `"hunter2"`}
	missing := release.Drift{Object: "Service/edge"}
	all := []release.Drift{replicas, token, missing}
	for name, test := range map[string]struct {
		ignored []string
		want    []string
	}{
		"all": {want: []string{
			"Deployment/edge spec.replicas: 3, want 2", "Deployment/edge spec.template.spec.containers[edge].env[TOKEN].value: changed", "Service/edge: missing",
		}},
		"a field":       {ignored: []string{"Deployment/* spec.replicas", "Deployment/edge spec.temp"}, want: []string{"Deployment/edge spec.template.spec.containers[edge].env[TOKEN].value: changed", "Service/edge: missing"}},
		"a whole":       {ignored: []string{"Deployment/edge"}, want: []string{"Service/edge: missing"}},
		"below a field": {ignored: []string{"* spec.template", "Service/edge"}, want: []string{"Deployment/edge spec.replicas: 3, want 2"}},
		"everything":    {ignored: []string{"*"}, want: []string{}},
	} {
		if diff := cmp.Diff(test.want, driftLines(all, test.ignored, []string{"hunter2"})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	many := driftLines(slices.Repeat([]release.Drift{missing}, mostDrift+5), nil, nil)
	if len(many) != mostDrift+1 || many[mostDrift] != "… and 5 more" {
		t.Errorf("%d lines, the last one %q", len(many), many[len(many)-1])
	}
}
