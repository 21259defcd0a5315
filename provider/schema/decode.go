package schema

import (
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Decode is the state that shows the object: the attributes of prior with
// those of the object's metadata and spec replaced. Attributes that do not come
// from the object (id, wait …) stay as they are in prior. Fields that the CRD
// does not know are left out.
func (k *Kind) Decode(object map[string]any, prior tftypes.Value) (tftypes.Value, error) {
	attributes, err := members(prior)
	if err != nil {
		return tftypes.Value{}, err
	}
	attributes = maps.Clone(attributes)
	for key, part := range map[string]*node{"metadata": metadata, "spec": k.spec} {
		fields, ok := object[key].(map[string]any)
		if !ok && object[key] != nil {
			return tftypes.Value{}, mismatch(key, object[key], "an object")
		}
		if err := part.decodeFields(fields, attributes, key); err != nil {
			return tftypes.Value{}, fmt.Errorf("%s of the live object: %w", k.Name, err)
		}
	}
	return tftypes.NewValue(prior.Type(), attributes), nil
}

// decodeFields sets the attributes of an object's fields; values holds the prior
// ones when it is called.
func (n *node) decodeFields(object map[string]any, values map[string]tftypes.Value, at string) error {
	for _, field := range n.fields {
		live, ok := object[field.json]
		if !ok || live == nil {
			values[field.attribute] = tftypes.NewValue(field.wire(), nil)
			continue
		}
		prior, ok := values[field.attribute]
		if !ok {
			prior = tftypes.NewValue(field.wire(), nil)
		}
		value, err := field.decode(live, prior, at+"."+field.json)
		if err != nil {
			return err
		}
		values[field.attribute] = value
	}
	return nil
}

// decode converts a live value that is not nil. Prior is the value in state, or
// null: it lends a dynamic value its type, and a map its null elements.
func (n *node) decode(live any, prior tftypes.Value, at string) (tftypes.Value, error) {
	if n.dynamic {
		return decodeDynamic(n, live, prior)
	}
	switch n.kind {
	case stringNode:
		if text, ok := live.(string); ok {
			return tftypes.NewValue(tftypes.String, text), nil
		}
		return tftypes.Value{}, mismatch(at, live, "a string")
	case boolNode:
		if flag, ok := live.(bool); ok {
			return tftypes.NewValue(tftypes.Bool, flag), nil
		}
		return tftypes.Value{}, mismatch(at, live, "true or false")
	case intNode, floatNode:
		if number := bigFloat(live); number != nil && (n.kind == floatNode || number.IsInt()) {
			return tftypes.NewValue(tftypes.Number, number), nil
		}
		return tftypes.Value{}, mismatch(at, live, "a number")
	case listNode:
		return n.decodeList(live, prior, at)
	case mapNode:
		return n.decodeMap(live, prior, at)
	default: // objectNode
		fields, ok := live.(map[string]any)
		if !ok {
			return tftypes.Value{}, mismatch(at, live, "an object")
		}
		values := map[string]tftypes.Value{}
		if known(prior) {
			old, err := members(prior)
			if err != nil {
				return tftypes.Value{}, err
			}
			values = maps.Clone(old)
		}
		if err := n.decodeFields(fields, values, at); err != nil {
			return tftypes.Value{}, err
		}
		return tftypes.NewValue(n.wire(), values), nil
	}
}

func (n *node) decodeList(live any, prior tftypes.Value, at string) (tftypes.Value, error) {
	items, ok := live.([]any)
	if !ok {
		return tftypes.Value{}, mismatch(at, live, "a list")
	}
	var old []tftypes.Value
	if known(prior) {
		if err := prior.As(&old); err != nil {
			return tftypes.Value{}, err
		}
	}
	values := make([]tftypes.Value, len(items))
	for i, item := range items {
		before := tftypes.NewValue(n.element.wire(), nil)
		if i < len(old) {
			before = old[i]
		}
		value, err := n.element.decode(item, before, fmt.Sprintf("%s[%d]", at, i))
		if err != nil {
			return tftypes.Value{}, err
		}
		values[i] = value
	}
	return tftypes.NewValue(n.wire(), values), nil
}

func (n *node) decodeMap(live any, prior tftypes.Value, at string) (tftypes.Value, error) {
	entries, ok := live.(map[string]any)
	if !ok {
		return tftypes.Value{}, mismatch(at, live, "an object")
	}
	values := map[string]tftypes.Value{}
	var old map[string]tftypes.Value
	if known(prior) {
		var err error
		if old, err = members(prior); err != nil {
			return tftypes.Value{}, err
		}
	}
	null := tftypes.NewValue(n.element.wire(), nil)
	for name, value := range old {
		if value.IsNull() { // { team = null } is the same as {}, in state too
			values[name] = value
		}
	}
	for name, entry := range entries {
		before, ok := old[name]
		if !ok {
			before = null
		}
		value, err := n.element.decode(entry, before, at+"."+name)
		if err != nil {
			return tftypes.Value{}, err
		}
		values[name] = value
	}
	return tftypes.NewValue(n.wire(), values), nil
}

// decodeDynamic keeps the prior value while it means the same as the live one,
// because a list and a tuple, or a map and an object, are different values to
// Terraform.
func decodeDynamic(n *node, live any, prior tftypes.Value) (tftypes.Value, error) {
	live = n.withoutHelpers(live, func(string) {}, "")
	if known(prior) {
		before, err := n.encode(prior, true)
		if err == nil && reflect.DeepEqual(before, live) {
			return prior, nil
		}
	}
	return decodeAny(live), nil
}

// withoutHelpers returns a value with the manifest's own names without the fields that only conversion needs, and hands
// the paths of those to hidden.
func (n *node) withoutHelpers(value any, hidden func(path string), at string) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, member := range value {
			below := child(n, name)
			switch path := at + "." + name; {
			case n.kind == objectNode && below == nil && conversionHelper.MatchString(name):
				hidden(path)
			case below == nil || below.kind == anyNode:
				kept[name] = member
			default:
				kept[name] = below.withoutHelpers(member, hidden, path)
			}
		}
		return kept
	case []any:
		if n.kind != listNode || n.element.kind == anyNode {
			return value
		}
		kept := make([]any, len(value))
		for i, item := range value {
			kept[i] = n.element.withoutHelpers(item, hidden, fmt.Sprintf("%s[%d]", at, i))
		}
		return kept
	default:
		return value
	}
}

// decodeAny gives a value of a manifest the type that Terraform gives to the
// same value written as a literal.
func decodeAny(live any) tftypes.Value {
	switch v := live.(type) {
	case string:
		return tftypes.NewValue(tftypes.String, v)
	case bool:
		return tftypes.NewValue(tftypes.Bool, v)
	case []any:
		tuple := tftypes.Tuple{ElementTypes: make([]tftypes.Type, len(v))}
		values := make([]tftypes.Value, len(v))
		for i, item := range v {
			values[i] = decodeAny(item)
			tuple.ElementTypes[i] = values[i].Type()
		}
		return tftypes.NewValue(tuple, values)
	case map[string]any:
		object := tftypes.Object{AttributeTypes: make(map[string]tftypes.Type, len(v))}
		values := make(map[string]tftypes.Value, len(v))
		for name, item := range v {
			values[name] = decodeAny(item)
			object.AttributeTypes[name] = values[name].Type()
		}
		return tftypes.NewValue(object, values)
	case nil:
		return tftypes.NewValue(tftypes.DynamicPseudoType, nil)
	default:
		return tftypes.NewValue(tftypes.Number, bigFloat(v))
	}
}

// bigFloat converts a number of a manifest; anything else gives nil.
func bigFloat(v any) *big.Float {
	switch v := v.(type) {
	case int64:
		return new(big.Float).SetInt64(v)
	case float64:
		return big.NewFloat(v)
	}
	return nil
}

func known(value tftypes.Value) bool { return !value.IsNull() && value.IsKnown() }

func mismatch(at string, live any, want string) error {
	return fmt.Errorf("%s is %v, not %s", at, live, want)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func quoted(values []string) string { return strings.Join(values, ", ") }
