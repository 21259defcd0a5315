package provider

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// plainer turns Terraform values into maps, slices and scalars as JSON has them.
// Null stays null: in a chart's values it takes a default away. What will be known
// only after apply is left out, a list as a whole, since positions count in it.
type plainer struct {
	// incomplete is set once something was left out.
	incomplete bool
}

// errUnknownValue reports a value that is not known yet, to the map or list that
// leaves it out.
var errUnknownValue = errors.New("the value is not known yet")

// plainValue turns a whole value into maps, slices and scalars; the error is
// errUnknownValue where any part of it is not known.
func plainValue(ctx context.Context, value attr.Value) (any, error) {
	p := plainer{}
	plain, err := p.value(ctx, value)
	if err == nil && p.incomplete {
		err = errUnknownValue
	}
	return plain, err
}

func (p *plainer) value(ctx context.Context, value attr.Value) (any, error) {
	if value.IsUnknown() {
		p.incomplete = true
		return nil, errUnknownValue
	}
	if value.IsNull() {
		return nil, nil
	}
	switch value := value.(type) {
	case types.Dynamic:
		return p.value(ctx, value.UnderlyingValue())
	case types.String:
		return value.ValueString(), nil
	case types.Bool:
		return value.ValueBool(), nil
	case types.Number:
		return plainNumber(value.ValueBigFloat()), nil
	case types.Object:
		return p.members(ctx, value.Attributes())
	case types.Map:
		return p.members(ctx, value.Elements())
	case types.List:
		return p.elements(ctx, value.Elements())
	case types.Set:
		return p.elements(ctx, value.Elements())
	case types.Tuple:
		return p.elements(ctx, value.Elements())
	default:
		return nil, fmt.Errorf("a value of type %s has no form in YAML", value.Type(ctx))
	}
}

// plainNumber keeps whole numbers whole: a template would print 1e+06 for a
// million in floating point.
func plainNumber(number *big.Float) any {
	if whole, accuracy := number.Int64(); accuracy == big.Exact {
		return whole
	}
	float, _ := number.Float64()
	return float
}

func (p *plainer) members(ctx context.Context, elements map[string]attr.Value) (map[string]any, error) {
	plain := make(map[string]any, len(elements))
	for name, element := range elements {
		value, err := p.value(ctx, element)
		if errors.Is(err, errUnknownValue) {
			continue
		}
		if err != nil {
			return nil, err
		}
		plain[name] = value
	}
	return plain, nil
}

func (p *plainer) elements(ctx context.Context, elements []attr.Value) ([]any, error) {
	plain := make([]any, 0, len(elements))
	for _, element := range elements {
		value, err := p.value(ctx, element)
		if err != nil {
			return nil, err
		}
		plain = append(plain, value)
	}
	return plain, nil
}

// dynamicValue is the opposite: the value as a configuration would write it, with
// objects and tuples.
func dynamicValue(ctx context.Context, value any) attr.Value {
	switch value := value.(type) {
	case map[string]any:
		attributes, kinds := map[string]attr.Value{}, map[string]attr.Type{}
		for name, member := range value {
			attributes[name] = dynamicValue(ctx, member)
			kinds[name] = attributes[name].Type(ctx)
		}
		return types.ObjectValueMust(kinds, attributes)
	case []any:
		elements, kinds := make([]attr.Value, len(value)), make([]attr.Type, len(value))
		for i, element := range value {
			elements[i] = dynamicValue(ctx, element)
			kinds[i] = elements[i].Type(ctx)
		}
		return types.TupleValueMust(kinds, elements)
	case string:
		return types.StringValue(value)
	case bool:
		return types.BoolValue(value)
	case float64:
		// As Terraform reads the digits: 0.1 in floating point is another number.
		number, _, err := big.ParseFloat(strconv.FormatFloat(value, 'g', -1, 64), 10, 512, big.ToNearestEven)
		if err != nil {
			return types.NumberNull()
		}
		return types.NumberValue(number)
	case int64:
		return types.NumberValue(new(big.Float).SetInt64(value))
	default:
		return types.DynamicNull()
	}
}
