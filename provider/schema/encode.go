package schema

import (
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Manifest is the object that a resource's configuration, plan or state
// describes, as server-side apply takes it. Null means absent; what is empty
// ("", 0, false, [], {}) is there. A value that is not known yet is an error.
func (k *Kind) Manifest(resource tftypes.Value) (map[string]any, error) {
	var attributes map[string]tftypes.Value
	if err := resource.As(&attributes); err != nil {
		return nil, err
	}
	meta, err := metadata.encodeFields(attributes, false)
	if err != nil {
		return nil, err
	}
	spec, err := k.spec.encodeFields(attributes, false)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"apiVersion": k.Group + "/" + k.Version,
		"kind":       k.Name,
		"metadata":   meta,
		"spec":       spec,
	}, nil
}

// encode converts a value that is not null. Verbatim objects, which are those
// inside dynamic values, have the manifest's own keys.
func (n *node) encode(value tftypes.Value, verbatim bool) (any, error) {
	if !value.IsKnown() {
		return nil, fmt.Errorf("the value is not known yet")
	}
	verbatim = verbatim || n.dynamic
	switch n.kind {
	case objectNode:
		fields, err := members(value)
		if err != nil {
			return nil, err
		}
		return n.encodeFields(fields, verbatim)
	case mapNode:
		values, err := members(value)
		if err != nil {
			return nil, err
		}
		return encodeMap(values, func(v tftypes.Value) (any, error) { return n.element.encode(v, verbatim) })
	case listNode:
		return encodeList(value, func(v tftypes.Value) (any, error) { return n.element.encode(v, verbatim) })
	default:
		return encodeAny(value)
	}
}

func (n *node) encodeFields(values map[string]tftypes.Value, verbatim bool) (map[string]any, error) {
	object := map[string]any{}
	for _, field := range n.fields {
		name := field.attribute
		if verbatim {
			name = field.json
		}
		value, ok := values[name]
		if !ok || value.IsNull() {
			continue
		}
		encoded, err := field.encode(value, verbatim)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[field.json] = encoded
	}
	return object, nil
}

// encodeAny converts a value by its own type.
func encodeAny(value tftypes.Value) (any, error) {
	if !value.IsKnown() {
		return nil, fmt.Errorf("the value is not known yet")
	}
	t := value.Type()
	switch {
	case t.Is(tftypes.String):
		var text string
		err := value.As(&text)
		return text, err
	case t.Is(tftypes.Bool):
		var flag bool
		err := value.As(&flag)
		return flag, err
	case t.Is(tftypes.Number):
		var number *big.Float
		if err := value.As(&number); err != nil {
			return nil, err
		}
		if integer, accuracy := number.Int64(); accuracy == big.Exact {
			return integer, nil
		}
		float, _ := number.Float64()
		return float, nil
	case t.Is(tftypes.Object{}), t.Is(tftypes.Map{}):
		values, err := members(value)
		if err != nil {
			return nil, err
		}
		return encodeMap(values, encodeAny)
	default:
		return encodeList(value, encodeAny)
	}
}

func encodeMap(values map[string]tftypes.Value, encode func(tftypes.Value) (any, error)) (map[string]any, error) {
	object := make(map[string]any, len(values))
	for _, name := range sortedKeys(values) {
		if values[name].IsNull() {
			continue
		}
		encoded, err := encode(values[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[name] = encoded
	}
	return object, nil
}

func encodeList(value tftypes.Value, encode func(tftypes.Value) (any, error)) ([]any, error) {
	var elements []tftypes.Value
	if err := value.As(&elements); err != nil {
		return nil, err
	}
	list := make([]any, len(elements))
	for i, element := range elements {
		if element.IsNull() {
			return nil, fmt.Errorf("element %d is null", i)
		}
		encoded, err := encode(element)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		list[i] = encoded
	}
	return list, nil
}

// members are the attributes of an object or the elements of a map.
func members(value tftypes.Value) (map[string]tftypes.Value, error) {
	var values map[string]tftypes.Value
	err := value.As(&values)
	return values, err
}
