package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"terraform-provider-emissary/test/faultproxy"
)

// two is a kustomization of two ConfigMaps.
var two = map[string]string{
	"kustomization.yaml": "namespace: NAMESPACE\nresources: [a.yaml, b.yaml]\n",
	"a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: one}\n",
	"b.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {key: one}\n",
}

// key is the value of a ConfigMap of the test's namespace; "" when there is none.
func (w *world) key(name string) string {
	object := w.object(configMaps, name)
	if object == nil {
		return ""
	}
	value, _, _ := unstructured.NestedString(object.Object, "data", "key")
	return value
}

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

// TestKustomizationPartialFailure has one object of an update refused: the others
// are applied, nothing is pruned, the state is what is there, and the next apply
// does the rest.
func TestKustomizationPartialFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	w.folder(dir, map[string]string{
		"kustomization.yaml": "namespace: NAMESPACE\nresources: [a.yaml, b.yaml, c.yaml]\n",
		"c.yaml":             strings.Replace(two["a.yaml"], "name: a", "name: c", 1),
	})
	config := w.config(kustomized(dir))
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.folder(dir, two)
				w.folder(dir, change(two, "a.yaml", "one", "two"))
				w.folder(dir, change(two, "b.yaml", "key: one", "NOT/ALLOWED: two"))
			},
			Config:      config,
			ExpectError: oneLine(`Cannot apply ConfigMap ` + w.namespace + `/b .*the server refuses it: data\[NOT/ALLOWED\]`),
		},
		resource.TestStep{
			PreConfig: func() {
				if a, b, c := w.key("a"), w.key("b"), w.key("c"); a != "two" || b != "one" || c != "one" {
					t.Errorf("after the failure the ConfigMaps have %q, %q and %q", a, b, c)
				}
				w.folder(dir, change(two, "b.yaml", "one", "three"))
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction("emissary_kustomization.test", plancheck.ResourceActionUpdate),
					// The object that was written is in the state as it is.
					inPlan("changes", changesAre(map[string][]string{"ConfigMap/" + w.namespace + "/b": {`data.key: "one" -> "three"`}})),
				},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error {
				if b, c := w.key("b"), w.key("c"); b != "three" || c != "" {
					return fmt.Errorf("b has %q and c %q", b, c)
				}
				return nil
			},
		},
	)
}

// TestKustomizationFailedCreate keeps what was made before a failure, so that a
// destroy finds it.
func TestKustomizationFailedCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	w.folder(dir, change(two, "b.yaml", "key: one", "NOT/ALLOWED: two"))
	config := w.config(kustomized(dir))
	w.run(
		resource.TestStep{Config: config, ExpectError: oneLine(`Cannot apply ConfigMap .*terraform untaint`)},
		resource.TestStep{
			PreConfig: func() {
				if w.key("a") != "one" {
					t.Error("the other object was not applied")
				}
			},
			Config: config, Destroy: true,
		},
	)
	if w.key("a") != "" {
		t.Error("the destroy has left the object that was applied")
	}
}

// TestKustomizationConflict names the field and the manager, and takes over when
// told to.
func TestKustomizationConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	body := []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"key":"theirs"}}`)
	if _, err := w.dynamic.Resource(configMaps).Namespace(w.namespace).Patch(t.Context(), "a", types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
	w.run(
		resource.TestStep{
			Config:      w.config(kustomized(dir)),
			ExpectError: oneLine(`Cannot apply ConfigMap ` + w.namespace + `/a .*data\.key is owned by "helm".*set force_conflicts = true`),
		},
		resource.TestStep{Config: w.config(kustomized(dir, "force_conflicts = true")), Check: func(*terraform.State) error {
			if value := w.key("a"); value != "one" {
				return fmt.Errorf("it has %q", value)
			}
			return nil
		}},
	)
}

// TestKustomizationImmutable has a selector changed, which the API server never
// does: it is an error that says so, or the object is made again.
func TestKustomizationImmutable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, shop)
	var before types.UID
	w.run(
		resource.TestStep{Config: w.config(kustomized(dir))},
		resource.TestStep{
			PreConfig: func() {
				before = w.object(deployments, "quote").GetUID()
				w.folder(dir, map[string]string{"deployment.yaml": strings.ReplaceAll(shop["deployment.yaml"], "app: quote", "app: other")})
			},
			Config:      w.config(kustomized(dir)),
			ExpectError: oneLine(`Cannot apply Deployment .*spec\.selector: .*field is immutable\. Give the object another name, or set recreate_immutable`),
		},
		resource.TestStep{
			Config: w.config(kustomized(dir, "recreate_immutable = true")),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{inPlan("changes", changesAre(map[string][]string{"apps/Deployment/" + w.namespace + "/quote": {
					`spec.selector.matchLabels.app: "quote" -> "other"`, `spec.template.metadata.labels.app: "quote" -> "other"`,
				}}))},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error {
				if w.object(deployments, "quote").GetUID() == before {
					return fmt.Errorf("the Deployment was not made again")
				}
				return nil
			},
		},
	)
}

// TestKustomizationAdopts takes over what kubectl has applied: by creating the
// resource, and by an import that plans only what differs.
func TestKustomizationAdopts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	uids := map[string]types.UID{}
	for _, name := range []string{"a", "b"} {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": map[string]any{"key": "one"}}}
		made, err := w.dynamic.Resource(configMaps).Namespace(w.namespace).Create(t.Context(), object, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
		if err != nil {
			t.Fatal(err)
		}
		uids[name] = made.GetUID()
	}
	stillThere := func(*terraform.State) error {
		for name, uid := range uids {
			if object := w.object(configMaps, name); object == nil || object.GetUID() != uid {
				return fmt.Errorf("%s was made again", name)
			}
		}
		return nil
	}
	imported := w.config(kustomized(dir) + fmt.Sprintf("import {\n  to = emissary_kustomization.test\n  id = %q\n}\n", dir))
	w.run(
		// wait is not part of what an import finds; the objects are as they should be.
		resource.TestStep{Config: imported, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			inPlan("objects", knownvalue.MapPartial(map[string]knownvalue.Check{"ConfigMap/" + w.namespace + "/a": digest()})),
			inPlan("changes", knownvalue.Null()),
		}}, Check: stillThere},
		resource.TestStep{
			PreConfig: func() { w.folder(dir, change(two, "a.yaml", "one", "two")) },
			Config:    imported,
			Check: func(state *terraform.State) error {
				if w.key("a") != "two" {
					return fmt.Errorf("a has %q", w.key("a"))
				}
				return stillThere(state)
			},
		},
	)
	w.run(resource.TestStep{
		Config:      w.config(fmt.Sprintf("resource \"emissary_kustomization\" \"test\" {\n  path = %q\n}\nimport {\n  to = emissary_kustomization.test\n  id = %q\n}\n", dir, dir)),
		ExpectError: oneLine(`None of the 2 objects of the kustomization in .* is in the cluster`),
	})
}

// TestKustomizationInterrupted stops an apply, as Ctrl-C does, after its first
// object was written.
func TestKustomizationInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, shop)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var written atomic.Int32
	p := faultproxy.Start(t, w.Config)
	p.Count(func(request *http.Request) bool {
		if request.Method == http.MethodPatch && strings.Contains(request.URL.Path, "/configmaps/") {
			written.Add(1)
			interrupt()
		}
		return false
	})
	s := newKustomizationServer(t, map[string]any{"config_path": kubeconfigFile(t, p.Kubeconfig(""))})
	state, diags := s.change(ctx, s.none(), map[string]any{"path": dir})
	if len(diags) == 0 {
		t.Fatal("the interrupted apply has succeeded")
	}
	objects := s.objects(state)
	if written.Load() == 0 || len(objects) == 0 || len(objects) == 4 {
		t.Errorf("%d writes, and the state has %v: %v", written.Load(), objects, diags)
	}
	if w.object(configMaps, "settings") == nil || objects["ConfigMap/"+w.namespace+"/settings"] == "" {
		t.Errorf("what was written is not in the state: %v", objects)
	}
}

// TestKustomizationFaults has every fault that passes break each step of a
// kustomization, a few times. Each step succeeds in one go all the same.
func TestKustomizationFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, fault := range passing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			suffix := "nameSuffix: -" + strings.ReplaceAll(name, " ", "-") + "\n"
			w.folder(dir, shop)
			w.folder(dir, map[string]string{"kustomization.yaml": shop["kustomization.yaml"] + suffix})
			p := faultproxy.Start(t, w.Config)
			s := newKustomizationServer(t, map[string]any{"config_path": kubeconfigFile(t, p.Kubeconfig(""))})
			attributes := map[string]any{"path": dir, "wait": false}
			step := func(what string, match faultproxy.Match, prior known, attributes map[string]any, objects int) known {
				t.Helper()
				if name == "no match" { // Kinds of Kubernetes itself are always there.
					match = faultproxy.Both(match, faultproxy.Of("mappings"))
				}
				rule := p.Break(3, match, fault)
				after, diags := s.change(t.Context(), prior, attributes)
				if len(diags) > 0 || len(s.objects(after)) != objects || rule.Met() == 0 {
					t.Fatalf("%s: the state has %v: %+v", what, s.objects(after), diags)
				}
				rule.Heal()
				return after
			}
			made := step("create", faultproxy.Writes, s.none(), attributes, 4)
			w.folder(dir, map[string]string{"kustomization.yaml": strings.Replace(shop["kustomization.yaml"], ", mapping.yaml", "", 1) + suffix})
			pruned := step("update", faultproxy.Deletes, made, attributes, 3)
			if name != "no match" {
				step("destroy", faultproxy.Deletes, pruned, nil, 0)
			}
		})
	}
}

// TestKustomizationStuckDelete names the finalizers that hold an object. What is
// gone leaves the state, what is not stays, and the next destroy goes on.
func TestKustomizationStuckDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, shop)
	hold := func(finalizers ...string) {
		object := w.object(deployments, "quote")
		object.SetFinalizers(finalizers)
		if _, err := w.dynamic.Resource(deployments).Namespace(w.namespace).Update(context.Background(), object, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	}
	config := w.config(kustomized(dir, "timeouts {\n    delete = \"3s\"\n  }"))
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() { hold("example.com/hold") }, Config: config, Destroy: true,
			ExpectError: oneLine(`Cannot delete Deployment ` + w.namespace + `/quote .*held by the finalizers example\.com/hold`),
		},
		resource.TestStep{
			PreConfig: func() {
				if list, err := w.objects("mappings").List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
					t.Errorf("the Mapping, which comes before the Deployment, is still there (%v)", err)
				}
				if w.object(configMaps, "settings") == nil {
					t.Error("the ConfigMap, which comes after the Deployment, is gone")
				}
				hold()
			},
			Config: config, Destroy: true,
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

// TestKustomizationWaits waits for the objects of a living controller, and waits
// again after it failed.
func TestKustomizationWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var repaired atomic.Bool
	w.report(func(object *unstructured.Unstructured) (string, string, string, string) {
		if service, _, _ := unstructured.NestedString(object.Object, "spec", "service"); service == "missing" && !repaired.Load() {
			return "Programmed", "False", "ServiceNotFound", "Service missing not found"
		}
		return "Programmed", "True", "Programmed", "Envoy acknowledged it"
	})
	dir := t.TempDir()
	mapping := strings.Replace(shop["mapping.yaml"], "metadata: {name: quote}", "metadata: {name: quote, namespace: NAMESPACE}", 1)
	w.folder(dir, map[string]string{"kustomization.yaml": "resources: [mapping.yaml]\n", "mapping.yaml": mapping})
	config := w.config(strings.Replace(kustomized(dir), "wait = false", "wait = true", 1))
	id := "getambassador.io/Mapping/" + w.namespace + "/quote"
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.folder(dir, map[string]string{"mapping.yaml": strings.Replace(mapping, "service: quote", "service: missing", 1)})
			},
			Config:      config,
			ExpectError: oneLine(`Mapping ` + w.namespace + `/quote was applied but is not ready .*Service missing not found \(ServiceNotFound\)`),
		},
		resource.TestStep{
			RefreshState: true, ExpectNonEmptyPlan: true,
			RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_kustomization.test", plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue("emissary_kustomization.test", tfjsonpath.New("changes").AtMapKey(id), knownvalue.ListSizeExact(1)),
			}},
		},
		resource.TestStep{
			PreConfig: func() {
				repaired.Store(true)
				w.edit("mappings", "quote", func(spec map[string]any) { spec["timeout_ms"] = int64(1) })
			},
			Config:           config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
	)
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
