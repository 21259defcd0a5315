package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// resourceNamed is a resource of a kind with nothing but its name and what else is given, as references to it have it.
func resourceNamed(t *testing.T, kind, name string, values map[string]tftypes.Value) tftypes.Value {
	t.Helper()
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	for attribute, of := range resourceType(kindNamed(t, kind)).AttributeTypes {
		object.AttributeTypes[attribute] = of
	}
	for _, attribute := range OwnAttributes {
		object.AttributeTypes[attribute] = tftypes.String
	}
	attributes := map[string]tftypes.Value{}
	for attribute, of := range object.AttributeTypes {
		attributes[attribute] = tftypes.NewValue(of, nil)
	}
	attributes["name"] = tftypes.NewValue(tftypes.String, name)
	for attribute, value := range values {
		attributes[attribute], object.AttributeTypes[attribute] = value, value.Type()
	}
	return tftypes.NewValue(object, attributes)
}

func tuple(elements ...tftypes.Value) tftypes.Value {
	var of tftypes.Tuple
	for _, element := range elements {
		of.ElementTypes = append(of.ElementTypes, element.Type())
	}
	return tftypes.NewValue(of, elements)
}

func TestManifests(t *testing.T) {
	t.Parallel()
	mapping := resourceNamed(t, "Mapping", "a", map[string]tftypes.Value{"prefix": Decode("/a/"), "rate_limit_labels": Decode(map[string]any{"domain": []any{}})})
	host := resourceNamed(t, "Host", "b", nil)
	wantMapping := map[string]any{"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping", "metadata": map[string]any{"name": "a"},
		"spec": map[string]any{"prefix": "/a/", "labels": map[string]any{"domain": []any{}}}}
	wantHost := map[string]any{"apiVersion": "getambassador.io/v3alpha1", "kind": "Host", "metadata": map[string]any{"name": "b"}, "spec": map[string]any{}}
	service := map[string]any{"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"selector": nil}}
	each := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"y": mapping.Type(), "x": host.Type()}},
		map[string]tftypes.Value{"y": mapping, "x": host})

	for name, test := range map[string]struct {
		value tftypes.Value
		want  any
	}{
		"a resource":           {mapping, wantMapping},
		"resources":            {tuple(host, mapping), []any{wantHost, wantMapping}},
		"for_each":             {each, []any{wantHost, wantMapping}},
		"lists in lists":       {tuple(tuple(host), each, tuple()), []any{wantHost, wantHost, wantMapping}},
		"a manifest":           {Decode(service), service},
		"both":                 {tuple(Decode(service), host), []any{service, wantHost}},
		"nothing":              {tuple(), []any{}},
		"an empty object":      {Decode(map[string]any{}), map[string]any{}},
		"null":                 {tftypes.NewValue(mapping.Type(), nil), nil},
		"a text":               {Decode("x"), "x"},
		"an object of objects": {Decode(map[string]any{"a": service, "b": "x"}), map[string]any{"a": service, "b": "x"}},
	} {
		got, err := Manifests(test.value)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestManifestsOfEveryKind finds each kind by its attributes, but for the two that have the same.
func TestManifestsOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		got, err := Manifests(tuple(Decode("x"), resourceNamed(t, kind.Name, "a", nil)))
		if kind.Name == "KubernetesEndpointResolver" || kind.Name == "KubernetesServiceResolver" {
			if err == nil || !strings.Contains(err.Error(), "element 1: it is one of KubernetesEndpointResolver, KubernetesServiceResolver") {
				t.Errorf("%s: %v", kind.Name, err)
			}
			continue
		}
		if err != nil || got.([]any)[1].(map[string]any)["kind"] != kind.Name {
			t.Errorf("%s: %v, %v", kind.Name, got, err)
		}
	}
}
