package crds_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/validation"
	"terraform-provider-emissary/test/upstream"
)

// TestAcceptsWhatEmissaryAccepts compares the schemas field by field: every
// field of Emissary's v3alpha1 is here, of the same type, and nothing is
// required or restricted that is not so there.
func TestAcceptsWhatEmissaryAccepts(t *testing.T) {
	t.Parallel()
	definitions := upstreamDefinitions(t)
	for _, crd := range crds.Definitions() {
		t.Run(crd.Spec.Names.Kind, func(t *testing.T) {
			t.Parallel()
			theirs, ok := definitions[crd.Spec.Names.Kind]
			if !ok {
				t.Fatal("Emissary has no such kind")
			}
			if !reflect.DeepEqual(crd.Spec.Names, theirs.Spec.Names) {
				t.Errorf("names are %+v, Emissary's %+v", crd.Spec.Names, theirs.Spec.Names)
			}
			for _, problem := range narrower(*crd.Spec.Versions[0].Schema.OpenAPIV3Schema, *theirs.Spec.Versions[0].Schema.OpenAPIV3Schema, "") {
				t.Error(problem)
			}
		})
	}
	if len(definitions) != len(crds.Definitions()) {
		t.Errorf("Emissary has %d kinds, this package %d", len(definitions), len(crds.Definitions()))
	}
}

// TestAcceptsManifestsForEmissary validates the manifests of Emissary's own tests
// with both schemas.
func TestAcceptsManifestsForEmissary(t *testing.T) {
	t.Parallel()
	theirs := map[string]*validation.Validator{}
	for kind, crd := range upstreamDefinitions(t) {
		validator, err := validation.New(crd)
		if err != nil {
			t.Fatal(err)
		}
		theirs[kind] = validator
	}
	checked := 0
	for _, fixture := range upstream.Newest.Fixtures(t) {
		obj := &unstructured.Unstructured{Object: fixture.Object}
		if theirs[obj.GetKind()] == nil || obj.GetAPIVersion() != "getambassador.io/v3alpha1" || len(theirs[obj.GetKind()].Validate(obj)) > 0 {
			continue
		}
		checked++
		ours, err := validation.For(obj.GetKind())
		if err != nil {
			t.Fatal(err)
		}
		if errs := ours.Validate(obj); len(errs) > 0 {
			t.Errorf("%s: %s %s: accepted by Emissary's schema, refused by ours: %v", fixture.File, obj.GetKind(), obj.GetName(), errs.ToAggregate())
		}
	}
	if checked == 0 {
		t.Error("no fixture was checked")
	}
	t.Logf("%d objects", checked)
}

// narrower lists where ours accepts less than theirs does.
func narrower(ours, theirs apiextensionsv1.JSONSchemaProps, path string) []string {
	var problems []string
	problem := func(format string, args ...any) {
		problems = append(problems, path+": "+fmt.Sprintf(format, args...))
	}
	if ours.Type != theirs.Type {
		problem("type is %q, Emissary's %q", ours.Type, theirs.Type)
	}
	for _, name := range ours.Required {
		if !slices.Contains(theirs.Required, name) {
			problem("%s is required, in Emissary it is not", name)
		}
	}
	if values := rawValues(ours.Enum); len(values) > 0 {
		if len(theirs.Enum) == 0 {
			problem("restricted to %q, in Emissary it is not", values)
		}
		for _, value := range rawValues(theirs.Enum) {
			if !slices.Contains(values, value) {
				problem("%s is not allowed, in Emissary it is", value)
			}
		}
	}
	if a, b := limits(ours), limits(theirs); !reflect.DeepEqual(a, b) {
		problem("limits are %v, Emissary's %v", a, b)
	}
	for name, property := range theirs.Properties {
		if _, ok := ours.Properties[name]; !ok {
			problem("%s is missing", name)
			continue
		}
		problems = append(problems, narrower(ours.Properties[name], property, path+"."+name)...)
	}
	if a, b := element(ours), element(theirs); a != nil && b != nil {
		problems = append(problems, narrower(*a, *b, path+"[]")...)
	} else if a != b {
		problem("only one of the two has elements")
	}
	return problems
}

// limits returns the constraints that are the same here as in Emissary.
func limits(s apiextensionsv1.JSONSchemaProps) []any {
	return []any{
		value(s.Minimum), value(s.Maximum), s.ExclusiveMinimum, s.ExclusiveMaximum, value(s.MultipleOf),
		value(s.MinLength), value(s.MaxLength), s.Pattern, s.Format,
		value(s.MinItems), value(s.MaxItems), s.UniqueItems, value(s.MinProperties), value(s.MaxProperties),
		value(s.XPreserveUnknownFields), s.XIntOrString, s.Nullable, value(s.XListType), value(s.XMapType),
	}
}

func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func rawValues(values []apiextensionsv1.JSON) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v.Raw))
	}
	return out
}

// element returns the schema of the items of a list or the values of a map.
func element(s apiextensionsv1.JSONSchemaProps) *apiextensionsv1.JSONSchemaProps {
	switch {
	case s.Items != nil:
		return s.Items.Schema
	case s.AdditionalProperties != nil:
		return s.AdditionalProperties.Schema
	}
	return nil
}

// upstreamDefinitions returns Emissary's CRDs by kind, with v3alpha1 as their
// only version.
func upstreamDefinitions(t *testing.T) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	byKind := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for _, crd := range upstream.Newest.CRDs(t) {
		crd.Spec.Versions = slices.DeleteFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
			return v.Name != "v3alpha1"
		})
		byKind[crd.Spec.Names.Kind] = crd
	}
	return byKind
}
