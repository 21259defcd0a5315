package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const routesExample = "../examples/data-sources/emissary_routes/"

// TestRoutes applies the example.
func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	route := func(request, attribute string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.emissary_routes.shop", tfjsonpath.New("routes").AtMapKey(request).AtMapKey(attribute), want)
	}
	example := strings.NewReplacer(`"shop"`+"\n", `"NAMESPACE"`+"\n", `"shop/cart"`, `"NAMESPACE/cart"`).Replace(readFile(t, routesExample+"data-source.tf"))
	w.run(resource.TestStep{
		Config: w.config(example),
		ConfigStateChecks: []statecheck.StateCheck{
			route("cart", "served", knownvalue.Bool(true)),
			route("cart", "mapping", knownvalue.StringExact(w.namespace+"/cart")),
			route("cart", "listener", knownvalue.StringExact(w.namespace+"/http")),
			route("images", "outcomes", knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectExact(map[string]knownvalue.Check{
				"share": knownvalue.Float64Exact(100), "action": knownvalue.StringExact("forward"), "mapping": knownvalue.StringExact("media/images"),
				"services": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("images.media:8080")}),
				"path":     knownvalue.StringExact("/1"), "host": knownvalue.StringExact("shop.example.com"),
				"status": knownvalue.Null(), "location": knownvalue.Null(), "why": knownvalue.StringExact(`prefix /images/, hostname is "shop.example.com"`),
			})})),
			route("carts", "served", knownvalue.Bool(false)),
			route("carts", "mapping", knownvalue.Null()),
			route("carts", "why", knownvalue.StringExact("no Mapping matches")),
		},
	})
}

// TestRoutesOfResources: a plan of resources that are not there yet says what they will serve, without a cluster.
func TestRoutesOfResources(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{
		"main.tf":           readFile(t, routesExample+"data-source.tf"),
		"provider.tf":       nowhere(t),
		"routes.tftest.hcl": readFile(t, routesExample+"routes.tftest.hcl"),
	})
	if output := f.run("test", "-no-color"); !strings.Contains(output, "1 passed, 0 failed") {
		t.Error(output)
	}
	f.write("more.tf", `
terraform {
  required_providers {
    emissary = {
      source = "hashicorp/emissary"
    }
  }
}
resource "emissary_mapping" "more" {
  for_each = { carts = "/carts", orders = "/orders" }
  name = each.key
  hostname = "*"
  prefix = each.value
  service = "carts"
  rate_limit_labels = { ambassador = [{ group = [{ remote_address = { key = "remote_address" } }] }] }
}
locals {
  more = provider::emissary::explain_route([local.manifests, [emissary_mapping.more]], "http://shop.example.com/carts")
}
output "more" {
  value = local.more.mapping
}
output "yaml" {
  value = provider::emissary::manifest_encode(emissary_mapping.more["carts"])
}
`)
	output := f.run("plan", "-no-color")
	for _, want := range []string{`+ more = "default/carts"`, "labels:\n            ambassador:\n            - group:\n              - remote_address:\n", "rate_limit_labels", "prefix: /carts"} {
		if !strings.Contains(output, want) {
			t.Errorf("the plan does not say %q:\n%s", want, output)
		}
	}
}

// TestRoutesAmbassadorID: another instance has other objects.
func TestRoutesAmbassadorID(t *testing.T) {
	t.Parallel()
	config := func(id string) string {
		return fmt.Sprintf(`
data "emissary_routes" "shop" {
  ambassador_id = %q
  requests      = { it = { url = "http://a.example:8080/", headers = { x-a = "b" }, port = 8080 } }
  manifests = [
    {
      apiVersion = "getambassador.io/v3alpha1", kind = "Listener", metadata = { name = "http" }
      spec = { ambassador_id = ["blue"], port = 8080, protocol = "HTTP", securityModel = "XFP", hostBinding = { namespace = { from = "ALL" } } }
    },
    {
      apiVersion = "getambassador.io/v3alpha1", kind = "Mapping", metadata = { name = "a" }
      spec = { ambassador_id = ["blue"], hostname = "*", prefix = "/", service = "a" }
    },
  ]
}
`, id)
	}
	served := func(want bool) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("data.emissary_routes.shop",
			tfjsonpath.New("routes").AtMapKey("it").AtMapKey("served"), knownvalue.Bool(want))}
	}
	runTerraform(t,
		resource.TestStep{Config: config("blue"), ConfigStateChecks: served(true)},
		resource.TestStep{Config: config("green"), ConfigStateChecks: served(false)},
	)
}

func TestRoutesNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	config := func(manifests, request string) string {
		return fmt.Sprintf("data \"emissary_routes\" \"a\" {\n  manifests = %s\n  requests  = { first = %s }\n}\n", manifests, request)
	}
	mapping := `[{ apiVersion = "getambassador.io/v3alpha1", kind = "Mapping", metadata = { name = "a" }, spec = { prefix = "/", service = "a", prefx = "/" } }]`
	runTerraform(t,
		resource.TestStep{Config: config(mapping, `{ url = "http://a/" }`), ExpectError: oneLine(`Mapping default/a: the kind has no field spec.prefx`)},
		resource.TestStep{Config: config("[]", `{ url = "a" }`), ExpectError: oneLine(`URL "a": the scheme is ""`)},
		resource.TestStep{Config: config("[]", `{ url = "http://a/", port = 70000 }`), ExpectError: oneLine(`Port is 70000: a number from 1 to 65535 is wanted`)},
	)
}
