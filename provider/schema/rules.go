package schema

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// rules are the CEL rules of a CRD. They are compiled on first use, and only for
// kinds that have any: compiling takes longer than deriving every schema.
type rules struct {
	schema *apiextensionsv1.JSONSchemaProps
	any    bool // the schema has rules

	once      sync.Once
	validator *cel.Validator
	tree      *structural.Structural
	err       error
}

func (r *rules) compile() {
	var internal apiextensions.JSONSchemaProps
	if r.err = apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(r.schema, &internal, nil); r.err != nil {
		return
	}
	if r.tree, r.err = structural.NewStructural(&internal); r.err != nil {
		return
	}
	r.validator = cel.NewValidator(r.tree, true, celconfig.PerCallLimit)
}

// validateRules evaluates the CEL rules on a configuration without unknown
// values, as the API server will.
func (k *Kind) validateRules(config tftypes.Value) diag.Diagnostics {
	if !k.cel.any {
		return nil
	}
	k.cel.once.Do(k.cel.compile)
	if k.cel.err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("The rules of the "+k.Name+" CRD do not compile", k.cel.err.Error())}
	}
	manifest, err := k.Manifest(config)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot read the configuration", err.Error())}
	}
	var diags diag.Diagnostics
	failures, _ := k.cel.validator.Validate(context.Background(), nil, k.cel.tree, manifest, nil, celconfig.RuntimeCELCostBudget)
	for _, failure := range failures {
		diags.Append(k.describeFailure(failure))
	}
	return diags
}

// describeFailure attributes a rule's failure to the attribute at the root that
// holds the object the rule is about, if any.
func (k *Kind) describeFailure(failure *field.Error) diag.Diagnostic {
	summary := fmt.Sprintf("Invalid %s", k.Name)
	for _, f := range k.spec.fields {
		if failure.Field == "spec."+f.json {
			return diag.NewAttributeErrorDiagnostic(path.Root(f.attribute), summary, failure.Detail)
		}
	}
	return diag.NewErrorDiagnostic(summary, failure.Detail)
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
