package provider_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// untouchable is the address of a listener that fails the test when anything
// connects to it.
func untouchable(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var touched atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			touched.Add(1)
			connection.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
		if n := touched.Load(); n > 0 {
			t.Errorf("the plan opened %d connections to the cluster", n)
		}
	})
	return listener.Addr().String()
}

// everyExample is the example of every kind.
func everyExample(t *testing.T) string {
	t.Helper()
	folders, err := filepath.Glob("../examples/resources/emissary_*/resource.tf")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range folders {
		all.WriteString(inFolder(t, file))
	}
	return all.String()
}

// inFolder reads a file of configuration. Terraform runs elsewhere in tests, so
// that its folder is written out.
func inFolder(t *testing.T, file string) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(readFile(t, file), "${path.module}", folder)
	return strings.ReplaceAll(text, "= path.module", fmt.Sprintf("= %q", folder))
}

// inDefault puts a configuration into the default namespace.
func inDefault(config string) string { return strings.ReplaceAll(config, "NAMESPACE", "default") }

// planned is a step that plans new objects and expects the plan to be complete.
func planned(config string) resource.TestStep {
	return resource.TestStep{
		Config:             config,
		PlanOnly:           true,
		ExpectNonEmptyPlan: true,
		ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
			plancheck.ExpectKnownValue("emissary_mapping.example", tfjsonpath.New("id"), knownvalue.StringExact("default/quote")),
			plancheck.ExpectKnownValue("emissary_mapping.example", tfjsonpath.New("timeout_ms"), knownvalue.Int64Exact(4000)),
		}},
	}
}

func TestPlanNeverDials(t *testing.T) {
	t.Parallel()
	address := untouchable(t)
	runTerraform(t, planned(fmt.Sprintf("provider \"emissary\" {\n  host = \"https://%s\"\n  insecure = true\n}\n", address)+everyExample(t)))
}

// TestPlanWithUnknownProvider plans against a cluster that the same apply makes.
func TestPlanWithUnknownProvider(t *testing.T) {
	t.Parallel()
	runTerraform(t, planned(`
resource "terraform_data" "cluster" {
  input = "https://127.0.0.1:1"
}

provider "emissary" {
  host  = terraform_data.cluster.output
  token = terraform_data.cluster.output
}
`+everyExample(t)))
}

func TestPlanWithoutKubeconfig(t *testing.T) {
	t.Parallel()
	config := fmt.Sprintf("provider \"emissary\" {\n  config_path = %q\n}\n", filepath.Join(t.TempDir(), "missing"))
	runTerraform(t,
		planned(config+everyExample(t)),
		resource.TestStep{Config: config + inDefault(quote()), ExpectError: oneLine(`kubeconfig .*missing does not exist`)},
	)
}

// TestPlanWithUnknownValues passes values through that are known only after
// apply, at the root, nested, in collections and in free-form places.
func TestPlanWithUnknownValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(resource.TestStep{
		Config: w.config(`
resource "terraform_data" "later" {
  input = { name = "quote", retries = 3, header = "x-later", list = ["a"] }
}

` + quote(
			`host_rewrite = terraform_data.later.output.name`,
			`retry_policy = { retry_on = "5xx", num_retries = terraform_data.later.output.retries }`,
			`headers = { (terraform_data.later.input.header) = terraform_data.later.output.name }`,
			`remove_request_headers = terraform_data.later.output.list`,
			`rate_limit_labels = { ambassador = [{ group = [{ generic_key = { value = terraform_data.later.output.name } }] }] }`,
		)),
		Check: w.specIs("mappings", "quote", map[string]any{
			"hostname": "*", "prefix": "/backend/", "service": "quote", "host_rewrite": "quote",
			"retry_policy": map[string]any{"retry_on": "5xx", "num_retries": int64(3)}, "headers": map[string]any{"x-later": "quote"},
			"remove_request_headers": []any{"a"},
			"labels": map[string]any{"ambassador": []any{map[string]any{"group": []any{
				map[string]any{"generic_key": map[string]any{"value": "quote"}}}}}},
		}),
	})
}

// TestRefreshWithoutCluster keeps the state of existing objects while the
// connection is not known: a plan must not need the cluster.
func TestRefreshWithoutCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(
		resource.TestStep{Config: w.config(quote())},
		resource.TestStep{
			Config: strings.ReplaceAll(fmt.Sprintf(`
provider "emissary" {
  config_path = terraform_data.cluster.output
}

resource "terraform_data" "cluster" {
  input = %q
}
`, w.Kubeconfig)+quote(`timeout_ms = 1000`), "NAMESPACE", w.namespace),
			Check: w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote", "timeout_ms": int64(1000)}),
		},
	)
}

// TestProviderExample plans with both provider blocks of the example.
func TestProviderExample(t *testing.T) {
	t.Parallel()
	_, blocks, _ := strings.Cut(readFile(t, "../examples/provider/provider.tf"), "\n}\n")
	used := strings.Replace(inDefault(quote()), "hostname", "provider = emissary.new\n  hostname", 1)
	runTerraform(t, resource.TestStep{
		Config: blocks + used + strings.Replace(inDefault(quote()), `"quote" {`, `"default" {`, 1),
		ConfigVariables: config.Variables{
			"cluster_endpoint": config.StringVariable("https://" + untouchable(t)),
			"cluster_ca":       config.StringVariable(""),
		},
		PlanOnly:           true,
		ExpectNonEmptyPlan: true,
	})
}
