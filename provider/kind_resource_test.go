package provider_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/crds"
)

// TestExamples applies the example of every kind, plans again without changes,
// and imports it back to the same state.
func TestExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	folders, err := filepath.Glob("../examples/resources/emissary_*")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	var all strings.Builder
	for _, folder := range folders {
		kind := filepath.Base(folder)
		if slices.Contains([]string{"emissary_crds", "emissary_kustomization", "emissary_release"}, kind) {
			continue // They have tests of their own.
		}
		text := readFile(t, filepath.Join(folder, "resource.tf"))
		if want, got := importLine(kind, text), readFile(t, filepath.Join(folder, "import.sh")); got != want {
			t.Errorf("%s/import.sh is %q, want %q", folder, got, want)
		}
		kinds = append(kinds, kind)
		all.WriteString(strings.ReplaceAll(text, `"default"`, `"NAMESPACE"`))
	}
	if len(kinds) != len(crds.Kinds()) {
		t.Errorf("%d of %d kinds have an example: %v", len(kinds), len(crds.Kinds()), kinds)
	}
	steps := []resource.TestStep{{
		Config: w.config(all.String()),
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		},
	}}
	for _, kind := range kinds {
		steps = append(steps, resource.TestStep{ResourceName: kind + ".example", ImportState: true, ImportStateVerify: true})
	}
	w.run(steps...)
}

// importLine is the command that imports the example of a kind.
func importLine(kind, example string) string {
	name := regexp.MustCompile(`(?m)^  name +=  *"(.*)"$`).FindStringSubmatch(example)
	return fmt.Sprintf("terraform import %s.example default/%s\n", kind, name[1])
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const mapping = `
resource "emissary_mapping" "quote" {
  name      = "quote"
  namespace = "NAMESPACE"
  hostname  = "*"
  prefix    = "/backend/"
  service   = "quote"
  EXTRA
}
`

// quote is the Mapping with more attributes.
func quote(extra ...string) string {
	return strings.ReplaceAll(mapping, "EXTRA", strings.Join(extra, "\n  "))
}

// TestEmptiedMaps makes maps empty that had something, which is not the same as to
// leave them out.
func TestEmptiedMaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := func(headers map[string]any) resource.TestCheckFunc {
		want := map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote"}
		if headers != nil {
			want["headers"] = headers
		}
		return w.specIs("mappings", "quote", want)
	}
	w.run(
		resource.TestStep{Config: w.config(quote(`headers = { x-a = "1", x-b = "2" }`, `labels = { a = "b" }`)),
			Check: spec(map[string]any{"x-a": "1", "x-b": "2"})},
		resource.TestStep{Config: w.config(quote(`headers = {}`, `labels = {}`)), Check: spec(map[string]any{})},
		resource.TestStep{Config: w.config(quote(`headers = { x-c = "3" }`)), Check: spec(map[string]any{"x-c": "3"})},
		resource.TestStep{Config: w.config(quote()), Check: spec(nil)},
	)
}

// TestMappingUpdate follows one object through create, update in place, the
// removal of a field, replacement and delete.
func TestMappingUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	action := func(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("emissary_mapping.quote", a)}}
	}
	spec := func(want map[string]any) resource.TestCheckFunc {
		return w.specIs("mappings", "quote", want)
	}
	base := map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote"}
	with := func(more map[string]any) map[string]any {
		all := maps.Clone(base)
		maps.Copy(all, more)
		return all
	}
	w.run(
		resource.TestStep{
			Config:           w.config(quote(`timeout_ms = 4000`, `rewrite = ""`, `headers = {}`)),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("emissary_mapping.quote", tfjsonpath.New("id"), knownvalue.StringExact(w.namespace+"/quote")),
			},
			Check: spec(with(map[string]any{"timeout_ms": int64(4000), "rewrite": "", "headers": map[string]any{}})),
		},
		resource.TestStep{
			Config:           w.config(quote(`timeout_ms = 5000`, `case_sensitive = false`)),
			ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
			Check:            spec(with(map[string]any{"timeout_ms": int64(5000), "case_sensitive": false})),
		},
		resource.TestStep{
			Config:           w.config(quote()),
			ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
			Check:            spec(base),
		},
		resource.TestStep{
			Config:           w.config(strings.Replace(quote(), `"quote"`+"\n  namespace", `"renamed"`+"\n  namespace", 1)),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
			Check:            w.specIs("mappings", "renamed", base),
		},
	)
	left, err := w.objects("mappings").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) != 0 {
		t.Errorf("destroy left %d objects (%v)", len(left.Items), err)
	}
}

// TestNullAndEmpty settles at once for everything that means "nothing" in some
// way, and for values whose Terraform type is not that of a literal.
func TestNullAndEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(resource.TestStep{
		Config: w.config(quote(
			`labels = { team = null }`,
			`annotations = {}`,
			`rewrite = ""`,
			`weight = 0`,
			`grpc = false`,
			`headers = {}`,
			`query_parameters = { a = null, b = "" }`,
			`remove_request_headers = []`,
			`circuit_breakers = []`,
			`add_request_headers = {}`,
			`timeout_ms = null`,
			`cors = null`,
		) + `
variable "groups" {
  type    = map(list(map(list(map(map(string))))))
  default = { ambassador = [{ group = [{ generic_key = { value = "x" } }] }] }
}

resource "emissary_mapping" "typed" {
  name              = "typed"
  namespace         = "NAMESPACE"
  hostname          = "*"
  prefix            = "/"
  service           = "quote"
  rate_limit_labels = var.groups
}

resource "emissary_module" "ambassador" {
  name      = "ambassador"
  namespace = "NAMESPACE"
  config = {
    ratio  = 0.1
    whole  = 10
    big    = 4294967296
    empty  = {}
    none   = []
    list   = tolist(["a", "b"])
    mixed  = ["a", 1, true, { x = "y" }]
    "a.b/c" = { "D e" = false }
  }
}
`),
		Check: resource.ComposeAggregateTestCheckFunc(
			w.specIs("mappings", "quote", map[string]any{
				"hostname": "*", "prefix": "/backend/", "service": "quote", "rewrite": "", "weight": int64(0), "grpc": false,
				"headers": map[string]any{}, "query_parameters": map[string]any{"b": ""}, "remove_request_headers": []any{},
				"circuit_breakers": []any{}, "add_request_headers": map[string]any{},
			}),
			w.specIs("modules", "ambassador", map[string]any{"config": map[string]any{
				"ratio": 0.1, "whole": int64(10), "big": int64(4294967296), "empty": map[string]any{}, "none": []any{},
				"list": []any{"a", "b"}, "mixed": []any{"a", int64(1), true, map[string]any{"x": "y"}},
				"a.b/c": map[string]any{"D e": false},
			}}),
		),
		ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
	})
}

// TestDrift changes an object behind Terraform's back: the plan shows it leaf by
// leaf, and the apply repairs it without being told to force anything.
func TestDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config(quote(`timeout_ms = 4000`, `remove_request_headers = ["x-a", "x-b"]`, `labels = { team = "web" }`))
	want := map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote", "timeout_ms": int64(4000),
		"remove_request_headers": []any{"x-a", "x-b"}}
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.edit("mappings", "quote", func(spec map[string]any) {
					spec["timeout_ms"] = int64(9000)
					spec["remove_request_headers"] = []any{"x-a"}
				})
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionUpdate),
			}},
			Check: w.specIs("mappings", "quote", want),
		},
		resource.TestStep{
			PreConfig: func() {
				w.edit("mappings", "quote", func(spec map[string]any) { delete(spec, "timeout_ms") })
			},
			Config: config,
			Check:  w.specIs("mappings", "quote", want),
		},
		// A field that drifted and is then dropped from the configuration goes,
		// although its new owner would keep it.
		resource.TestStep{
			PreConfig: func() {
				w.edit("mappings", "quote", func(spec map[string]any) { spec["timeout_ms"] = int64(9000) })
			},
			Config: w.config(quote(`labels = { team = "web" }`)),
			Check:  w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote"}),
		},
		// force_conflicts = false never takes anything back.
		resource.TestStep{
			PreConfig: func() {
				w.edit("mappings", "quote", func(spec map[string]any) { spec["prefix"] = "/elsewhere/" })
			},
			Config:      w.config(quote(`labels = { team = "web" }`, `force_conflicts = false`)),
			ExpectError: oneLine(`spec.prefix is owned by "kubectl-edit"`),
		},
		resource.TestStep{Config: w.config(quote(`labels = { team = "web" }`, `force_conflicts = true`))},
	)
}

// TestFreeFormDrift repairs what was changed inside a free-form value, and leaves
// alone what others added there.
func TestFreeFormDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config(`
resource "emissary_module" "ambassador" {
  name      = "ambassador"
  namespace = "NAMESPACE"
  config = {
    cluster_request_timeout_ms = 10000
    gzip = { content_type = ["text/html"], absent = null }
  }
}
`)
	edit := func(change func(config map[string]any)) func() {
		return func() {
			w.edit("modules", "ambassador", func(spec map[string]any) { change(spec["config"].(map[string]any)) })
		}
	}
	want := map[string]any{"cluster_request_timeout_ms": int64(10000), "gzip": map[string]any{"content_type": []any{"text/html"}}}
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: edit(func(config map[string]any) {
				config["cluster_request_timeout_ms"] = int64(1)
				config["gzip"].(map[string]any)["content_type"] = []any{"text/html", "text/css"}
			}),
			Config: config,
			Check:  w.specIs("modules", "ambassador", map[string]any{"config": want}),
		},
		resource.TestStep{
			PreConfig: edit(func(config map[string]any) { config["theirs"] = true }),
			Config:    config,
			PlanOnly:  true,
		},
	)
}

// TestOthersFields leaves alone what other managers add, and shows none of it.
func TestOthersFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config(quote(`headers = { x-ours = "1" }`, `labels = { team = "web" }`))
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				object := w.get("mappings", "quote")
				object.SetLabels(map[string]string{"team": "web", "theirs": "yes"})
				object.SetAnnotations(map[string]string{"theirs": "yes"})
				spec := object.Object["spec"].(map[string]any)
				spec["weight"] = int64(50)
				spec["headers"].(map[string]any)["x-theirs"] = "2"
				if _, err := w.objects("mappings").Update(t.Context(), object, metav1.UpdateOptions{FieldManager: "them"}); err != nil {
					t.Fatal(err)
				}
			},
			Config:   config,
			PlanOnly: true,
		},
		resource.TestStep{
			Config: w.config(quote(`headers = { x-ours = "3" }`, `labels = { team = "web" }`)),
			Check: w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote",
				"weight": int64(50), "headers": map[string]any{"x-ours": "3", "x-theirs": "2"}}),
		},
	)
}

// TestDisappears plans to make anew what was deleted behind Terraform's back, and
// counts it as deleted on destroy.
func TestDisappears(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	remove := func() {
		if err := w.objects("mappings").Delete(t.Context(), "quote", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	w.run(
		resource.TestStep{Config: w.config(quote())},
		resource.TestStep{
			PreConfig: remove,
			Config:    w.config(quote()),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionCreate),
			}},
		},
		resource.TestStep{PreConfig: remove, Config: w.config(quote()), Destroy: true},
	)
}

// TestAdoption takes over an object that exists: silently where they agree, with
// the name of the other manager where they do not.
func TestAdoption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createOld()
	w.run(
		resource.TestStep{
			Config:      w.config(quote()),
			ExpectError: oneLine(`spec.prefix is owned by "kubectl-create".*force_conflicts = true`),
		},
		resource.TestStep{
			Config: w.config(quote(`force_conflicts = true`)),
			Check: w.specIs("mappings", "quote", map[string]any{
				"hostname": "*", "prefix": "/backend/", "service": "quote", "timeout_ms": int64(1000)}),
		},
	)
}

// createOld makes a Mapping that is not as quote says, as kubectl create does.
func (w *world) createOld() {
	w.Helper()
	existing := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
		"metadata": map[string]any{"name": "quote"},
		"spec":     map[string]any{"hostname": "*", "prefix": "/old/", "service": "quote", "timeout_ms": int64(1000)},
	}}
	if _, err := w.objects("mappings").Create(w.Context(), existing, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
		w.Fatal(err)
	}
}

// TestImportThenPlan imports an object that others made: the plan then shows
// exactly what the configuration says differently, and apply does it.
func TestImportThenPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createOld()
	config := w.config(quote() + `
import {
  to = emissary_mapping.quote
  id = "NAMESPACE/quote"
}
`)
	w.run(resource.TestStep{
		Config: config,
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionUpdate),
		}},
		Check: w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote"}),
	})
}

// oneLine matches a message that Terraform has wrapped over several lines.
func oneLine(pattern string) *regexp.Regexp {
	words := strings.Fields(pattern)
	return regexp.MustCompile(`(?s)` + strings.Join(words, `[\s│]+`))
}
