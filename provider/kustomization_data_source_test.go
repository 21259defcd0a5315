package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// TestKustomizationDataSource reads the example, and a folder with a Secret,
// without a cluster.
func TestKustomizationDataSource(t *testing.T) {
	t.Parallel()
	w := &world{T: t, namespace: "shop"}
	dir := t.TempDir()
	w.folder(dir, shop)
	const deployment = `"apps/Deployment/shop/quote"`
	value := func(attribute tfjsonpath.Path, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.emissary_kustomization.folder", attribute, check)
	}
	texts := func(values ...string) knownvalue.Check {
		var checks []knownvalue.Check
		for _, value := range values {
			checks = append(checks, knownvalue.StringExact(value))
		}
		return knownvalue.ListExact(checks)
	}
	runTerraform(t, resource.TestStep{
		Config: readFile(t, "../examples/data-sources/emissary_kustomization/data-source.tf") + fmt.Sprintf(`
data "emissary_kustomization" "folder" {
  path = %q
}

output "replicas" {
  value = data.emissary_kustomization.folder.objects[%s].spec.replicas + 1
}
`, dir, deployment),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("manifests", knownvalue.StringExact("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n---\n"+
				"apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata:\n  name: cart\n  namespace: shop\n"+
				"spec:\n  hostname: shop.example.com\n  prefix: /cart/\n  service: cart:8080\n  timeout_ms: 4000\n")),
			statecheck.ExpectKnownOutputValue("replicas", knownvalue.Int64Exact(3)),
			value(tfjsonpath.New("tiers"), knownvalue.ListExact([]knownvalue.Check{
				texts(), texts("Secret/shop/password", "ConfigMap/shop/settings", "apps/Deployment/shop/quote", "getambassador.io/Mapping/shop/quote"), texts(),
			})),
			value(tfjsonpath.New("manifests"), knownvalue.MapSizeExact(3)),
			value(tfjsonpath.New("secrets").AtMapKey("Secret/shop/password"), knownvalue.NotNull()),
			statecheck.ExpectSensitiveValue("data.emissary_kustomization.folder", tfjsonpath.New("secrets")),
		},
	})
}

// TestKustomizationRoutes asks which Mapping of a kustomization serves a request,
// without a cluster.
func TestKustomizationRoutes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := &world{T: t, namespace: "shop"}
	w.folder(dir, shop)
	runTerraform(t, resource.TestStep{
		Config: fmt.Sprintf(`
data "emissary_kustomization" "shop" {
  path = %q
  kustomization = {
    namespace = "shop"
    resources = ["deployment.yaml", "mapping.yaml", "listener.yaml"]
  }
  files = {
    "listener.yaml" = yamlencode({
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Listener"
      metadata   = { name = "http" }
      spec       = { port = 8080, protocol = "HTTP", securityModel = "XFP", hostBinding = { namespace = { from = "ALL" } } }
    })
  }
}

data "emissary_routes" "shop" {
  manifests = values(data.emissary_kustomization.shop.objects)
  requests  = { quote = { url = "http://example.com/quote/1" } }
}
`, dir),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.emissary_routes.shop", tfjsonpath.New("routes").AtMapKey("quote").AtMapKey("mapping"), knownvalue.StringExact("shop/quote")),
		},
	})
}

// TestKustomizationOfChart plans the kustomization of a chart in the guide, without
// a cluster.
func TestKustomizationOfChart(t *testing.T) {
	t.Parallel()
	guide := guides(t)["kubectl-and-kustomize"]
	_, guide, _ = strings.Cut(guide, "## Manifests from the charts")
	id := func(kind string) tfjsonpath.Path { return tfjsonpath.New("objects").AtMapKey(kind) }
	runTerraform(t, resource.TestStep{
		Config: guideBlock.FindStringSubmatch(guide)[1], PlanOnly: true, ExpectNonEmptyPlan: true,
		ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
			plancheck.ExpectKnownValue("emissary_kustomization.ingress", id("Namespace/emissary"), digest()),
			plancheck.ExpectKnownValue("emissary_kustomization.ingress", id("apps/Deployment/emissary/edge-emissary-ingress"), digest()),
		}},
	})
}

// TestKustomizationExample applies the example of the resource and imports what
// its first part makes.
func TestKustomizationExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	example := inFolder(t, "../examples/resources/emissary_kustomization/resource.tf")
	// The namespace is in a file: this is the only test with these objects in it.
	config := fmt.Sprintf("provider \"emissary\" {\n  config_path = %q\n}\n", w.Kubeconfig) + example
	_, folder, _ := strings.Cut(example, `path = "`)
	folder, _, _ = strings.Cut(folder, `"`)
	w.namespace = "default"
	w.run(
		resource.TestStep{
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error {
				for name, timeout := range map[string]int64{"shop": 4000, "shop-staging": 10000} {
					spec := w.get("mappings", name).Object["spec"].(map[string]any)
					if spec["timeout_ms"] != timeout {
						return fmt.Errorf("%s has the timeout %v, want %d", name, spec["timeout_ms"], timeout)
					}
				}
				return nil
			},
		},
		resource.TestStep{
			ResourceName: "emissary_kustomization.example", ImportState: true, ImportStateId: folder,
			ImportStateVerify: true, ImportStateVerifyIdentifierAttribute: "path", ImportStateVerifyIgnore: []string{"timeouts"},
		},
	)
}
