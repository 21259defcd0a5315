package provider_test

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/provider"
)

// BenchmarkPlan is what the plan of one new Mapping costs the provider.
func BenchmarkPlan(b *testing.B) {
	ctx := context.Background()
	server := provider.NewServer("test")
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		b.Fatal(err)
	}
	object := schemas.ResourceSchemas["emissary_mapping"].ValueType().(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, attribute := range object.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	for name, text := range map[string]string{"name": "quote", "hostname": "*", "prefix": "/", "service": "quote"} {
		values[name] = tftypes.NewValue(tftypes.String, text)
	}
	config, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	if err != nil {
		b.Fatal(err)
	}
	none, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, nil))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		validated, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: "emissary_mapping", Config: &config})
		if err != nil || len(validated.Diagnostics) > 0 {
			b.Fatal(err, validated.Diagnostics)
		}
		planned, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
			TypeName: "emissary_mapping", Config: &config, ProposedNewState: &config, PriorState: &none})
		if err != nil || len(planned.Diagnostics) > 0 {
			b.Fatal(err, planned.Diagnostics)
		}
	}
}
