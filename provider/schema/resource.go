package schema

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// OwnAttributes are those that the resource of every kind has besides the object's own, sorted.
var OwnAttributes = []string{"force_conflicts", "id", "not_served", "timeouts", "wait"}

// Manifests is [Encode] for manifests, among which resources of this provider may be: each stands for the object that it
// manages, and all those of a for_each or in a list within the list for their objects, in order.
func Manifests(value tftypes.Value) (any, error) {
	if object, err := resourceManifest(value); object != nil || err != nil {
		return object, err
	}
	switch t := value.Type(); {
	case value.IsNull():
	case t.Is(tftypes.Object{}), t.Is(tftypes.Map{}):
		return forEach(value)
	case t.Is(tftypes.List{}), t.Is(tftypes.Tuple{}):
		var elements []tftypes.Value
		if err := value.As(&elements); err != nil {
			return nil, err
		}
		return flatten(elements)
	}
	return Encode(value)
}

// forEach are the manifests of a resource with for_each, which is an object of resources; any other object is encoded.
func forEach(value tftypes.Value) (any, error) {
	instances, err := members(value)
	if err != nil {
		return nil, err
	}
	objects := make([]any, 0, len(instances))
	for _, key := range sortedKeys(instances) {
		object, err := resourceManifest(instances[key])
		if err != nil {
			return nil, err
		}
		if object == nil {
			return Encode(value)
		}
		objects = append(objects, object)
	}
	if len(objects) == 0 {
		return Encode(value)
	}
	return objects, nil
}

func flatten(elements []tftypes.Value) ([]any, error) {
	list := []any{}
	for i, element := range elements {
		found, err := Manifests(element)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		if several, ok := found.([]any); ok {
			list = append(list, several...)
		} else {
			list = append(list, found)
		}
	}
	return list, nil
}

// resourceManifest is the object that a resource manages, nil for a value that is none.
func resourceManifest(value tftypes.Value) (map[string]any, error) {
	t, isObject := value.Type().(tftypes.Object)
	if !isObject || value.IsNull() {
		return nil, nil
	}
	kinds := kindsByAttributes()[fingerprint(t)]
	switch len(kinds) {
	case 0:
		return nil, nil
	case 1:
		return kinds[0].Manifest(value)
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return nil, fmt.Errorf("it is one of %s, whose resources look the same: write its manifest, with apiVersion and kind, instead", strings.Join(names, ", "))
}

// kindsByAttributes finds a kind by what its resource looks like: values do not say of which resource they are.
var kindsByAttributes = sync.OnceValue(func() map[string][]*Kind {
	found := map[string][]*Kind{}
	for _, k := range Kinds() {
		t := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
		for _, attribute := range k.Attributes() {
			t.AttributeTypes[attribute.Name] = tftypes.String
		}
		for _, name := range OwnAttributes {
			t.AttributeTypes[name] = tftypes.String
		}
		found[fingerprint(t)] = append(found[fingerprint(t)], k)
	}
	return found
})

// fingerprint is the names of an object's attributes, in one text.
func fingerprint(t tftypes.Object) string {
	names := make([]string, 0, len(t.AttributeTypes))
	for name := range t.AttributeTypes {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
