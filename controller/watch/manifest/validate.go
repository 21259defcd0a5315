package manifest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// validator does to a custom resource what the API server does on create: prune, default, validate.
type validator struct {
	structural *structuralschema.Structural
	schema     validation.SchemaCreateValidator
	rules      *cel.Validator // nil when the schema has no CEL rules
}

// lazyValidator builds the validator of a kind the first time it is asked for: the CEL rules of all kinds together
// take longer to compile than a small folder takes to serve.
func lazyValidator(kind string) func() (*validator, error) {
	return sync.OnceValues(func() (*validator, error) { return newValidator(kind) })
}

func newValidator(kind string) (*validator, error) {
	props, err := openAPISchema(kind)
	if err != nil {
		return nil, err
	}
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, internal, nil); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", kind, err)
	}
	structural, err := structuralschema.NewStructural(internal)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", kind, err)
	}
	schema, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", kind, err)
	}
	return &validator{
		structural: structural,
		schema:     schema,
		rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

func openAPISchema(kind string) (*apiextensionsv1.JSONSchemaProps, error) {
	for _, definition := range crds.Definitions() {
		if definition.Spec.Names.Kind != kind {
			continue
		}
		for _, version := range definition.Spec.Versions {
			if version.Name == v3alpha1.GroupVersion.Version && version.Schema != nil {
				return version.Schema.OpenAPIV3Schema, nil
			}
		}
	}
	return nil, fmt.Errorf("no embedded definition has a %s schema for %s", v3alpha1.GroupVersion.Version, kind)
}

// admit completes the object in place and returns the fields it dropped. The error names each field that is wrong,
// its value and what is allowed.
func (v *validator) admit(u *unstructured.Unstructured) (unknown []string, err error) {
	unknown = pruning.PruneWithOptions(u.Object, v.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, v.structural)
	defaulting.Default(u.Object, v.structural)

	errs := validation.ValidateCustomResource(nil, u.UnstructuredContent(), v.schema)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, v.structural, u.Object)...)
	if v.rules != nil && len(errs) == 0 { // rules assume values of the right type
		ruleErrs, _ := v.rules.Validate(context.Background(), nil, v.structural, u.Object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, ruleErrs...)
	}
	return unknown, describe(errs)
}

// describe joins field errors into one line a person can act on.
func describe(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	parts := make([]string, len(errs))
	for i, err := range errs {
		parts[i] = err.Error()
	}
	return fmt.Errorf("%s", strings.Join(parts, "; "))
}
