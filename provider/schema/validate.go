package schema

import (
	"fmt"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/internal/suggest"
)

// Validate checks a configuration against the CRD, as the API server would at
// apply, and against what only Terraform gets wrong (misspelt keys of nested
// objects). Unknown values pass. Each message names the field, its value and
// what is allowed.
func (k *Kind) Validate(config tftypes.Value) diag.Diagnostics {
	attributes, err := members(config)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot read the configuration", err.Error())}
	}
	v := &check{}
	for _, field := range slices.Concat(metadata.fields, k.spec.fields) {
		v.field(field, attributes[field.attribute], path.Root(field.attribute), false)
	}
	if !v.diags.HasError() && config.IsFullyKnown() {
		v.diags.Append(k.validateRules(config)...)
	}
	return v.diags
}

type check struct {
	diags diag.Diagnostics
}

func (v *check) fail(at path.Path, format string, args ...any) {
	v.diags.AddAttributeError(at, "Invalid value for "+at.String(), at.String()+" "+fmt.Sprintf(format, args...))
}

// field validates a field of an object. Terraform refuses an object that lacks a
// required key, but not one whose key is null.
func (v *check) field(n *node, value tftypes.Value, at path.Path, verbatim bool) {
	if n.required && value.IsNull() {
		v.fail(at, "is required but not set.")
		return
	}
	v.check(n, value, at, verbatim)
}

// check validates one value; verbatim is true inside dynamic values, which
// Terraform has not checked at all.
func (v *check) check(n *node, value tftypes.Value, at path.Path, verbatim bool) {
	if !known(value) || n.kind == anyNode {
		return
	}
	verbatim = verbatim || n.dynamic
	if verbatim && !v.shape(n, value, at) {
		return
	}
	switch n.kind {
	case stringNode:
		v.checkString(n, value, at)
	case intNode, floatNode:
		v.checkNumber(n, value, at)
	case listNode:
		v.checkList(n, value, at, verbatim)
	case mapNode:
		v.checkMap(n, value, at, verbatim)
	case objectNode:
		v.checkObject(n, value, at, verbatim)
	}
}

// shape checks the type of a value inside a dynamic one.
func (v *check) shape(n *node, value tftypes.Value, at path.Path) bool {
	t := value.Type()
	var ok bool
	var want string
	switch n.kind {
	case stringNode:
		ok, want = t.Is(tftypes.String), "a string"
	case boolNode:
		ok, want = t.Is(tftypes.Bool), "true or false"
	case intNode, floatNode:
		ok, want = t.Is(tftypes.Number), "a number"
	case listNode:
		ok, want = t.Is(tftypes.List{}) || t.Is(tftypes.Tuple{}), "a list"
	default:
		ok, want = t.Is(tftypes.Map{}) || t.Is(tftypes.Object{}), "an object"
	}
	if !ok {
		v.fail(at, "must be %s.", want)
	}
	return ok
}

func (v *check) checkString(n *node, value tftypes.Value, at path.Path) {
	var text string
	if value.As(&text) != nil {
		return
	}
	length := int64(utf8.RuneCountInString(text))
	switch {
	case n.enum != nil && !slices.Contains(n.enum, any(text)):
		v.fail(at, "is %q; it must be one of %s.%s", text, list(n.enum), didYouMean(text, stringsOf(n.enum)))
	case n.pattern != nil && !n.pattern.MatchString(text):
		v.fail(at, "is %q; it must match %s.", text, n.pattern)
	case n.minLength != nil && length < *n.minLength:
		v.fail(at, "is %q; it must have at least %d characters.", text, *n.minLength)
	case n.maxLength != nil && length > *n.maxLength:
		v.fail(at, "has %d characters; at most %d are allowed.", length, *n.maxLength)
	}
}

func (v *check) checkNumber(n *node, value tftypes.Value, at path.Path) {
	var number *big.Float
	if value.As(&number) != nil {
		return
	}
	text := number.Text('f', -1)
	if n.kind == intNode {
		if _, accuracy := number.Int64(); accuracy != big.Exact {
			v.fail(at, "is %s; it must be a whole number.", text)
			return
		}
	}
	float, _ := number.Float64()
	integer, _ := number.Int64()
	switch below, above := n.minimum != nil && float < *n.minimum, n.maximum != nil && float > *n.maximum; {
	case n.enum != nil && !slices.Contains(n.enum, any(integer)):
		v.fail(at, "is %s; it must be one of %s.", text, list(n.enum))
	case (below || above) && n.minimum != nil && n.maximum != nil:
		v.fail(at, "is %s; it must be from %v to %v.", text, *n.minimum, *n.maximum)
	case below:
		v.fail(at, "is %s; it must be at least %v.", text, *n.minimum)
	case above:
		v.fail(at, "is %s; it must be at most %v.", text, *n.maximum)
	}
}

func (v *check) checkList(n *node, value tftypes.Value, at path.Path, verbatim bool) {
	var elements []tftypes.Value
	if value.As(&elements) != nil {
		return
	}
	v.checkCount(n, len(elements), "elements", at)
	for i, element := range elements {
		if element.IsNull() {
			v.fail(at.AtListIndex(i), "is null; leave the element out instead.")
			continue
		}
		v.check(n.element, element, at.AtListIndex(i), verbatim)
	}
}

func (v *check) checkMap(n *node, value tftypes.Value, at path.Path, verbatim bool) {
	values, err := members(value)
	if err != nil {
		return
	}
	v.checkCount(n, len(values), "keys", at)
	for _, name := range sortedKeys(values) {
		v.check(n.element, values[name], at.AtMapKey(name), verbatim)
	}
}

func (v *check) checkObject(n *node, value tftypes.Value, at path.Path, verbatim bool) {
	values, err := members(value)
	if err != nil {
		return
	}
	var allowed []string
	set := 0
	for _, field := range n.fields {
		name := field.attribute
		if verbatim {
			name = field.json
		}
		allowed = append(allowed, name)
		child, ok := values[name]
		if ok && !child.IsNull() {
			set++
		}
		v.field(field, child, at.AtName(name), verbatim)
	}
	if verbatim {
		for _, name := range sortedKeys(values) {
			if !slices.Contains(allowed, name) {
				v.fail(at.AtName(name), "is not known; allowed here: %s.%s", quoted(allowed), didYouMean(name, allowed))
			}
		}
	} else if set == 0 && !n.isLabelSelector() {
		// terraform #33570: unknown keys of nested objects never reach a provider.
		v.fail(at, "sets none of the keys allowed here: %s. Terraform silently drops keys it does not know inside nested objects; check the spelling.", quoted(allowed))
		return
	}
	v.checkCount(n, set, "keys", at)
}

func (v *check) checkCount(n *node, count int, what string, at path.Path) {
	switch {
	case n.minItems != nil && int64(count) < *n.minItems:
		v.fail(at, "has %d %s; it must have at least %d.", count, what, *n.minItems)
	case n.maxItems != nil && int64(count) > *n.maxItems:
		v.fail(at, "has %d %s; it must have at most %d.", count, what, *n.maxItems)
	}
}

func list(values []any) string { return quoted(stringsOf(values)) }

func stringsOf(values []any) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return texts
}

// didYouMean is " Did you mean …?" for the allowed word that is close enough to
// be a slip, or "".
func didYouMean(word string, allowed []string) string {
	if meant := suggest.Word(word, allowed); meant != "" {
		return fmt.Sprintf(" Did you mean %q?", meant)
	}
	return ""
}
