package schema

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"terraform-provider-emissary/provider/hcl"
)

// FuzzLiteral writes random objects of every kind as configuration. What HCL and the provider read in it is the object,
// but for what is named as lost.
func FuzzLiteral(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	kinds := derived(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		k := kinds[seed%uint64(len(kinds))]
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
		manifest, err := k.Manifest(g.resource(k))
		if err != nil {
			t.Fatal(err)
		}
		object := throughJSON(t, manifest)
		literal, err := k.LiteralOf(object)
		if err != nil {
			t.Fatal(err)
		}
		whole := k.Whole(object)
		if diff := cmp.Diff(whole, literal.Object); diff != "" && len(literal.Lost) == 0 {
			t.Errorf("something is lost without being named (-object +described):\n%s", diff)
		}

		block := hcl.Block{Type: "resource"}
		for name, value := range literal.Attributes {
			block.Attributes = append(block.Attributes, hcl.Attribute{Name: name, Value: value})
		}
		source := hcl.Format([]hcl.Block{block})
		values := map[string]tftypes.Value{}
		for name, attribute := range resourceType(k).AttributeTypes {
			values[name] = tftypes.NewValue(attribute, nil)
		}
		for name, value := range evaluate(t, source) {
			values[name] = conform(t, resourceType(k).AttributeTypes[name], value)
		}
		again, err := k.Manifest(tftypes.NewValue(resourceType(k), values))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(literal.Object, map[string]any{"metadata": again["metadata"], "spec": again["spec"]}); diff != "" {
			t.Errorf("%s written as\n%s(-object +read):\n%s", k.Name, source, diff)
		}
	})
}

// evaluate returns the attributes of a block.
func evaluate(t *testing.T, source []byte) map[string]cty.Value {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(source, "test.tf", hcl2.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, source)
	}
	values := map[string]cty.Value{}
	for name, attribute := range file.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes {
		if values[name], diags = attribute.Expr.Value(&hcl2.EvalContext{Functions: map[string]function.Function{"chomp": stdlib.ChompFunc}}); diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, source)
		}
	}
	return values
}

// conform is what Terraform makes of a value for an attribute: members that are not given are null.
func conform(t *testing.T, want tftypes.Type, value cty.Value) tftypes.Value {
	t.Helper()
	if value.IsNull() {
		return tftypes.NewValue(want, nil)
	}
	switch want := want.(type) {
	case tftypes.Object:
		values, given := map[string]tftypes.Value{}, value.AsValueMap()
		for name, attribute := range want.AttributeTypes {
			values[name] = tftypes.NewValue(attribute, nil)
			if member, ok := given[name]; ok {
				values[name] = conform(t, attribute, member)
				delete(given, name)
			}
		}
		for name := range given {
			t.Errorf("Terraform would drop %s", name)
		}
		return tftypes.NewValue(want, values)
	case tftypes.Map:
		values := map[string]tftypes.Value{}
		for name, member := range value.AsValueMap() {
			values[name] = conform(t, want.ElementType, member)
		}
		return tftypes.NewValue(want, values)
	case tftypes.List:
		values := []tftypes.Value{}
		for _, item := range value.AsValueSlice() {
			values = append(values, conform(t, want.ElementType, item))
		}
		return tftypes.NewValue(want, values)
	}
	switch value.Type() {
	case cty.String:
		return tftypes.NewValue(tftypes.String, value.AsString())
	case cty.Bool:
		return tftypes.NewValue(tftypes.Bool, value.True())
	case cty.Number:
		return tftypes.NewValue(tftypes.Number, value.AsBigFloat())
	}
	if value.Type().IsTupleType() {
		tuple, values := tftypes.Tuple{ElementTypes: []tftypes.Type{}}, []tftypes.Value{}
		for _, item := range value.AsValueSlice() {
			values = append(values, conform(t, tftypes.DynamicPseudoType, item))
			tuple.ElementTypes = append(tuple.ElementTypes, values[len(values)-1].Type())
		}
		return tftypes.NewValue(tuple, values)
	}
	object, values := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}, map[string]tftypes.Value{}
	for name, member := range value.AsValueMap() {
		values[name] = conform(t, tftypes.DynamicPseudoType, member)
		object.AttributeTypes[name] = values[name].Type()
	}
	return tftypes.NewValue(object, values)
}
