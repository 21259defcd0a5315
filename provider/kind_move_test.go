package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	framework "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	rschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"terraform-provider-emissary/provider"
)

const movedManifest = `
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: quote
  namespace: web
spec:
  hostname: "*"
  prefix: /backend/
  service: quote
  timeout_ms: 4000
`

// TestMove takes states over as the other providers write them.
func TestMove(t *testing.T) {
	t.Parallel()
	s := newMappingServer(t, "")
	const registry = "registry.terraform.io/"
	quoted := strings.NewReplacer("\n", `\n`, `"`, `\"`)
	yamlState := `{"yaml_body":"` + quoted.Replace(movedManifest) + `","namespace":"web","force_conflicts":false}`
	older := strings.NewReplacer("v3alpha1", "v2", `hostname: "*"`, "host: a.example.com", "  namespace: web\n", "").Replace(movedManifest)
	whole := map[string]string{"id": "web/quote", "name": "quote", "namespace": "web", "hostname": "*", "prefix": "/backend/", "service": "quote"}
	tests := map[string]struct {
		typeName, address, state string
		want                     map[string]string
		problem                  string
	}{
		"kubectl by gavinbunney": {"kubectl_manifest", registry + "gavinbunney/kubectl", yamlState, whole, ""},
		"kubectl by alekc":       {"kubectl_manifest", "registry.opentofu.org/alekc/kubectl", yamlState, whole, ""},
		"kubectl, older version, namespace of the kubeconfig": {"kubectl_manifest", registry + "alekc/kubectl",
			`{"yaml_body":"` + quoted.Replace(older) + `","namespace":"web"}`,
			map[string]string{"id": "web/quote", "name": "quote", "namespace": "web", "hostname": "a.example.com", "prefix": "/backend/", "service": "quote"}, ""},
		"kubectl, override_namespace": {"kubectl_manifest", registry + "gavinbunney/kubectl",
			strings.Replace(yamlState, `"namespace":"web"`, `"namespace":"shop","override_namespace":"shop"`, 1),
			map[string]string{"id": "shop/quote", "name": "quote", "namespace": "shop", "hostname": "*", "prefix": "/backend/", "service": "quote"}, ""},
		"kubernetes": {"kubernetes_manifest", registry + "hashicorp/kubernetes",
			`{"manifest":{"type":["object",{}],"value":{"apiVersion":"getambassador.io/v3alpha1","kind":"Mapping","metadata":{"name":"quote","namespace":"web","labels":null},` +
				`"spec":{"hostname":"*","prefix":"/backend/","service":"quote","timeout_ms":4000,"cors":null}}},"object":null}`, whole, ""},
		"kustomization": {"kustomization_resource", registry + "kbst/kustomization",
			`{"id":"getambassador.io/Mapping/web/quote","manifest":"{\"apiVersion\":\"getambassador.io/v3alpha1\",\"kind\":\"Mapping\",\"metadata\":{\"name\":\"quote\",\"namespace\":\"web\"},` +
				`\"spec\":{\"hostname\":\"*\",\"prefix\":\"/backend/\",\"service\":\"quote\",\"timeout_ms\":4000}}"}`, whole, ""},
		"second instance, after Terraform moved the first": {"kubectl_manifest", registry + "emissary/emissary", yamlState, whole, ""},
		"other provider": {"kubectl_manifest", registry + "example/kubectl", yamlState, nil, "a kubectl_manifest of registry.terraform.io/example/kubectl cannot be moved here"},
		"other kind":     {"kubectl_manifest", registry + "alekc/kubectl", strings.Replace(yamlState, "kind: Mapping", "kind: Host", 1), nil, "holds a Host of getambassador.io/v3alpha1; emissary_mapping takes a Mapping"},
		"no manifest":    {"kubectl_manifest", registry + "alekc/kubectl", `{"yaml_body":null}`, nil, "import the object instead"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := s.MoveResourceState(t.Context(), &tfprotov6.MoveResourceStateRequest{TargetTypeName: "emissary_mapping",
				SourceTypeName: test.typeName, SourceProviderAddress: test.address, SourceState: &tfprotov6.RawState{JSON: []byte(test.state)}})
			if test.problem != "" {
				if err != nil || len(resp.Diagnostics) != 1 || !strings.Contains(strings.ToLower(resp.Diagnostics[0].Detail), strings.ToLower(test.problem)) {
					t.Errorf("got %v %+v, want %q", err, resp.Diagnostics, test.problem)
				}
				return
			}
			s.must(err, resp.Diagnostics)
			s.same("state", test.want, s.texts(resp.TargetState))
			s.same("identity", map[string]string{"name": test.want["name"], "namespace": test.want["namespace"]}, s.identity(resp.TargetIdentity))
		})
	}
}

// TestMovedBlock moves a resource of another provider with the real Terraform:
// the next plan has nothing to do, and the object was never touched.
func TestMovedBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.someMappings("quote")
	uid := w.get("mappings", "quote").GetUID()
	steps := []resource.TestStep{
		{Config: strings.ReplaceAll(`
resource "kubernetes_manifest" "quote" {
  manifest = {
    apiVersion = "getambassador.io/v3alpha1"
    kind       = "Mapping"
    metadata   = { name = "quote", namespace = "NAMESPACE", labels = { name = "quote", team = "web" } }
    spec       = { hostname = "*", prefix = "/quote/", service = "quote" }
  }
}
`, "NAMESPACE", w.namespace)},
		{
			Config: w.config(`
resource "emissary_mapping" "quote" {
  name      = "quote"
  namespace = "NAMESPACE"
  labels    = { name = "quote", team = "web" }
  hostname  = "*"
  prefix    = "/quote/"
  service   = "quote"
}

moved {
  from = kubernetes_manifest.quote
  to   = emissary_mapping.quote
}
`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionNoop)}},
		},
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"emissary":   func() (tfprotov6.ProviderServer, error) { return provider.NewServer("test"), nil },
			"kubernetes": providerserver.NewProtocol6WithError(manifestProvider{}),
		},
		Steps: append(steps, resource.TestStep{
			// A change is made although another manager owns the field: it is in the
			// state, so it is not someone else's.
			Config: strings.Replace(steps[1].Config, "/quote/", "/moved/", 1),
			Check:  w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/moved/", "service": "quote"}),
		}, resource.TestStep{
			PreConfig: func() {
				if now := w.get("mappings", "quote").GetUID(); now != uid {
					t.Error("the object was made anew")
				}
			},
			Config:   strings.Replace(steps[1].Config, "/quote/", "/moved/", 1),
			PlanOnly: true,
		}),
	})
}

// manifestProvider has a kubernetes_manifest that only remembers its manifest.
type manifestProvider struct{}

func (manifestProvider) Metadata(_ context.Context, _ framework.MetadataRequest, resp *framework.MetadataResponse) {
	resp.TypeName = "kubernetes"
}
func (manifestProvider) Schema(context.Context, framework.SchemaRequest, *framework.SchemaResponse) {}
func (manifestProvider) Configure(context.Context, framework.ConfigureRequest, *framework.ConfigureResponse) {
}
func (manifestProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (manifestProvider) Resources(context.Context) []func() fwresource.Resource {
	return []func() fwresource.Resource{func() fwresource.Resource { return manifestResource{} }}
}

type manifestResource struct{}

func (manifestResource) Metadata(_ context.Context, _ fwresource.MetadataRequest, resp *fwresource.MetadataResponse) {
	resp.TypeName = "kubernetes_manifest"
}

func (manifestResource) Schema(_ context.Context, _ fwresource.SchemaRequest, resp *fwresource.SchemaResponse) {
	resp.Schema = rschema.Schema{Attributes: map[string]rschema.Attribute{"manifest": rschema.DynamicAttribute{Required: true}}}
}

func (manifestResource) Create(_ context.Context, req fwresource.CreateRequest, resp *fwresource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
}
func (manifestResource) Read(context.Context, fwresource.ReadRequest, *fwresource.ReadResponse) {}
func (manifestResource) Update(_ context.Context, req fwresource.UpdateRequest, resp *fwresource.UpdateResponse) {
	resp.State.Raw = req.Plan.Raw
}
func (manifestResource) Delete(context.Context, fwresource.DeleteRequest, *fwresource.DeleteResponse) {
}
