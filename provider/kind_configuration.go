package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/provider/refusals"
	"terraform-provider-emissary/provider/schema"
)

// Configuration is the configuration of the resource that manages an object.
type Configuration struct {
	// ResourceType is the resource's type, such as emissary_mapping.
	ResourceType string
	*schema.Literal
	// Problems are what a plan would refuse of it.
	Problems []string
}

// ConfigurationOf describes an object of v3alpha1 as configuration. It is an error when no resource manages the kind,
// or a field does not have the type that the CRD gives it.
func ConfigurationOf(object map[string]any) (*Configuration, error) {
	u := &unstructured.Unstructured{Object: object}
	index := slices.IndexFunc(kinds(), func(k *kind) bool {
		return k.Name == u.GetKind() && k.Group+"/"+k.Version == u.GetAPIVersion()
	})
	if index < 0 {
		return nil, fmt.Errorf("no resource manages the kind %s of %s", u.GetKind(), u.GetAPIVersion())
	}
	k := kinds()[index]
	literal, err := k.LiteralOf(object)
	if err != nil {
		return nil, err
	}
	configuration := &Configuration{ResourceType: TypeName + "_" + k.TypeName(), Literal: literal}
	t, _ := resourceSchema(k).ValueType().(tftypes.Object)
	value, err := k.Decode(literal.Object, tftypes.NewValue(t, map[string]tftypes.Value(nulls(t))))
	if err != nil {
		return nil, err
	}
	for _, diagnostic := range k.validate(value) {
		if diagnostic.Severity() == diag.SeverityError {
			configuration.Problems = append(configuration.Problems, strings.TrimSuffix(diagnostic.Detail(), "."))
		}
	}
	return configuration, nil
}

// validate checks a configuration against the CRD, when that has nothing to say by the rules that no schema can express,
// and at last as the controller does.
func (k *kind) validate(config tftypes.Value) diag.Diagnostics {
	diags := k.Validate(config)
	if diags.HasError() {
		return diags
	}
	values := attributesOf(config)
	for _, check := range slices.Concat(metadataChecks, k.checks) {
		diags.Append(check(values)...)
	}
	if !diags.HasError() && config.IsFullyKnown() {
		diags.Append(k.refusals(config, len(diags) > 0)...)
	}
	return diags
}

// refusals are what the controller would say of the object. Warnings are left out where the rules above have warned:
// they know more about where.
func (k *kind) refusals(config tftypes.Value, warned bool) (diags diag.Diagnostics) {
	manifest, err := k.Manifest(config)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot read the configuration", sentence(err))}
	}
	for _, problem := range refusals.Of(manifest) {
		attribute, message := k.InAttributes(problem.Message)
		switch {
		case problem.Severity == compile.Error:
			diags.AddAttributeError(path.Root(attribute), "The controller refuses this "+k.Name, message+".")
		case !warned:
			diags.AddAttributeWarning(path.Root(attribute), "Part of this "+k.Name+" has no effect", message+".")
		}
	}
	return diags
}
