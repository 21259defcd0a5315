package schema

import "github.com/hashicorp/terraform-plugin-go/tftypes"

// Encode turns a known Terraform value of any type into what a manifest holds: maps, slices, texts, booleans, int64,
// float64 and nil. Null is kept: in older versions of some fields it has a meaning.
func Encode(value tftypes.Value) (any, error) {
	if value.IsNull() {
		return nil, nil
	}
	switch t := value.Type(); {
	case t.Is(tftypes.Object{}), t.Is(tftypes.Map{}):
		values, err := members(value)
		if err != nil {
			return nil, err
		}
		object := make(map[string]any, len(values))
		for name, member := range values {
			if object[name], err = Encode(member); err != nil {
				return nil, err
			}
		}
		return object, nil
	case t.Is(tftypes.List{}), t.Is(tftypes.Set{}), t.Is(tftypes.Tuple{}):
		var elements []tftypes.Value
		if err := value.As(&elements); err != nil {
			return nil, err
		}
		list := make([]any, len(elements))
		for i, element := range elements {
			var err error
			if list[i], err = Encode(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	default:
		return encodeAny(value)
	}
}

// Decode gives a value of a manifest the type that Terraform gives to the same value written as a literal: objects and
// tuples. Numbers must be int64 or float64.
func Decode(value any) tftypes.Value { return decodeAny(value) }
