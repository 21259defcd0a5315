package provider

import (
	"maps"
	"math/big"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// attributes are the root attributes of a configuration, plan or state.
type attributes map[string]tftypes.Value

// attributesOf gives none for a resource that is null. They are a copy.
func attributesOf(resource tftypes.Value) attributes {
	var values map[string]tftypes.Value
	if resource.As(&values) != nil {
		return nil
	}
	return maps.Clone(values)
}

// nulls is every attribute of the type, null.
func nulls(t tftypes.Object) attributes {
	values := make(attributes, len(t.AttributeTypes))
	for name, attribute := range t.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	return values
}

// isSet reports whether the attribute has a value, known or not.
func (a attributes) isSet(name string) bool {
	value, ok := a[name]
	return ok && !value.IsNull()
}

// text, flag, toggle and number return an attribute's value, or nothing when it is not
// set or not known yet.
func (a attributes) text(name string) (text string, ok bool) {
	value, exists := a[name]
	return text, exists && value.IsKnown() && !value.IsNull() && value.As(&text) == nil
}

func (a attributes) flag(name string) bool {
	flag := a.toggle(name)
	return flag != nil && *flag
}

func (a attributes) toggle(name string) (flag *bool) {
	if value, ok := a[name]; ok && value.IsKnown() && value.As(&flag) != nil {
		return nil
	}
	return flag
}

func (a attributes) number(name string) (number *big.Float) {
	if value, ok := a[name]; ok && value.IsKnown() && !value.IsNull() && value.As(&number) != nil {
		return nil
	}
	return number
}

// members returns the known elements of a map or object attribute.
func (a attributes) members(name string) map[string]tftypes.Value {
	var all map[string]tftypes.Value
	if value, ok := a[name]; !ok || !value.IsKnown() || value.IsNull() || value.As(&all) != nil {
		return nil
	}
	return all
}

// setText sets an attribute to a text.
func (a attributes) setText(name, text string) {
	a[name] = tftypes.NewValue(tftypes.String, text)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
