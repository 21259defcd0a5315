package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/provider"
)

// TestCRDsRetainedWarning speaks the plugin protocol, because Terraform's test
// framework shows no warnings: a destroy that leaves the CRDs says so and how
// to remove them. It needs no cluster for that.
func TestCRDsRetainedWarning(t *testing.T) {
	t.Parallel()
	server := provider.NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	configType := schemas.Provider.ValueType()
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: dynamicValue(t, configType, nullObject(configType)),
	})
	if err != nil || len(configured.Diagnostics) > 0 {
		t.Fatalf("configure: %v %v", err, configured.Diagnostics)
	}

	resourceType := schemas.ResourceSchemas["emissary_crds"].ValueType()
	state := nullObject(resourceType)
	state["id"] = tftypes.NewValue(tftypes.String, "getambassador.io")
	state["deletion_policy"] = tftypes.NewValue(tftypes.String, "retain")
	null, err := tfprotov6.NewDynamicValue(resourceType, tftypes.NewValue(resourceType, nil))
	if err != nil {
		t.Fatal(err)
	}
	destroyed, err := server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName:     "emissary_crds",
		PriorState:   dynamicValue(t, resourceType, state),
		PlannedState: &null,
		Config:       &null,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(destroyed.Diagnostics) != 1 || destroyed.Diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning {
		t.Fatalf("got the diagnostics %+v, want one warning", destroyed.Diagnostics)
	}
	warning := destroyed.Diagnostics[0]
	if want := "The CRDs were left in the cluster"; warning.Summary != want {
		t.Errorf("summary is %q, want %q", warning.Summary, want)
	}
	if want := "kubectl delete crd -l app.kubernetes.io/part-of=emissary-ingress"; !strings.Contains(warning.Detail, want) {
		t.Errorf("detail %q does not say %q", warning.Detail, want)
	}
	left, err := destroyed.NewState.Unmarshal(resourceType)
	if err != nil || !left.IsNull() {
		t.Errorf("the resource is still in the state: %v %v", left, err)
	}
}

// nullObject returns the attributes of an object type, all null; blocks of
// single nesting are null objects.
func nullObject(t tftypes.Type) map[string]tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, attribute := range t.(tftypes.Object).AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	return values
}

func dynamicValue(t *testing.T, valueType tftypes.Type, values map[string]tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	value, err := tfprotov6.NewDynamicValue(valueType, tftypes.NewValue(valueType, values))
	if err != nil {
		t.Fatal(err)
	}
	return &value
}
