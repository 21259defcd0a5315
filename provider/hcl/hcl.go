// Package hcl writes Terraform configuration: blocks with plain values as `terraform fmt` lays them out. It is pure, and
// the same blocks always give the same text.
package hcl

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Block is a block of configuration, such as a resource.
type Block struct {
	// Comment stands above the block, without its #; it may have several lines.
	Comment string
	// Type and Labels open it: resource "emissary_mapping" "quote".
	Type   string
	Labels []string
	// Attributes are its content, in their order.
	Attributes []Attribute
}

// Attribute is an argument of a block.
type Attribute struct {
	Name string
	// Value is a plain value: nil, a text, a boolean, int64, float64, []any, map[string]any or a Reference.
	Value any
}

// Reference is an expression that names something, such as emissary_mapping.quote.
type Reference string

// Format writes the blocks with an empty line between them.
func Format(blocks []Block) []byte {
	var text strings.Builder
	for i, block := range blocks {
		if i > 0 {
			text.WriteString("\n")
		}
		for line := range strings.Lines(block.Comment) {
			text.WriteString(strings.TrimRight("# "+line, "\n") + "\n")
		}
		text.WriteString(block.Type)
		for _, label := range block.Labels {
			text.WriteString(" " + quote(label))
		}
		if len(block.Attributes) == 0 {
			text.WriteString(" {}\n")
			continue
		}
		text.WriteString(" {\n")
		for _, attribute := range block.Attributes {
			text.WriteString(indentation(1) + attribute.Name + " = " + expression(attribute.Value, 1, true) + "\n")
		}
		text.WriteString("}\n")
	}
	return hclwrite.Format([]byte(text.String()))
}

// Identifier makes a name for a block out of any text: what an identifier cannot hold becomes an underscore, and so do
// dashes, as names in Terraform are spelt.
func Identifier(name string) string {
	var identifier strings.Builder
	for _, r := range name {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			identifier.WriteRune(r)
		} else {
			identifier.WriteByte('_')
		}
	}
	if text := identifier.String(); hclsyntax.ValidIdentifier(text) {
		return text
	}
	return "_" + identifier.String() // it is empty or begins with a digit
}

func indentation(depth int) string { return strings.Repeat("  ", depth) }

// unexpected is a value that no caller may pass: those come from JSON.
func unexpected(value any) string {
	panic(fmt.Sprintf("hcl: a value of type %T has no literal", value))
}
