package schema

import (
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Literal is what a configuration says to describe an object: its attributes as plain values, by their names in
// Terraform. Fields that are null are absent.
type Literal struct {
	// Attributes are those that the object sets.
	Attributes map[string]any
	// Object is the object as the attributes describe it.
	Object map[string]any
	// Lost are the fields of the object that have no attribute, or cannot be written as one, and why: "spec.prefx: …".
	Lost []string
	// Hidden are the fields in which the conversion from an older version keeps a spelling (v2ExplicitTLS …). No
	// configuration needs them.
	Hidden []string
}

// LiteralOf describes an object of this version as configuration. The error names a field that does not have the type
// that the CRD gives it.
func (k *Kind) LiteralOf(object map[string]any) (*Literal, error) {
	whole := k.Whole(object)
	l := &Literal{Attributes: map[string]any{}, Object: map[string]any{}}
	for _, part := range []struct {
		name string
		node *node
	}{{"metadata", metadata}, {"spec", k.spec}} {
		fields, ok := whole[part.name].(map[string]any)
		if !ok && whole[part.name] != nil {
			return nil, mismatch(part.name, whole[part.name], "an object")
		}
		kept, attributes, err := l.object(part.node, fields, part.name)
		if err != nil {
			return nil, err
		}
		l.Object[part.name] = kept
		maps.Copy(l.Attributes, attributes)
	}
	return l, nil
}

// value is a value that is not null as it stands in the object, and as it stands in configuration.
func (l *Literal) value(n *node, value any, at string) (kept, literal any, err error) {
	if n.dynamic {
		verbatim := n.withoutHelpers(value, func(path string) { l.Hidden = append(l.Hidden, path) }, at)
		return verbatim, verbatim, nil
	}
	switch n.kind {
	case objectNode:
		fields, ok := value.(map[string]any)
		if !ok {
			return nil, nil, mismatch(at, value, "an object")
		}
		return l.object(n, fields, at)
	case mapNode:
		entries, ok := value.(map[string]any)
		if !ok {
			return nil, nil, mismatch(at, value, "an object")
		}
		return l.entries(n, entries, at)
	case listNode:
		items, ok := value.([]any)
		if !ok {
			return nil, nil, mismatch(at, value, "a list")
		}
		return l.items(n, items, at)
	default:
		if _, err := n.decode(value, tftypes.NewValue(n.wire(), nil), at); err != nil {
			return nil, nil, err
		}
		return value, value, nil
	}
}

func (l *Literal) object(n *node, fields map[string]any, at string) (kept, literal map[string]any, err error) {
	kept, literal = map[string]any{}, map[string]any{}
	for _, name := range sortedKeys(fields) {
		path := at + "." + name
		field := n.field(name, true)
		switch {
		case fields[name] == nil:
		case field == nil && conversionHelper.MatchString(name):
			l.Hidden = append(l.Hidden, path)
		case field == nil:
			l.Lost = append(l.Lost, path+": the kind has no such field")
		default:
			before := len(l.Lost)
			below, described, err := l.value(field, fields[name], path)
			if err != nil {
				return nil, nil, err
			}
			if field.saysNothing(below) {
				if len(l.Lost) == before {
					l.Lost = append(l.Lost, path+": it is empty, which configuration cannot say")
				}
				continue
			}
			kept[name], literal[field.attribute] = below, described
		}
	}
	return kept, literal, nil
}

// saysNothing reports whether the value is an object with named fields of which none is set: validation takes it for a
// misspelt one.
func (n *node) saysNothing(value any) bool {
	fields, ok := value.(map[string]any)
	return ok && len(fields) == 0 && n.kind == objectNode && !n.dynamic && !n.isLabelSelector()
}

func (l *Literal) entries(n *node, entries map[string]any, at string) (kept, literal map[string]any, err error) {
	kept, literal = map[string]any{}, map[string]any{}
	for _, name := range sortedKeys(entries) {
		if entries[name] == nil {
			continue
		}
		if kept[name], literal[name], err = l.value(n.element, entries[name], at+"."+name); err != nil {
			return nil, nil, err
		}
	}
	return kept, literal, nil
}

func (l *Literal) items(n *node, items []any, at string) (kept, literal []any, err error) {
	kept, literal = make([]any, len(items)), make([]any, len(items))
	for i, item := range items {
		if kept[i], literal[i], err = l.value(n.element, item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return nil, nil, err
		}
	}
	return kept, literal, nil
}
