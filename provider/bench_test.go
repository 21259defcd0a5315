package provider_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
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

// BenchmarkRefresh is what the refresh of a thousand unchanged Mappings costs the
// provider, from their states as Terraform stored them, with an API server that
// answers at once.
func BenchmarkRefresh(b *testing.B) {
	const n = 1000
	item := func(i int) string {
		return fmt.Sprintf(`{"apiVersion":"getambassador.io/v3alpha1","kind":"Mapping","metadata":{"name":"quote-%d","namespace":"default","managedFields":[`+
			`{"manager":"terraform-provider-emissary","operation":"Apply","apiVersion":"getambassador.io/v3alpha1","fieldsType":"FieldsV1",`+
			`"fieldsV1":{"f:spec":{"f:hostname":{},"f:prefix":{},"f:service":{},"f:timeout_ms":{}}}}]},`+
			`"spec":{"hostname":"*","prefix":"/%d/","service":"quote","timeout_ms":4000}}`, i, i)
	}
	var items, states []string
	for i := range n {
		items = append(items, item(i))
		states = append(states, fmt.Sprintf(`{"id":"default/quote-%d","name":"quote-%d","namespace":"default","hostname":"*","prefix":"/%d/","service":"quote","timeout_ms":4000}`, i, i, i))
	}
	list := `{"apiVersion":"getambassador.io/v3alpha1","kind":"MappingList","metadata":{},"items":[` + strings.Join(items, ",") + `]}`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, number, single := strings.Cut(r.URL.Path, "/quote-")
		if i, err := strconv.Atoi(number); single && err == nil {
			_, _ = io.WriteString(w, item(i))
			return
		}
		_, _ = io.WriteString(w, list)
	}))
	b.Cleanup(api.Close)
	ctx := context.Background()
	for b.Loop() {
		server := provider.NewServer("test")
		schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
		if err != nil {
			b.Fatal(err)
		}
		block := schemas.Provider.ValueType()
		values := nullObject(block)
		values["host"] = tftypes.NewValue(tftypes.String, api.URL)
		config, err := tfprotov6.NewDynamicValue(block, tftypes.NewValue(block, values))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: &config}); err != nil {
			b.Fatal(err)
		}
		for _, state := range states {
			upgraded, err := server.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{TypeName: "emissary_mapping", RawState: &tfprotov6.RawState{JSON: []byte(state)}})
			if err != nil {
				b.Fatal(err)
			}
			read, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: "emissary_mapping", CurrentState: upgraded.UpgradedState})
			if err != nil || len(read.Diagnostics) > 0 || !bytes.Equal(read.NewState.MsgPack, upgraded.UpgradedState.MsgPack) {
				b.Fatal("the refreshed state differs", err, read.Diagnostics)
			}
		}
	}
}
