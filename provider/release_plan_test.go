package provider_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"terraform-provider-emissary/charts"
)

const ingressRelease = "emissary_release.ingress"

// nowhere is a provider whose server fails the test when anyone connects.
func nowhere(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var closing atomic.Bool
	t.Cleanup(func() { closing.Store(true); listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			if !closing.Load() {
				t.Errorf("the plan connected to the cluster from %s", connection.RemoteAddr())
			}
			connection.Close()
		}
	}()
	return fmt.Sprintf("provider \"emissary\" {\n  host = \"https://%s\"\n}\n", listener.Addr())
}

// TestReleasePlan: a plan of the bundled chart is complete without a cluster.
func TestReleasePlan(t *testing.T) {
	t.Parallel()
	chart, err := charts.Load(charts.Ingress)
	if err != nil {
		t.Fatal(err)
	}
	cluster := nowhere(t)
	runTerraform(t,
		resource.TestStep{
			Config: cluster + `
resource "emissary_release" "ingress" {
  name      = "emissary-ingress"
  namespace = "emissary"
  values    = { replicaCount = 2, env = { AMBASSADOR_ID = "a" } }
  sensitive_values = { env = { TOKEN = "hunter2" } }
}`,
			PlanOnly: true, ExpectNonEmptyPlan: true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("id"), knownvalue.StringExact("emissary/emissary-ingress")),
				plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("status"), knownvalue.StringExact("deployed")),
				plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("app_version"), knownvalue.StringExact(chart.AppVersion())),
				plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("chart_version"), knownvalue.StringExact(chart.Metadata.Version)),
				plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("chart_digest"), knownvalue.StringRegexp(regexp.MustCompile("^sha256:"))),
				plancheck.ExpectUnknownValue(ingressRelease, tfjsonpath.New("revision")),
				plancheck.ExpectSensitiveValue(ingressRelease, tfjsonpath.New("sensitive_values")),
			}},
		},
		// Values that another resource gives are not known yet: no error, no render.
		resource.TestStep{
			Config: cluster + `
resource "terraform_data" "later" {
  input = "x"
}
resource "emissary_release" "ingress" {
  name             = "emissary-ingress"
  namespace        = terraform_data.later.output
  values           = { envRaw = terraform_data.later.output }
  values_yaml      = [terraform_data.later.output]
  sensitive_values = terraform_data.later.output
}`,
			PlanOnly: true, ExpectNonEmptyPlan: true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
				plancheck.ExpectUnknownValue(ingressRelease, tfjsonpath.New("id")),
			}},
		},
		// A chart from a repository is not loaded while planning.
		resource.TestStep{
			Config: cluster + `
resource "emissary_release" "ingress" {
  name       = "emissary-ingress"
  repository = "https://127.0.0.1:1"
  chart      = "emissary-ingress"
  version    = "8.2.0"
}`,
			PlanOnly: true, ExpectNonEmptyPlan: true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
				plancheck.ExpectUnknownValue(ingressRelease, tfjsonpath.New("chart_version")),
			}},
		},
	)
}

// TestReleaseBadInput: what is wrong is said while planning, with the attribute.
func TestReleaseBadInput(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, err string }{
		"template error": {
			`values = { envRaw = { A = "b" } }`,
			`(?s)The chart cannot be rendered with these values.*envRaw\s+must be a list`,
		},
		"secret in a template error": {
			"chart = \"emissary-config\"\nsensitive_values = { hosts = [{ name = \"hunter2\" }, { name = \"hunter2\" }] }",
			`(?s)The chart cannot be rendered.*the name "\(sensitive\s+value\)" is\s+there\s+twice`,
		},
		"misspelt value": {
			`values = { replicaCuont = 2 }`,
			`(?s)Invalid values for the chart emissary-ingress.*values\.replicaCuont: unknown; did you mean replicaCount\?`,
		},
		"misspelt value beside one that is not known": {
			"values = { service = { tpye = terraform_data.later.output, prots = [] } }\n}\nresource \"terraform_data\" \"later\" {\n  input = 1",
			`(?s)values\.service\.prots: unknown; did you mean ports\?`,
		},
		"misspelt value in a file": {
			"values_yaml = [\"replicaCount: 2\", <<-EOT\n  image:\n    tag: v1\n    repo: a\n  EOT\n  ]",
			`(?s)values_yaml\[1\]\.image\.repo \(line 3\): unknown; did you mean\s+repository\?`,
		},
		"type of a value": {
			`values = { hostNetwork = "false", service = { ports = [{ port = 70000 }] } }`,
			`(?s)values\.hostNetwork: must be true or false, not "false".*values\.service\.ports\[0\]\.port: maximum`,
		},
		"type of a sensitive value": {
			`sensitive_values = { replicaCount = "hunter2" }`,
			`(?s)sensitive_values\.replicaCount: must be a whole number\n`,
		},
		"misspelt write-only value": {
			`values_wo = "replicaCuont: 2"`,
			`(?s)values_wo\.replicaCuont: unknown; did you mean replicaCount\?`,
		},
		"values of another bundled chart": {
			"chart = \"emissary-config\"\nvalues = { mapping = [] }",
			`(?s)Invalid values for the chart emissary-config.*values\.mapping: unknown; did you mean mappings\?`,
		},
		"misspelt kustomization": {
			`kustomize = { patchs = [] }`,
			`(?s)Invalid kustomization.*patchs: unknown; did you mean patches\?`,
		},
		"kustomization that does not fit": {
			`kustomize = { patches = [{ target = { kind = "Deployment" }, patch = "- {op: remove, path: /spec/nothing}" }] }`,
			`(?s)The chart cannot be rendered.*nothing`,
		},
		"values are text":      {`values = "replicaCount: 2"`, `(?s)values of a chart are an object.*text belongs\s+in\s+values_yaml`},
		"values file is wrong": {`values_yaml = ["a: 1", "a: {"]`, `(?s)Invalid values file.*Not valid YAML`},
		"values file is a list": {
			`values_yaml = ["- a"]`, `(?s)Invalid values file.*top level must be a map`,
		},
		"name":              {`name = "Emissary_Ingress"`, `(?s)Invalid release name.*Emissary_Ingress.*1 to 53 lower case`},
		"version":           {`version = "8.2.0"`, `(?s)Cannot load the chart.*its version is 0\.1\.0, not 8\.2\.0`},
		"no such chart":     {`chart = "./nothing-here"`, `(?s)Cannot load the chart.*there is no file or\s+folder.*bundled\s+charts`},
		"repository alone":  {`repository = "https://example.com"`, `(?s)repository.*chart`},
		"misspelt":          {`value = {}`, `(?s)Unsupported argument.*Did you mean "values"`},
		"history":           {`max_history = -1`, `(?s)max_history.*at least 0`},
		"kind of attribute": {`wait = "sometimes"`, `(?s)Inappropriate value for attribute "wait"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := test.body
			if name != "name" {
				body = "name = \"emissary-ingress\"\n" + body
			}
			runTerraform(t, resource.TestStep{
				Config:      nowhere(t) + "resource \"emissary_release\" \"ingress\" {\n" + body + "\n}",
				PlanOnly:    true,
				ExpectError: regexp.MustCompile(test.err),
			})
		})
	}
}

// TestReleaseUnreachable: an apply without a cluster says which server.
func TestReleaseUnreachable(t *testing.T) {
	t.Parallel()
	runTerraform(t, resource.TestStep{
		Config: `
provider "emissary" {
  host = "https://127.0.0.1:1"
}
resource "emissary_release" "ingress" {
  name = "emissary-ingress"
}`,
		ExpectError: regexp.MustCompile(`(?s)Cannot apply the release default/emissary-ingress.*https://127.0.0.1:1.*cannot\s+be\s+reached`),
	})
}

// TestReleaseChartSchema: a chart of someone else is checked against its own schema.
func TestReleaseChartSchema(t *testing.T) {
	t.Parallel()
	chart := filepath.Join(t.TempDir(), "mine")
	if err := os.MkdirAll(filepath.Join(chart, "templates"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chart.yaml":         "apiVersion: v2\nname: mine\nversion: 1.0.0\n",
		"values.schema.json": `{"type": "object", "required": ["port"], "properties": {"port": {"type": "integer", "maximum": 65535}}}`,
		"templates/cm.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n",
	} {
		if err := os.WriteFile(filepath.Join(chart, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for values, want := range map[string]string{
		`{ port = "http" }`: `values\.port: must be a whole number, not "http"`,
		`{ port = 70000 }`:  `values\.port: maximum: got 70,000, want 65,535`,
		`{}`:                `needs port`,
	} {
		runTerraform(t, resource.TestStep{
			Config:   nowhere(t) + fmt.Sprintf("resource \"emissary_release\" \"mine\" {\n  name = \"mine\"\n  chart = %q\n  values = %s\n}", chart, values),
			PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Invalid values for the chart mine.*` + want),
		})
	}
}
