package schema

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// DefaultNamespace is where an object goes when no namespace is given.
const DefaultNamespace = "default"

// Attributes is the Terraform schema of the object: its metadata and, at the
// same level, the fields of its spec. Terraform silently drops unknown keys
// inside nested attributes but refuses them at the root.
//
// No field of the spec is Computed: null means absent, and what the API server
// or anyone else fills in is not shown.
func (k *Kind) Attributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name of the object. Changing it makes a new object.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"namespace": schema.StringAttribute{
			Optional: true, Computed: true,
			Default:             stringdefault.StaticString(DefaultNamespace),
			MarkdownDescription: "Namespace of the object. Default `" + DefaultNamespace + "`. Changing it makes a new object.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"labels": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Labels of the object. Labels that others add are left alone.",
		},
		"annotations": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Annotations of the object. Annotations that others add are left alone.",
		},
	}
	for _, field := range k.spec.fields {
		attributes[field.attribute] = field.terraform()
	}
	return attributes
}

// terraform is the attribute for the node.
func (n *node) terraform() schema.Attribute {
	optional := !n.required
	if n.dynamic {
		return schema.DynamicAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description + n.outline()}
	}
	switch n.kind {
	case stringNode:
		return schema.StringAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description}
	case intNode:
		return schema.Int64Attribute{Required: n.required, Optional: optional, MarkdownDescription: n.description}
	case floatNode:
		return schema.Float64Attribute{Required: n.required, Optional: optional, MarkdownDescription: n.description}
	case boolNode:
		return schema.BoolAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description}
	case objectNode:
		return schema.SingleNestedAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description, Attributes: n.nested()}
	case listNode:
		if n.element.kind == objectNode {
			return schema.ListNestedAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description,
				NestedObject: schema.NestedAttributeObject{Attributes: n.element.nested()}}
		}
		return schema.ListAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description, ElementType: n.element.attrType()}
	default: // mapNode
		if n.element.kind == objectNode {
			return schema.MapNestedAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description,
				NestedObject: schema.NestedAttributeObject{Attributes: n.element.nested()}}
		}
		return schema.MapAttribute{Required: n.required, Optional: optional, MarkdownDescription: n.description, ElementType: n.element.attrType()}
	}
}

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

func (n *node) nested() map[string]schema.Attribute {
	attributes := make(map[string]schema.Attribute, len(n.fields))
	for _, field := range n.fields {
		attributes[field.attribute] = field.terraform()
	}
	return attributes
}

// attrType is the type of an element that is no object.
func (n *node) attrType() attr.Type {
	switch n.kind {
	case stringNode:
		return types.StringType
	case intNode:
		return types.Int64Type
	case floatNode:
		return types.Float64Type
	case boolNode:
		return types.BoolType
	case listNode:
		return types.ListType{ElemType: n.element.attrType()}
	default: // mapNode
		return types.MapType{ElemType: n.element.attrType()}
	}
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
