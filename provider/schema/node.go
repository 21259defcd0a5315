// Package schema turns the OpenAPI schema of a kind's CRD into a Terraform
// schema and carries values between the two: validation of a configuration,
// configuration to manifest, live object to state.
//
// Everything is derived from the embedded CRDs when the provider starts, so a
// plan needs no cluster and a new field in a CRD needs no code here.
package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/json"
)

// nodeType is the shape of a value.
type nodeType int

const (
	anyNode    nodeType = iota // free form: the CRD preserves unknown fields
	stringNode                 // string
	intNode                    // integer
	floatNode                  // number
	boolNode                   // boolean
	listNode                   // array; element describes its items
	mapNode                    // object with arbitrary keys; element describes its values
	objectNode                 // object with named fields
)

// node is one value in the tree of a kind's spec.
type node struct {
	json        string // name in manifests; empty for elements of lists and maps
	attribute   string // name in Terraform: json in snake_case
	description string
	kind        nodeType
	required    bool
	// atomic objects are owned as a whole in server-side apply, as all lists are.
	atomic bool
	// dynamic values are typed by what the user writes; their keys are the
	// manifest's own names. Terraform has no static type for them.
	dynamic bool

	element *node   // of a list or map
	fields  []*node // of an object, sorted by attribute

	enum                 []any
	minimum, maximum     *float64
	minLength, maxLength *int64
	minItems, maxItems   *int64 // of a list: items; of an object or map: fields
	pattern              *regexp.Regexp
}

// field returns the field of an object by its manifest name (in dynamic values)
// or its attribute name, or nil.
func (n *node) field(name string, verbatim bool) *node {
	for _, f := range n.fields {
		if verbatim && f.json == name || !verbatim && f.attribute == name {
			return f
		}
	}
	return nil
}

// conversionHelper matches the fields that upstream's v2 conversion keeps in
// v3alpha1 objects to remember a spelling (v2ExplicitTLS, v2BoolHeaders …).
// They mean nothing to a person and are hidden.
var conversionHelper = regexp.MustCompile(`^v2[A-Z]`)

// parse builds the tree below one property of the CRD's schema.
func parse(name string, p *apiextensionsv1.JSONSchemaProps) (*node, error) {
	n := &node{
		json:        name,
		attribute:   snakeCase(name),
		description: describe(p),
		atomic:      p.XMapType != nil && *p.XMapType == "atomic",
		minimum:     p.Minimum, maximum: p.Maximum,
		minLength: p.MinLength, maxLength: p.MaxLength,
	}
	for _, allowed := range p.Enum {
		var value any
		if err := json.UnmarshalCaseSensitivePreserveInts(allowed.Raw, &value); err != nil {
			return nil, fmt.Errorf("%s: enum value %s: %w", name, allowed.Raw, err)
		}
		n.enum = append(n.enum, value)
	}
	if p.Pattern != "" {
		pattern, err := regexp.Compile(p.Pattern)
		if err != nil {
			return nil, fmt.Errorf("%s: pattern: %w", name, err)
		}
		n.pattern = pattern
	}
	var err error
	switch {
	case p.Type == "string":
		n.kind = stringNode
	case p.Type == "integer":
		n.kind = intNode
	case p.Type == "number":
		n.kind = floatNode
	case p.Type == "boolean":
		n.kind = boolNode
	case p.Type == "array" && p.Items != nil && p.Items.Schema != nil:
		n.kind, n.minItems, n.maxItems = listNode, p.MinItems, p.MaxItems
		n.element, err = parse("", p.Items.Schema)
	case p.Type == "object" && p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil:
		n.kind, n.minItems, n.maxItems = mapNode, p.MinProperties, p.MaxProperties
		n.element, err = parse("", p.AdditionalProperties.Schema)
	case p.Type == "object" && len(p.Properties) > 0:
		n.kind, n.minItems, n.maxItems = objectNode, p.MinProperties, p.MaxProperties
		n.fields, err = parseFields(p)
	default:
		n.kind = anyNode
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	n.dynamic = needsDynamic(n)
	if n.isLabelSelector() {
		describeSelector(n)
	}
	return n, nil
}

func parseFields(p *apiextensionsv1.JSONSchemaProps) ([]*node, error) {
	var fields []*node
	for name, property := range p.Properties {
		if conversionHelper.MatchString(name) {
			continue
		}
		field, err := parse(name, &property)
		if err != nil {
			return nil, err
		}
		field.required = slices.Contains(p.Required, name)
		fields = append(fields, field)
	}
	slices.SortFunc(fields, func(a, b *node) int { return strings.Compare(a.attribute, b.attribute) })
	return fields, nil
}

// needsDynamic reports whether Terraform has no static type for the value:
// it is free form, or a collection that holds free-form values or collections
// of objects (a static object type inside one would make every key required).
func needsDynamic(n *node) bool {
	switch n.kind {
	case anyNode:
		return true
	case listNode, mapNode:
		switch n.element.kind {
		case objectNode:
			return slices.ContainsFunc(n.element.fields, func(f *node) bool { return f.dynamic })
		case listNode, mapNode:
			return n.element.dynamic || holdsObjects(n.element)
		}
		return n.element.dynamic
	}
	return false
}

func holdsObjects(n *node) bool {
	return n.kind == objectNode || n.element != nil && holdsObjects(n.element)
}

// isLabelSelector reports whether the object selects by labels. An empty one
// is meaningful: it selects everything.
func (n *node) isLabelSelector() bool {
	return n.kind == objectNode && n.field("matchLabels", true) != nil
}

var (
	camelHump    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	camelAcronym = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
)

// snakeCase spells a manifest's name as Terraform does: tlsSecret is
// tls_secret, TCPMapping is tcp_mapping.
func snakeCase(name string) string {
	name = camelAcronym.ReplaceAllString(name, "${1}_${2}")
	name = camelHump.ReplaceAllString(name, "${1}_${2}")
	return strings.ToLower(name)
}
