package function_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/test/deps"
)

// TestMain lets the acceptance tests run under plain go test, with the real Terraform or OpenTofu.
func TestMain(m *testing.M) {
	os.Setenv("TF_ACC", "1")
	os.Setenv("CHECKPOINT_DISABLE", "1")
	os.Unsetenv("TF_CLI_CONFIG_FILE")
	if path, err := deps.TerraformPath(); err == nil {
		os.Setenv("TF_ACC_TERRAFORM_PATH", path)
		if filepath.Base(path) == "tofu" {
			os.Setenv("TF_ACC_PROVIDER_HOST", "registry.opentofu.org")
			os.Setenv("TF_ACC_PROVIDER_NAMESPACE", "hashicorp")
		}
	}
	os.Exit(m.Run())
}

func run(t *testing.T, step resource.TestStep) {
	t.Helper()
	deps.Terraform(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"emissary": func() (tfprotov6.ProviderServer, error) { return provider.NewServer("test"), nil },
		},
		Steps: []resource.TestStep{step},
	})
}

// TestExamples applies the example of every function.
func TestExamples(t *testing.T) {
	t.Parallel()
	text := func(name, value string) statecheck.StateCheck {
		return statecheck.ExpectKnownOutputValue(name, knownvalue.StringExact(value))
	}
	wants := map[string]statecheck.StateCheck{
		"parse_service": statecheck.ExpectKnownOutputValue("service", knownvalue.ObjectExact(map[string]knownvalue.Check{
			"scheme": knownvalue.StringExact("https"), "tls": knownvalue.Bool(true), "host": knownvalue.StringExact("quote.shop"),
			"name": knownvalue.StringExact("quote"), "namespace": knownvalue.StringExact("shop"),
			"port": knownvalue.Int64Exact(8443), "explicit_port": knownvalue.Bool(true), "ignored": knownvalue.Null(),
		})),
		"manifest_decode": text("prefix", "/backend/"),
		"manifest_decode_multi": statecheck.ExpectKnownOutputValue("names", knownvalue.TupleExact([]knownvalue.Check{
			knownvalue.StringExact("Host shop"), knownvalue.StringExact("Mapping cart"),
		})),
		"manifest_encode": text("yaml", "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata:\n  name: quote\n  namespace: default\n"+
			"spec:\n  hostname: '*'\n  prefix: /backend/\n  service: quote\n"),
		"convert_manifest": text("hostname", "shop.example.com"),
		"convert_ingress": statecheck.ExpectKnownOutputValue("objects",
			knownvalue.StringRegexp(regexp.MustCompile(`(?s)kind: Host\n.*tlsSecret:\n    name: shop-tls\n---\n.*kind: Mapping\n.*prefix: /cart\n  service: cart.market:8080\n$`))),
		"explain_route": text("cart", "default/cart"),
	}
	folders, err := filepath.Glob("../../examples/functions/*")
	if err != nil || len(folders) != len(wants) {
		t.Fatalf("%d examples are checked, there are %v, %v", len(wants), folders, err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			example, err := os.ReadFile(filepath.Join(folder, "function.tf"))
			if err != nil {
				t.Fatal(err)
			}
			run(t, resource.TestStep{Config: string(example), ConfigStateChecks: []statecheck.StateCheck{wants[filepath.Base(folder)]}})
		})
	}
}

// TestErrors sees what a person sees: the argument, its value and what is allowed.
func TestErrors(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]string{
		`parse_service("quote:0")`:                       `(?s)"service".*"quote:0".*1\s+to\s+65535`,
		`explain_route([], { url = "http://a", x = 1 })`: `(?s)"request".*x\s+is\s+no\s+attribute`,
		`manifest_decode("a: 1\na: 2")`:                  `(?s)"yaml".*already`,
	} {
		run(t, resource.TestStep{
			Config:      "output \"x\" {\n  value = provider::emissary::" + call + "\n}\n",
			ExpectError: regexp.MustCompile(want),
		})
	}
}
