package schema

import (
	"fmt"
	"regexp"
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
	summary, detail := fmt.Sprintf("Invalid %s", k.Name), k.spec.inAttributes(failure.Detail)
	for _, f := range k.spec.fields {
		if failure.Field == "spec."+f.json {
			return diag.NewAttributeErrorDiagnostic(path.Root(f.attribute), summary, detail)
		}
	}
	return diag.NewErrorDiagnostic(summary, detail)
}

// camelCase is how manifests spell names of several words.
var camelCase = regexp.MustCompile(`\b[a-z]+(?:[A-Z][a-z]+)+\b`)

// inAttributes is a message about an object with the names that its fields have in configuration.
func (n *node) inAttributes(message string) string {
	return camelCase.ReplaceAllStringFunc(message, func(word string) string {
		if field := n.field(word, true); field != nil {
			return field.attribute
		}
		return word
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
