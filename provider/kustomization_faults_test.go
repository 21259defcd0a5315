package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// TestKustomizationFailedTakeover never deletes what it has found, although the
// creation failed after it was taken over.
func TestKustomizationFailedTakeover(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, two)
	uid := w.foreign("a", "one", "kubectl-client-side-apply")
	w.folder(dir, change(two, "b.yaml", "key: one", "NOT/ALLOWED: two"))
	config := w.config(kustomized(dir))
	w.run(
		resource.TestStep{Config: config, ExpectError: oneLine(`Cannot apply ConfigMap ` + w.namespace + `/b`)},
		resource.TestStep{
			PreConfig: func() { w.folder(dir, two) },
			Config:    config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_kustomization.test", plancheck.ResourceActionCreate)}},
			Check: func(*terraform.State) error {
				if object := w.object(configMaps, "a"); object == nil || object.GetUID() != uid {
					return fmt.Errorf("the object was made again")
				}
				return nil
			},
		},
	)
}

// foreign makes a ConfigMap as someone else does.
func (w *world) foreign(name, value, manager string) types.UID {
	w.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": map[string]any{"key": value}}}
	made, err := w.dynamic.Resource(configMaps).Namespace(w.namespace).Create(w.Context(), object, metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		w.Fatal(err)
	}
	// Time in Kubernetes is in seconds: who made the object shows only later.
	eventually(w.T, "the object is older than the apply", func() bool { return time.Since(made.GetCreationTimestamp().Time) > 2*time.Second })
	return made.GetUID()
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
		uids[name] = w.foreign(name, "one", "kubectl-client-side-apply")
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

// TestKustomizationTimeoutBounds gives up in time, and says on what: a kind that
// nobody brings, a namespace that nobody makes, one that does not go away.
func TestKustomizationTimeoutBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stickNamespace()
	for name, test := range map[string]struct{ manifest, want string }{
		"kind": {"apiVersion: example.com/v1\nkind: Gizmo\nmetadata: {name: a}\n",
			`the server does not know Gizmo \(example\.com/v1\)\. Correct apiVersion and kind, .* \(gave up after 2s`},
		"namespace": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: never-made}\n",
			`the namespace never-made does not exist.* \(gave up after 2s`},
		"stuck": {"apiVersion: v1\nkind: Namespace\nmetadata: {name: NAMESPACE}\n",
			`Namespace ` + w.namespace + ` was applied but is not ready .*it is being deleted, held: it has the finalizers example\.com/hold`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w.folder(dir, map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": test.manifest})
			runTerraform(t, resource.TestStep{
				Config:      w.config(kustomized(dir, "timeouts {\n    create = \"2s\"\n    delete = \"2s\"\n  }")),
				ExpectError: oneLine(test.want),
			})
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

// TestKustomizationWaits waits for the objects of a living controller, and waits
// again after it failed.
func TestKustomizationWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var repaired atomic.Bool
	w.reportMissing(&repaired)
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
