package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
)

// TestKustomizationCluster runs on a cluster of its own, whose namespaces go away
// and whose Deployments become ready.
func TestKustomizationCluster(t *testing.T) {
	t.Parallel()
	deps.Terraform(t)
	c := cluster.ForTest(t, cluster.Options{Workloads: true})
	for name, test := range map[string]func(*world){
		"order":   testKustomizationOrder,
		"retain":  testKustomizationRetain,
		"without": testKustomizationWithoutKind,
		"rollout": testKustomizationRollout,
		"chart":   testKustomizationChart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&world{T: t, Cluster: c, dynamic: dynamic.NewForConfigOrDie(c.Config), namespace: "kustomized-" + name})
		})
	}
}

// whole is a kustomization with its own namespace, a kind, an object of it, a
// workload and a webhook.
func whole(name string) map[string]string {
	return map[string]string{
		"kustomization.yaml": "namespace: NAMESPACE\nresources: [widget.yaml, webhook.yaml, deployment.yaml, account.yaml, crd.yaml, namespace.yaml]\n",
		"namespace.yaml":     "apiVersion: v1\nkind: Namespace\nmetadata: {name: NAMESPACE}\n",
		"account.yaml":       "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: quote}\n",
		"crd.yaml": strings.ReplaceAll(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: NAMEs.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: NAME, plural: NAMEs}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}
`, "NAME", name),
		"widget.yaml":  "apiVersion: example.com/v1\nkind: " + name + "\nmetadata: {name: large}\nspec: {size: 9}\n",
		"webhook.yaml": "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: " + name + "}\n",
		"deployment.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: quote}
spec:
  replicas: 2
  selector: {matchLabels: {app: quote}}
  template:
    metadata: {labels: {app: quote}}
    spec: {serviceAccountName: quote, containers: [{name: quote, image: "quote:1"}]}
`,
	}
}

// requests are what was written to the API server, in order.
type requests struct {
	mu   sync.Mutex
	list []string
}

func (r *requests) note(request *http.Request) {
	if request.Method == http.MethodGet || strings.HasSuffix(request.URL.Path, "/selfsubjectaccessreviews") {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	plural, _ := filepath.Split(strings.TrimSuffix(request.URL.Path, "/"))
	r.list = append(r.list, request.Method+" "+filepath.Base(plural))
}

// testKustomizationOrder applies a kind with an object of it, in a namespace of
// its own, in one go, and destroys it in reverse.
func testKustomizationOrder(w *world) {
	dir := w.TempDir()
	w.folder(dir, whole("gear"))
	var seen requests
	p, provider := w.proxy()
	p.Count(func(request *http.Request) bool { seen.note(request); return false })
	config := provider + strings.Replace(kustomized(dir, `crd_deletion_policy = "delete"`, "confirm_data_loss = true"), "wait = false", "", 1)
	runTerraform(w.T, resource.TestStep{
		Config:           config,
		ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		Check: func(*terraform.State) error {
			deployment := w.object(deployments, "quote")
			if ready, _, _ := unstructured.NestedInt64(deployment.Object, "status", "availableReplicas"); ready != 2 {
				return fmt.Errorf("the apply has not waited: %d replicas are available", ready)
			}
			return nil
		},
	})
	first := []string{"namespaces", "customresourcedefinitions", "serviceaccounts", "deployments", "gears", "validatingwebhookconfigurations"}
	var want []string
	for _, plural := range first {
		want = append(want, "PATCH "+plural)
	}
	for _, plural := range slices.Backward(first) {
		want = append(want, "DELETE "+plural)
	}
	slices.Sort(want[:2]) // These two are written at the same time.
	slices.Sort(seen.list[:min(2, len(seen.list))])
	if !slices.Equal(seen.list, want) {
		w.Errorf("the requests were\n%s\nwant\n%s", strings.Join(seen.list, "\n"), strings.Join(want, "\n"))
	}
	if _, err := w.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(w.Context(), w.namespace, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		w.Errorf("the namespace is still there: %v", err)
	}
}

// testKustomizationRetain leaves the CRD in the cluster, with the objects of
// others, and says so.
func testKustomizationRetain(w *world) {
	dir := w.TempDir()
	w.folder(dir, whole("wheel"))
	crds := w.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	s := newKustomizationServer(w.T, map[string]any{"config_path": w.Kubeconfig})
	for policy, why := range map[string]string{
		"retain":          `the deletion policy is "retain"`,
		"delete_if_empty": "there still are objects, such as default/other",
	} {
		made, diags := s.change(w.Context(), s.none(), map[string]any{"path": dir, "wait": false, "crd_deletion_policy": policy})
		if len(diags) > 0 {
			w.Fatalf("%s: %+v", policy, diags)
		}
		if policy != "retain" {
			other := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "wheel", "metadata": map[string]any{"name": "other"}}}
			wheels := w.dynamic.Resource(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "wheels"}).Namespace("default")
			if _, err := wheels.Create(w.Context(), other, metav1.CreateOptions{}); err != nil {
				w.Fatal(err)
			}
		}
		gone, diags := s.change(w.Context(), made, nil)
		if len(diags) != 1 || !strings.Contains(diags[0].Detail, "CustomResourceDefinition wheels.example.com was left in the cluster with the objects of its kind: "+why) {
			w.Errorf("%s: got %+v", policy, diags)
		}
		if s.objects(gone) != nil {
			w.Errorf("%s: the state still has %v", policy, s.objects(gone))
		}
		if _, err := crds.Get(w.Context(), "wheels.example.com", metav1.GetOptions{}); err != nil {
			w.Errorf("%s: %v", policy, err)
		}
	}
}

// testKustomizationWithoutKind has a CRD deleted by someone else, with the object
// of its kind: the plan shows both, and one apply makes them again.
func testKustomizationWithoutKind(w *world) {
	dir := w.TempDir()
	w.folder(dir, whole("pipe"))
	config := w.config(kustomized(dir))
	pipes := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "pipes"}
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.removeCRD("pipes.example.com")
				eventually(w.T, "the kind is gone", func() bool {
					_, err := w.dynamic.Resource(pipes).Namespace(w.namespace).List(w.Context(), metav1.ListOptions{})
					return apierrors.IsNotFound(err)
				})
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction("emissary_kustomization.test", plancheck.ResourceActionUpdate), inPlan("changes", knownvalue.Null()),
				},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error {
				if w.object(pipes, "large") == nil {
					return fmt.Errorf("the object was not made again")
				}
				return nil
			},
		},
	)
	w.removeCRD("pipes.example.com")
}

// testKustomizationRollout gives up in time on a Deployment whose pods find no
// node, and says so. The change is in the state, and repaired by the next apply.
func testKustomizationRollout(w *world) {
	dir := w.TempDir()
	files := whole("bolt")
	w.folder(dir, files)
	config := w.config(strings.Replace(kustomized(dir, "timeouts {\n    update = \"8s\"\n  }"), "wait = false", "", 1))
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.folder(dir, change(files, "deployment.yaml", "serviceAccountName", "nodeSelector: {never: there}, serviceAccountName"))
				w.folder(dir, change(files, "kustomization.yaml", "account.yaml, ", ""))
			},
			Config:      config,
			ExpectError: oneLine(`Deployment ` + w.namespace + `/quote was applied but is not ready .*1 of 2 pods are of the new version; Pod quote-.*: .*node`),
		},
		resource.TestStep{
			PreConfig: func() {
				if w.object(schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, "quote") == nil {
					w.Error("something was pruned although the rollout has failed")
				}
				w.folder(dir, files)
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction("emissary_kustomization.test", plancheck.ResourceActionUpdate)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		},
	)
	w.removeCRD("bolts.example.com")
}

func (w *world) removeCRD(name string) {
	crds := w.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if err := crds.Delete(w.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.Error(err)
	}
}

// testKustomizationChart kustomizes what the bundled charts render, as users of
// `helm template | kustomize` do: CRDs, the ingress and Listeners in one apply.
func testKustomizationChart(w *world) {
	dir := w.TempDir()
	resources := []string{"namespace.yaml"}
	files := map[string]string{"namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: NAMESPACE}\n"}
	for _, name := range []string{charts.CRDs, charts.Ingress} {
		loaded, err := charts.Load(name)
		if err != nil {
			w.Fatal(err)
		}
		rendered, err := release.Render(release.Spec{Name: "edge", Namespace: w.namespace, Chart: loaded, DisableHooks: true})
		if err != nil {
			w.Fatal(err)
		}
		files[name+".yaml"] = rendered.Manifest
		resources = append(resources, name+".yaml")
	}
	files["kustomization.yaml"] = "namespace: NAMESPACE\nresources: [" + strings.Join(resources, ", ") + `]
labels: [{pairs: {team: edge}}]
patches:
- target: {kind: Deployment}
  patch: |-
    - op: replace
      path: /spec/replicas
      value: 2
`
	w.folder(dir, files)
	config := w.config(strings.Replace(kustomized(dir), "wait = false", "", 1))
	w.run(
		resource.TestStep{
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{shorterThan(8192)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error {
				list, err := w.dynamic.Resource(deployments).Namespace(w.namespace).List(w.Context(), metav1.ListOptions{LabelSelector: "team=edge"})
				if err != nil || len(list.Items) != 1 {
					return fmt.Errorf("%d Deployments have the label (%w)", len(list.Items), err)
				}
				if ready, _, _ := unstructured.NestedInt64(list.Items[0].Object, "status", "availableReplicas"); ready != 2 {
					return fmt.Errorf("%d replicas are available", ready)
				}
				return nil
			},
		},
		resource.TestStep{
			PreConfig: func() {
				text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
				if err != nil {
					w.Fatal(err)
				}
				w.folder(dir, map[string]string{"kustomization.yaml": strings.Replace(string(text), "value: 2", "value: 3", 1)})
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				inPlan("changes", changesAre(map[string][]string{"apps/Deployment/" + w.namespace + "/edge-emissary-ingress": {"spec.replicas: 2 -> 3"}})),
			}},
		},
	)
}

// shorterThan bounds what a plan shows of the one resource in it, in bytes.
type shorterThan int

func (limit shorterThan) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, changed := range req.Plan.ResourceChanges {
		text, err := json.MarshalIndent(changed.Change.After, "", "  ")
		if err == nil && len(text) > int(limit) {
			err = fmt.Errorf("the plan of %s has %d bytes, over %d:\n%s", changed.Address, len(text), limit, text)
		}
		resp.Error = errors.Join(resp.Error, err)
	}
}
