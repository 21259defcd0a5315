// Package validation checks objects of getambassador.io against their CRDs
// the way the API server does, for where there is none: manifests in a folder,
// the compile command, tests.
package validation

import (
	"context"
	"fmt"
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
)

// Validator checks the objects of one version of one kind.
type Validator struct {
	structural *structuralschema.Structural
	openapi    validation.SchemaValidator
	cel        *cel.Validator // nil when the schema has no rules
}

// For returns the Validator of a kind as embedded in this binary, such as
// "Mapping", in version v3alpha1. It is an error if there is no such kind.
func For(kind string) (*Validator, error) {
	load, ok := validators()[kind]
	if !ok {
		return nil, fmt.Errorf("no kind %q in getambassador.io", kind)
	}
	return load()
}

// New returns the Validator of the first version in crd.
func New(crd *apiextensionsv1.CustomResourceDefinition) (*Validator, error) {
	internal := &apiextensions.JSONSchemaProps{}
	schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, internal, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", crd.Name, err)
	}
	structural, err := structuralschema.NewStructural(internal)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", crd.Name, err)
	}
	openapi, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", crd.Name, err)
	}
	return &Validator{
		structural: structural,
		openapi:    openapi,
		cel:        cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// Admit does to the object what the API server does when it is created: drops
// the fields that the schema does not have and returns their paths, drops
// nulls, sets defaults, and validates the result.
func (v *Validator) Admit(obj *unstructured.Unstructured) (unknown []string, errs field.ErrorList) {
	unknown = pruning.PruneWithOptions(obj.Object, v.structural, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	defaulting.PruneNonNullableNullsWithoutDefaults(obj.Object, v.structural)
	defaulting.Default(obj.Object, v.structural)
	return unknown, v.Validate(obj)
}

// Validate returns what the API server would refuse the object for. Each error
// names the field, its value and what is allowed.
func (v *Validator) Validate(obj *unstructured.Unstructured) field.ErrorList {
	errs := validation.ValidateCustomResource(nil, obj.Object, v.openapi)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, v.structural, obj.Object)...)
	// Rules assume the types they were compiled for, as in the API server:
	// they run only on an object that has the right shape.
	if len(errs) == 0 {
		errs = v.Rules(obj.Object)
	}
	return errs
}

// Rules returns what the CEL rules alone refuse the object for. The object must
// have the shape that the schema asks for.
func (v *Validator) Rules(object map[string]any) field.ErrorList {
	if v.cel == nil {
		return nil
	}
	errs, _ := v.cel.Validate(context.Background(), nil, v.structural, object, nil, celconfig.RuntimeCELCostBudget)
	return errs
}

// validators compiles the schema of a kind when it is first asked for: the
// rules of all kinds together take longer than a small folder takes to serve.
var validators = sync.OnceValue(func() map[string]func() (*Validator, error) {
	byKind := map[string]func() (*Validator, error){}
	for _, crd := range crds.Definitions() {
		byKind[crd.Spec.Names.Kind] = sync.OnceValues(func() (*Validator, error) { return New(crd) })
	}
	return byKind
})
