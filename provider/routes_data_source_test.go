package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// TestRoutes reads the example without a cluster.
func TestRoutes(t *testing.T) {
	t.Parallel()
	route := func(request, attribute string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.emissary_routes.shop", tfjsonpath.New("routes").AtMapKey(request).AtMapKey(attribute), want)
	}
	runTerraform(t, resource.TestStep{
		Config: readFile(t, "../examples/data-sources/emissary_routes/data-source.tf"),
		ConfigStateChecks: []statecheck.StateCheck{
			route("cart", "served", knownvalue.Bool(true)),
			route("cart", "mapping", knownvalue.StringExact("shop/cart")),
			route("cart", "listener", knownvalue.StringExact("default/http")),
			route("cart", "outcomes", knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectExact(map[string]knownvalue.Check{
				"share": knownvalue.Float64Exact(100), "action": knownvalue.StringExact("forward"), "mapping": knownvalue.StringExact("shop/cart"),
				"services": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("cart.shop:8080")}),
				"path":     knownvalue.StringExact("/1"), "host": knownvalue.StringExact("shop.example.com"),
				"status": knownvalue.Null(), "location": knownvalue.Null(), "why": knownvalue.StringExact(`prefix /cart/, hostname is "shop.example.com"`),
			})})),
			route("carts", "served", knownvalue.Bool(false)),
			route("carts", "mapping", knownvalue.Null()),
			route("carts", "why", knownvalue.StringExact("no Mapping matches")),
		},
	})
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
