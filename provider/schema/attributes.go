package schema

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// DefaultNamespace is where an object goes when no namespace is given.
const DefaultNamespace = "default"

// Attributes is the Terraform schema of the object, sorted by name: its metadata
// and, at the same level, the fields of its spec. Terraform silently drops
// unknown keys inside nested attributes but refuses them at the root.
//
// No field of the spec is Computed: null means absent, and what the API server
// or anyone else fills in is not shown.
func (k *Kind) Attributes() []*tfprotov6.SchemaAttribute {
	attributes := []*tfprotov6.SchemaAttribute{
		{Name: "name", Type: tftypes.String, Required: true,
			Description: "Name of the object. Changing it makes a new object."},
		{Name: "namespace", Type: tftypes.String, Optional: true, Computed: true,
			Description: "Namespace of the object. Default `" + DefaultNamespace + "`. Changing it makes a new object."},
		{Name: "labels", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true,
			Description: "Labels of the object. Labels that others add are left alone. Default: none."},
		{Name: "annotations", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true,
			Description: "Annotations of the object. Annotations that others add are left alone. Default: none."},
	}
	for _, attribute := range attributes {
		attribute.DescriptionKind = tfprotov6.StringKindMarkdown
	}
	attributes = append(attributes, k.spec.attributes()...)
	slices.SortFunc(attributes, func(a, b *tfprotov6.SchemaAttribute) int { return strings.Compare(a.Name, b.Name) })
	return attributes
}

// attributes are those of an object's fields.
func (n *node) attributes() []*tfprotov6.SchemaAttribute {
	var attributes []*tfprotov6.SchemaAttribute
	for _, field := range n.fields {
		attributes = append(attributes, field.terraform())
	}
	return attributes
}

// terraform is the attribute for the node.
func (n *node) terraform() *tfprotov6.SchemaAttribute {
	attribute := &tfprotov6.SchemaAttribute{
		Name: n.attribute, Required: n.required, Optional: !n.required,
		Description: n.description, DescriptionKind: tfprotov6.StringKindMarkdown,
	}
	nested := func(object *node, nesting tfprotov6.SchemaObjectNestingMode) {
		attribute.NestedType = &tfprotov6.SchemaObject{Attributes: object.attributes(), Nesting: nesting}
	}
	switch {
	case n.dynamic:
		attribute.Type = tftypes.DynamicPseudoType
		attribute.Description += n.outline()
	case n.kind == objectNode:
		nested(n, tfprotov6.SchemaObjectNestingModeSingle)
	case n.kind == listNode && n.element.kind == objectNode:
		nested(n.element, tfprotov6.SchemaObjectNestingModeList)
	case n.kind == mapNode && n.element.kind == objectNode:
		nested(n.element, tfprotov6.SchemaObjectNestingModeMap)
	default:
		attribute.Type = n.wire()
	}
	if attribute.Optional && !namesDefault.MatchString(attribute.Description) {
		attribute.Description += " Default: none."
	}
	return attribute
}

// namesDefault matches descriptions that say what happens without the attribute.
var namesDefault = regexp.MustCompile(`(?i)\bdefaults?\b|has no effect`)

// outline says in words what a dynamic value holds, because its type does not;
// where it is free form, there is nothing to say.
func (n *node) outline() string {
	if n.kind == anyNode || n.kind == listNode && n.element.kind == anyNode {
		return ""
	}
	return " Holds " + n.shape() + ", with the manifest's own names; checked at plan."
}

func (n *node) shape() string {
	switch n.kind {
	case mapNode:
		return "maps of " + n.element.shape()
	case listNode:
		return "lists of " + n.element.shape()
	case objectNode:
		var names []string
		for _, field := range n.fields {
			names = append(names, "`"+field.json+"`")
		}
		return "objects with " + strings.Join(names, ", ")
	}
	return "values"
}

// wire is the type of the node's values in Terraform's protocol.
func (n *node) wire() tftypes.Type {
	if n.dynamic {
		return tftypes.DynamicPseudoType
	}
	switch n.kind {
	case stringNode:
		return tftypes.String
	case intNode, floatNode:
		return tftypes.Number
	case boolNode:
		return tftypes.Bool
	case listNode:
		return tftypes.List{ElementType: n.element.wire()}
	case mapNode:
		return tftypes.Map{ElementType: n.element.wire()}
	default: // objectNode
		object := tftypes.Object{AttributeTypes: make(map[string]tftypes.Type, len(n.fields))}
		for _, field := range n.fields {
			object.AttributeTypes[field.attribute] = field.wire()
		}
		return object
	}
}
