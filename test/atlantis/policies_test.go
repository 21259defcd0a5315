package atlantis

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"terraform-provider-emissary/test/deps"
)

// TestPolicies runs the policies' own tests.
func TestPolicies(t *testing.T) {
	t.Parallel()
	if output, err := exec.CommandContext(t.Context(), deps.OPA(t), "test", example("server", "policies")).CombinedOutput(); err != nil {
		t.Errorf("opa test: %v\n%s", err, output)
	}
}

// TestPoliciesOnPlan plans what the policies forbid, with no cluster, and shows
// that they read the plan's real shape.
func TestPoliciesOnPlan(t *testing.T) {
	t.Parallel()
	deps.OPA(t)
	s := &server{engine: deps.Terraform(t), dir: t.TempDir(), workflow: readWorkflow(t, "emissary")}
	writeMirror(t, s.path("providers"))
	s.write(t, "terraformrc", []byte("provider_installation {\n  filesystem_mirror {\n    path = \""+s.path("providers")+"\"\n  }\n}\n"))
	s.write(t, "main.tf", []byte(forbidden))
	if err := os.Mkdir(s.path("plugin-cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := clone{server: s, dir: s.dir, kubeconfig: s.path("no-kubeconfig")}
	c.must(t, "init", "-input=false")
	c.must(t, c.arguments(step{name: "plan"})...)
	want := []string{
		`emissary_crds.this would delete every Host and Mapping of the cluster when it is destroyed: set deletion_policy to "retain"`,
		`emissary_host.cleartext serves "a.example.com" without TLS: set tls_secret`,
		`emissary_kustomization.later: its objects are known only after the apply, so they cannot be checked`,
		`emissary_kustomization.mapping holds getambassador.io/Mapping/default/quote, whose fields cannot be checked: make it a resource`,
		`emissary_mapping.dns sends requests to "kube-dns.kube-system:53": namespace "kube-system" is not for Mappings`,
		`emissary_mapping.later: service is known only after the apply, so it cannot be checked: write it out`,
	}
	if got := denials(t, c.must(t, c.arguments(step{name: "show"})...)); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const forbidden = `
terraform {
  required_providers {
    emissary = { source = "emissary/emissary" }
  }
}

resource "emissary_crds" "this" {
  deletion_policy   = "delete"
  confirm_data_loss = true
}

resource "emissary_host" "cleartext" {
  name     = "cleartext"
  hostname = "a.example.com"
}

resource "emissary_mapping" "dns" {
  name     = "dns"
  hostname = "a.example.com"
  prefix   = "/"
  service  = "kube-dns.kube-system:53"
}

resource "emissary_kustomization" "mapping" {
  kustomization = { resources = ["mapping.yaml"] }
  files = {
    "mapping.yaml" = yamlencode({
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Mapping"
      metadata   = { name = "quote", namespace = "default" }
      spec       = { hostname = "a.example.com", prefix = "/", service = "quote" }
    })
  }
}

resource "emissary_kustomization" "later" {
  kustomization = { resources = ["later.yaml"] }
  files         = { "later.yaml" = terraform_data.this.id }
}

resource "terraform_data" "this" {}

resource "emissary_mapping" "later" {
  name     = "later"
  hostname = "a.example.com"
  prefix   = "/later/"
  service  = terraform_data.this.id
}
`

// checkPolicies fails the test when a policy denies the plan.
func checkPolicies(t *testing.T, plan string) {
	t.Helper()
	if messages := denials(t, plan); len(messages) > 0 {
		t.Errorf("the policies deny the plan:\n%s", strings.Join(messages, "\n"))
	}
}

// denials returns what the policies say against a plan, sorted.
func denials(t *testing.T, plan string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), deps.OPA(t), "eval", "--stdin-input", "--format=raw",
		"--data="+example("server", "policies", "emissary.rego"), "data.main.deny")
	command.Stdin = strings.NewReader(plan)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("opa eval: %v\n%s", err, output)
	}
	var messages []string
	if err := json.Unmarshal(output, &messages); err != nil {
		t.Fatalf("opa eval printed %q: %v", output, err)
	}
	slices.Sort(messages)
	return messages
}
