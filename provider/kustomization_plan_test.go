package provider_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// TestKustomizationPlansWithoutCluster plans creation where nothing answers.
func TestKustomizationPlansWithoutCluster(t *testing.T) {
	t.Parallel()
	w := &world{T: t, namespace: "shop"}
	dir := t.TempDir()
	w.folder(dir, shop)
	for name, provider := range map[string]string{
		"untouchable": fmt.Sprintf("provider \"emissary\" {\n  host = \"https://%s\"\n  insecure = true\n}\n", untouchable(t)),
		"unknown":     "resource \"terraform_data\" \"cluster\" {\n  input = \"https://127.0.0.1:1\"\n}\nprovider \"emissary\" {\n  host = terraform_data.cluster.output\n}\n",
		"missing":     "provider \"emissary\" {\n  config_path = \"/none\"\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runTerraform(t, resource.TestStep{
				Config: provider + kustomized(dir), PlanOnly: true, ExpectNonEmptyPlan: true,
				ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{inPlan("objects", knownvalue.MapSizeExact(4))}},
			})
		})
	}
}

// TestKustomizationRefreshWithoutCluster plans a change of what is there while it
// is not known where the cluster is.
func TestKustomizationRefreshWithoutCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	w.run(
		resource.TestStep{Config: w.config(kustomized(dir))},
		resource.TestStep{
			PreConfig: func() { w.folder(dir, change(two, "a.yaml", "one", "two")) },
			Config: fmt.Sprintf("provider \"emissary\" {\n  config_path = terraform_data.cluster.output\n}\n\nresource \"terraform_data\" \"cluster\" {\n  input = %q\n}\n", w.Kubeconfig) +
				kustomized(dir),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				inPlan("changes", changesAre(map[string][]string{"ConfigMap/" + w.namespace + "/a": {`data.key: "one" -> "two"`}})),
			}},
			Check: func(*terraform.State) error {
				if value := w.key("a"); value != "two" {
					return fmt.Errorf("it has %q", value)
				}
				return nil
			},
		},
	)
}

// TestKustomizationOfUnknownValues has a value in it that is known only when it
// is applied.
func TestKustomizationOfUnknownValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config(`
resource "terraform_data" "later" {
  input = "VALUE"
}

resource "emissary_kustomization" "test" {
  kustomization = {
    namespace          = "NAMESPACE"
    resources          = ["b.yaml"]
    configMapGenerator = [{ name = "a", literals = ["key=${terraform_data.later.output}"], options = { disableNameSuffixHash = true } }]
  }
  files = {
    "b.yaml" = yamlencode({ apiVersion = "v1", kind = "ConfigMap", metadata = { name = "b" }, data = { key = terraform_data.later.output } })
  }
}
`)
	check := func(want string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			if a, b := w.key("a"), w.key("b"); a != want || b != want {
				return fmt.Errorf("the ConfigMaps have %q and %q, want %q", a, b, want)
			}
			return nil
		}
	}
	unknown := []plancheck.PlanCheck{plancheck.ExpectUnknownValue("emissary_kustomization.test", tfjsonpath.New("objects"))}
	w.run(
		resource.TestStep{
			Config: strings.ReplaceAll(config, "VALUE", "one"), Check: check("one"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: unknown, PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		resource.TestStep{
			Config: strings.ReplaceAll(config, "VALUE", "two"), Check: check("two"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: unknown, PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
	)
}

// TestKustomizationChangedSincePlan applies nothing that nobody has seen. The
// engine builds once more before it applies, and words the first error.
func TestKustomizationChangedSincePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	edit := func() { w.folder(dir, change(two, "a.yaml", "one", "two")) }
	w.run(resource.TestStep{
		Config:           w.config(kustomized(dir)),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{afterPlan(edit)}},
		ExpectError:      oneLine(`inconsistent final plan .*objects\["ConfigMap/` + w.namespace + `/a"\]`),
	})
	w.folder(dir, two)
	s := newKustomizationServer(t, map[string]any{"config_path": w.Kubeconfig})
	s.planned = edit
	_, diags := s.change(t.Context(), s.none(), map[string]any{"path": dir})
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "when the plan was made: ConfigMap/"+w.namespace+"/a. Plan again.") {
		t.Errorf("got %+v", diags)
	}
	if w.key("a") != "" {
		t.Error("something was applied")
	}
}

// afterPlan runs between plan and apply.
type afterPlan func()

func (f afterPlan) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	f()
}

// TestKustomizationErrors says what is wrong with a configuration before anything
// is applied.
func TestKustomizationErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte("resources: ['https://example.com/a.yaml']\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ config, want string }{
		"nothing":     {`resource "emissary_kustomization" "test" {}`, `There is no kustomization .*Set path to the folder`},
		"remote":      {kustomized(dir), `resources: "https://example\.com/a\.yaml" is remote`},
		"no folder":   {kustomized("/none"), `The folder /none cannot be read`},
		"text":        {"resource \"emissary_kustomization\" \"test\" {\n  kustomization = \"resources: []\"\n}", `text belongs in files`},
		"data loss":   {kustomized(dir, `crd_deletion_policy = "delete"`), `Deleting CRDs must be confirmed`},
		"wrong field": {strings.ReplaceAll(inlineMapping, "FIELD", "prefx"), `Mapping default/quote: the kind has no field .*prefx`},
		"wrong value": {strings.ReplaceAll(inlineMapping, "FIELD", "timeout_ms"), `Mapping default/quote: .*timeout_ms`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runTerraform(t, resource.TestStep{Config: test.config, PlanOnly: true, ExpectError: oneLine(test.want)})
		})
	}
}

const inlineMapping = `
resource "emissary_kustomization" "test" {
  kustomization = { resources = ["mapping.yaml"] }
  files = {
    "mapping.yaml" = yamlencode({
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Mapping"
      metadata   = { name = "quote" }
      spec       = { hostname = "*", prefix = "/", service = "quote", FIELD = "/x" }
    })
  }
}
`
