package provider_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const manifestsExample = "../examples/data-sources/emissary_manifests/"

// TestManifests reads the example without a cluster.
func TestManifests(t *testing.T) {
	t.Parallel()
	runTerraform(t, resource.TestStep{
		Config: nowhere(t) + readFile(t, manifestsExample+"data-source.tf"),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("replicas", knownvalue.Int64Exact(3)),
			statecheck.ExpectKnownValue("data.emissary_manifests.ingress", tfjsonpath.New("notes"), knownvalue.StringRegexp(regexp.MustCompile("installed in namespace emissary"))),
			statecheck.ExpectKnownValue("data.emissary_manifests.ingress", tfjsonpath.New("yaml"), knownvalue.StringRegexp(regexp.MustCompile("team: gateways"))),
			statecheck.ExpectSensitiveValue("data.emissary_manifests.ingress", tfjsonpath.New("yaml")),
		},
	})
}

// TestManifestsSecrets: secrets are in the sensitive attribute alone.
func TestManifestsSecrets(t *testing.T) {
	t.Parallel()
	runTerraform(t, resource.TestStep{
		Config: nowhere(t) + `
data "emissary_manifests" "secret" {
  name             = "emissary-ingress"
  values           = { extraObjects = [{ apiVersion = "v1", kind = "Secret", metadata = { name = "s" }, stringData = { key = "opensesame" } }], test = { enabled = true } }
  sensitive_values = { env = { TOKEN = "hunter2" } }
}

locals {
  objects = { for object in data.emissary_manifests.secret.manifests : object.kind => object... }
}

output "environment" {
  value = { for variable in local.objects.Deployment[0].spec.template.spec.containers[0].env : variable.name => lookup(variable, "value", "") }
}

output "secret" {
  value = local.objects.Secret[0].stringData
}

output "hooks" {
  value = [for object in data.emissary_manifests.secret.hooks : object.metadata.name]
}`,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("environment", knownvalue.ObjectPartial(map[string]knownvalue.Check{"TOKEN": knownvalue.StringExact("(sensitive value)")})),
			statecheck.ExpectKnownOutputValue("secret", knownvalue.ObjectExact(map[string]knownvalue.Check{"key": knownvalue.StringExact("(sensitive value)")})),
			statecheck.ExpectKnownOutputValue("hooks", knownvalue.TupleExact([]knownvalue.Check{knownvalue.StringExact("emissary-ingress-test-ready")})),
			statecheck.ExpectKnownValue("data.emissary_manifests.secret", tfjsonpath.New("yaml"), knownvalue.StringRegexp(regexp.MustCompile(`(?s)opensesame.*hunter2|hunter2.*opensesame`))),
		},
	})
}

// TestManifestsRoutes: what a release would serve, all of it offline.
func TestManifestsRoutes(t *testing.T) {
	t.Parallel()
	runTerraform(t, resource.TestStep{
		Config: nowhere(t) + `
data "emissary_manifests" "config" {
  chart = "emissary-config"
  values = {
    hosts    = [{ name = "shop", spec = { hostname = "shop.example.com", requestPolicy = { insecure = { action = "Route" } } } }]
    mappings = [{ name = "cart", spec = { hostname = "shop.example.com", prefix = "/cart/", service = "cart" } }]
  }
}

data "emissary_routes" "shop" {
  manifests = data.emissary_manifests.config.manifests
  requests  = { cart = { url = "http://shop.example.com/cart/1" } }
}`,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.emissary_routes.shop", tfjsonpath.New("routes").AtMapKey("cart").AtMapKey("mapping"), knownvalue.StringExact("default/cart")),
		},
	})
}

func TestManifestsBadInput(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`values = { replicaCuont = 1 }`: `values\.replicaCuont: unknown; did you mean replicaCount\?`,
		`chart = "nothing"`:             `Cannot load the chart`,
		`kubernetes_version = "new"`:    `Kubernetes version new`,
		`kubernetes_version = "1.20"`:   `incompatible with\s+Kubernetes`,
		"chart = \"emissary-config\"\nsensitive_values = { hosts = [{ name = \"hunter2\" }, { name = \"hunter2\" }] }": `the name "\(sensitive\s+value\)"`,
		`kustomize = { replicas = [{ name = "nothing", count = 1 }] }`:                                                 `(?s)cannot be rendered.*nothing`,
	} {
		runTerraform(t, resource.TestStep{
			Config: "data \"emissary_manifests\" \"it\" {\n" + body + "\n}", ExpectError: regexp.MustCompile(want),
		})
	}
}

// TestTerraformTest runs the example's tests with the real `terraform test`.
func TestTerraformTest(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{
		"main.tf":            readFile(t, manifestsExample+"data-source.tf"),
		"release.tftest.hcl": readFile(t, manifestsExample+"release.tftest.hcl"),
		"terraform.tfvars":   "",
	})
	if output := f.run("test", "-no-color"); !strings.Contains(output, "2 passed, 0 failed") {
		t.Error(output)
	}
	f.write("terraform.tfvars", "replicas = 1\n")
	if output, err := f.try("test", "-no-color"); err == nil || !strings.Contains(output, "One node less must not be no ingress.") {
		t.Errorf("%v: %s", err, output)
	}
}
