package schema

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/internal/kube"
)

// FuzzRoundTrip makes random configurations of every kind. What is applied and
// read back must be what was configured: null stays null, empty stays empty, and
// what others add in between does not show.
func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	kinds := derived(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		k := kinds[seed%uint64(len(kinds))]
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
		config := g.resource(k)

		manifest, err := k.Manifest(config)
		if err != nil {
			t.Fatal(err)
		}
		applied := throughJSON(t, manifest)
		if diff := cmp.Diff(manifest, applied); diff != "" {
			t.Fatalf("the manifest changes on the wire (-encoded +decoded):\n%s", diff)
		}

		live := g.others(applied).(map[string]any)
		state, err := k.Decode(k.Project(manifest, live, kube.Ownership{}), config)
		if err != nil {
			t.Fatal(err)
		}
		if !state.Equal(config) {
			diffs, _ := config.Diff(state)
			t.Fatalf("%s read back differs: %v", k.Name, diffs)
		}

		imported, err := k.Decode(k.Whole(applied), allNull(config.Type()))
		if err != nil {
			t.Fatal(err)
		}
		again, err := k.Manifest(imported)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(k.Whole(manifest), k.Whole(again)); diff != "" {
			t.Fatalf("%s imported differs (-applied +imported):\n%s", k.Name, diff)
		}
	})
}

// generator makes random values.
type generator struct{ *rand.Rand }

func (g *generator) resource(k *Kind) tftypes.Value {
	t := resourceType(k)
	values := map[string]tftypes.Value{}
	for name, attribute := range t.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	for _, n := range []*node{metadata, k.spec} {
		for _, field := range n.fields {
			if g.IntN(3) > 0 {
				values[field.attribute] = g.value(field)
			}
		}
	}
	values["name"] = tftypes.NewValue(tftypes.String, "x")
	values["namespace"] = tftypes.NewValue(tftypes.String, "default")
	values["id"] = tftypes.NewValue(tftypes.String, "default/x")
	return tftypes.NewValue(t, values)
}

func (g *generator) value(n *node) tftypes.Value {
	if n.dynamic {
		return decodeAny(g.json(n))
	}
	switch n.kind {
	case listNode:
		values := make([]tftypes.Value, g.IntN(4))
		for i := range values {
			values[i] = g.value(n.element)
		}
		return tftypes.NewValue(n.wire(), values)
	case mapNode:
		values := map[string]tftypes.Value{}
		for i := range g.IntN(4) {
			values[fmt.Sprintf("key.%d/x", i)] = g.value(n.element)
		}
		if g.IntN(4) == 0 {
			values["absent"] = tftypes.NewValue(n.element.wire(), nil)
		}
		return tftypes.NewValue(n.wire(), values)
	case objectNode:
		values := map[string]tftypes.Value{}
		for _, field := range n.fields {
			values[field.attribute] = tftypes.NewValue(field.wire(), nil)
			if g.IntN(2) == 0 {
				values[field.attribute] = g.value(field)
			}
		}
		return tftypes.NewValue(n.wire(), values)
	default:
		return decodeAny(g.json(n))
	}
}

// json makes a value as it stands in a manifest.
func (g *generator) json(n *node) any {
	switch n.kind {
	case stringNode:
		return []string{"", "a", "ünï", "multi\nline", "a script\n  of ${several} %{lines}\n"}[g.IntN(5)]
	case boolNode:
		return g.IntN(2) == 0
	case intNode:
		return []int64{0, 1, -7, 1 << 40}[g.IntN(4)]
	case listNode:
		list := make([]any, g.IntN(3))
		for i := range list {
			list[i] = g.json(n.element)
		}
		return list
	case mapNode:
		object := map[string]any{}
		for i := range g.IntN(3) {
			object[fmt.Sprint("key", i)] = g.json(n.element)
		}
		return object
	case objectNode:
		object := map[string]any{}
		for _, field := range n.fields {
			if g.IntN(2) == 0 {
				object[field.json] = g.json(field)
			}
		}
		return object
	default:
		return g.anything(3)
	}
}

// anything makes a free-form value.
func (g *generator) anything(depth int) any {
	choices := 6
	if depth == 0 {
		choices = 4
	}
	switch g.IntN(choices) {
	case 0:
		return "text"
	case 1:
		return int64(g.IntN(100))
	case 2:
		return 0.25
	case 3:
		return g.IntN(2) == 0
	case 4:
		return []any{g.anything(depth - 1), g.anything(depth - 1)}
	default:
		return map[string]any{"a": g.anything(depth - 1), "B c": g.anything(depth - 1)}
	}
}

// others adds what the API server and other managers would: fields that the
// configuration does not have. They cannot add to lists without taking them.
func (g *generator) others(value any) any {
	fields, ok := value.(map[string]any)
	if !ok {
		return value
	}
	changed := map[string]any{}
	for name, field := range fields {
		changed[name] = field
		if name == "metadata" || name == "spec" {
			changed[name] = g.others(field)
		}
	}
	changed["theirs"] = "x"
	return changed
}

func throughJSON(t *testing.T, manifest map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	return object.Object
}

func allNull(t tftypes.Type) tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, attribute := range t.(tftypes.Object).AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	return tftypes.NewValue(t, values)
}

// TestUnknownIsNoManifest keeps a value that is not known from being sent as
// absent.
func TestUnknownIsNoManifest(t *testing.T) {
	t.Parallel()
	k := kindNamed(t, "Mapping")
	var values map[string]tftypes.Value
	if err := allNull(resourceType(k)).As(&values); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "prefix", "service"} {
		values[name] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	}
	config := tftypes.NewValue(resourceType(k), values)
	if _, err := k.Manifest(config); err == nil {
		t.Error("a manifest was made of an unknown value")
	}
	if diags := k.Validate(config); diags.HasError() {
		t.Errorf("an unknown value does not pass validation: %v", diags)
	}
}

// TestDecodeRefusesOtherTypes names the field of a live object that does not have
// the type the CRD gives it.
func TestDecodeRefusesOtherTypes(t *testing.T) {
	t.Parallel()
	k := kindNamed(t, "Mapping")
	for _, spec := range []map[string]any{
		{"timeout_ms": "soon"}, {"grpc": "yes"}, {"prefix": int64(1)}, {"headers": "x"}, {"remove_request_headers": "x"}, {"cors": "x"},
	} {
		_, err := k.Decode(map[string]any{"spec": spec}, allNull(resourceType(k)))
		if err == nil {
			t.Errorf("%v was decoded", spec)
		}
	}
}
