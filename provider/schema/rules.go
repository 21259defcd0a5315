package schema

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"terraform-provider-emissary/crds/validation"
)

// rulesOf returns the validator of a CRD's CEL rules, or nil when it has none.
// They are compiled on first use: that takes longer than deriving every schema.
func rulesOf(crd *apiextensionsv1.CustomResourceDefinition, openAPI *apiextensionsv1.JSONSchemaProps) func() (*validation.Validator, error) {
	if !hasRules(openAPI) {
		return nil
	}
	return sync.OnceValues(func() (*validation.Validator, error) { return validation.New(crd) })
}

// validateRules evaluates the CEL rules on a configuration without unknown
// values, as the API server will.
func (k *Kind) validateRules(config tftypes.Value) diag.Diagnostics {
	if k.rules == nil {
		return nil
	}
	validator, err := k.rules()
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("The rules of the "+k.Name+" CRD do not compile", err.Error())}
	}
	manifest, err := k.Manifest(config)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot read the configuration", err.Error())}
	}
	var diags diag.Diagnostics
	for _, failure := range validator.Rules(manifest) {
		diags.Append(k.describeFailure(failure))
	}
	return diags
}

// describeFailure attributes a rule's failure to the attribute at the root that
// holds the object the rule is about, if any.
func (k *Kind) describeFailure(failure *field.Error) diag.Diagnostic {
	summary := fmt.Sprintf("Invalid %s", k.Name)
	_, detail := k.InAttributes(failure.Detail)
	for _, f := range k.spec.fields {
		if failure.Field == "spec."+f.json {
			return diag.NewAttributeErrorDiagnostic(path.Root(f.attribute), summary, detail)
		}
	}
	return diag.NewErrorDiagnostic(summary, detail)
}

// word is what may be the name of a field in a message.
var word = regexp.MustCompile(`\b[a-z][A-Za-z0-9_]*\b`)

// InAttributes is a message about an object, in which fields of the spec have the names that manifests give them, in
// terms of configuration; attribute is the one that the message begins with, else the name.
func (k *Kind) InAttributes(message string) (attribute, text string) {
	attribute = "name"
	if first := k.spec.field(word.FindString(message), true); first != nil && strings.HasPrefix(message, first.json) {
		attribute = first.attribute
	}
	return attribute, word.ReplaceAllStringFunc(message, func(name string) string {
		if field := k.spec.field(name, true); field != nil && name != strings.ToLower(name) {
			return field.attribute
		}
		return name
	})
}

func hasRules(p *apiextensionsv1.JSONSchemaProps) bool {
	if len(p.XValidations) > 0 || p.Items != nil && p.Items.Schema != nil && hasRules(p.Items.Schema) ||
		p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil && hasRules(p.AdditionalProperties.Schema) {
		return true
	}
	for _, property := range p.Properties {
		if hasRules(&property) {
			return true
		}
	}
	return false
}
