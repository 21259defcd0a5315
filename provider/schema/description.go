package schema

import (
	"fmt"
	"regexp"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// describe is the CRD's description with what its schema allows, as Markdown.
func describe(p *apiextensionsv1.JSONSchemaProps) string {
	parts := []string{prose(p.Description)}
	switch {
	case len(p.Enum) > 0:
		parts = append(parts, "One of "+enumerate(p.Enum)+".")
	case p.Items != nil && p.Items.Schema != nil && len(p.Items.Schema.Enum) > 0:
		parts = append(parts, "Each one of "+enumerate(p.Items.Schema.Enum)+".")
	case p.Minimum != nil && p.Maximum != nil:
		parts = append(parts, fmt.Sprintf("From %v to %v.", *p.Minimum, *p.Maximum))
	case p.Minimum != nil:
		parts = append(parts, fmt.Sprintf("At least %v.", *p.Minimum))
	case p.Maximum != nil:
		parts = append(parts, fmt.Sprintf("At most %v.", *p.Maximum))
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

func enumerate(enum []apiextensionsv1.JSON) string {
	var values []string
	for _, allowed := range enum {
		values = append(values, "`"+strings.Trim(string(allowed.Raw), `"`)+"`")
	}
	return strings.Join(values, ", ")
}

var (
	// lineBreak is where a comment of the Go source was wrapped: not the end of
	// a paragraph, not before the item of a list.
	lineBreak = regexp.MustCompile(`([^\n])\n([^\n\-*\s])`)
	// camelName is a field of a manifest in a description: `matchLabels`.
	camelName = regexp.MustCompile("`[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+`")
)

// prose is a description of the CRD as a reader of the Terraform documentation
// wants it: paragraphs in one line, fields by the names of their attributes.
func prose(description string) string {
	description = lineBreak.ReplaceAllString(strings.TrimSpace(description), "$1 $2")
	return camelName.ReplaceAllStringFunc(description, snakeCase)
}

// selectorProse describes the fields of a label selector by their attributes. Kubernetes' own descriptions, which the
// CRDs have, use the names of its manifests.
var selectorProse = map[string]string{
	"match_labels":      "Labels that an object must have, by name. Default: none, which every object has.",
	"match_expressions": "Conditions on labels. An object must meet all of them, and have all of `match_labels`.",
	"key":               "Name of the label.",
	"operator":          "`In` wants the label to have one of `values`, `NotIn` none of them; `Exists` wants the label, `DoesNotExist` its absence.",
	"values":            "Values of the label, for `In` and `NotIn` alone.",
}

// describeSelector describes a label selector's fields.
func describeSelector(selector *node) {
	describe := func(fields []*node) {
		for _, field := range fields {
			if prose, ok := selectorProse[field.attribute]; ok {
				field.description = prose
			}
		}
	}
	describe(selector.fields)
	if expressions := selector.field("matchExpressions", true); expressions != nil {
		describe(expressions.element.fields)
	}
}
