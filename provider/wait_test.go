package provider_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// report plays the controller: it answers every version of every Mapping in the
// namespace with the condition, until the test ends.
func (w *world) report(answer func(object *unstructured.Unstructured) (kind, status, reason, message string)) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	watcher, err := w.objects("mappings").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watcher.ResultChan() {
			object, ok := event.Object.(*unstructured.Unstructured)
			if !ok || event.Type == "DELETED" {
				continue
			}
			kind, status, reason, message := answer(object)
			condition := map[string]any{
				"type": kind, "status": status, "reason": reason, "message": message,
				"observedGeneration": object.GetGeneration(), "lastTransitionTime": "2026-01-01T00:00:00Z",
			}
			before, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
			if fmt.Sprint(before) == fmt.Sprint([]any{condition}) {
				continue
			}
			_ = unstructured.SetNestedSlice(object.Object, []any{condition}, "status", "conditions")
			_, _ = w.objects("mappings").UpdateStatus(ctx, object, metav1.UpdateOptions{FieldManager: "controller"})
		}
	}()
	w.Cleanup(func() { cancel(); watcher.Stop(); <-done })
}

// lease makes a controller of the ambassador id look alive, or dead.
func (w *world) lease(ambassadorID string, renewed time.Time) {
	w.Helper()
	leases := schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": map[string]any{"name": "emissary-" + ambassadorID, "labels": map[string]any{
			"getambassador.io/ambassador-id": ambassadorID, "app.kubernetes.io/managed-by": "terraform-provider-emissary"}},
		"spec": map[string]any{"holderIdentity": "pod", "leaseDurationSeconds": int64(15), "renewTime": renewed.UTC().Format("2006-01-02T15:04:05.000000Z07:00")},
	}}
	if _, err := w.dynamic.Resource(leases).Namespace(w.namespace).Create(w.Context(), object, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// TestWaitsWhereAControllerRuns waits for exactly the objects of a living
// controller, and fails with its reason.
func TestWaitsWhereAControllerRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lease("alive", time.Now().Add(time.Hour))
	w.lease("dead", time.Now().Add(-time.Hour))
	w.report(func(object *unstructured.Unstructured) (string, string, string, string) {
		service, _, _ := unstructured.NestedString(object.Object, "spec", "service")
		if service == "missing" {
			return "Programmed", "False", "ServiceNotFound", "Service missing not found"
		}
		return "Programmed", "True", "Programmed", "Envoy acknowledged it"
	})
	served := func(id, extra string) string {
		return w.config(quote(fmt.Sprintf(`ambassador_id = [%q]`, id), extra))
	}

	w.run(
		resource.TestStep{Config: served("alive", "")},
		// Nobody waits for a controller that is not there …
		resource.TestStep{Config: replaceService(served("dead", ""))},
		// … or when told not to.
		resource.TestStep{Config: replaceService(served("alive", "wait = false"))},
		resource.TestStep{Config: served("alive", "")},
		resource.TestStep{Config: replaceService(served("alive", "")), ExpectError: oneLine(`Service missing not found \(ServiceNotFound\)`)},
		// What was written is in the state: nothing is lost, the next apply goes on.
		resource.TestStep{
			Config: served("alive", ""),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionUpdate)}},
		},
	)
}

// reportMissing reports as a controller does to which the Service "missing" is
// none until it is repaired.
func (w *world) reportMissing(repaired *atomic.Bool) {
	w.Helper()
	w.report(func(object *unstructured.Unstructured) (string, string, string, string) {
		if service, _, _ := unstructured.NestedString(object.Object, "spec", "service"); service == "missing" && !repaired.Load() {
			return "Programmed", "False", "ServiceNotFound", "Service missing not found"
		}
		return "Programmed", "True", "Programmed", "Envoy acknowledged it"
	})
}

// TestNotServedIsPlanned has an update that was written but is not served: every
// plan shows it and its apply waits again, until the object is served, by
// whatever repaired it.
func TestNotServedIsPlanned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var repaired atomic.Bool
	w.reportMissing(&repaired)
	why := tfjsonpath.New("not_served")
	broken := w.config(replaceService(quote("wait = true")))
	planned := func(check plancheck.PlanCheck) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{check, plancheck.ExpectKnownValue("emissary_mapping.quote", why, knownvalue.Null())}}
	}
	update := plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionUpdate)
	w.run(
		resource.TestStep{
			Config:            w.config(quote("wait = true")),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue("emissary_mapping.quote", why, knownvalue.Null())},
		},
		resource.TestStep{Config: broken, ConfigPlanChecks: planned(update), ExpectError: oneLine(`Service missing not found \(ServiceNotFound\)`)},
		resource.TestStep{Config: broken, ConfigPlanChecks: planned(update), ExpectError: oneLine(`Service missing not found \(ServiceNotFound\)`)},
		resource.TestStep{
			PreConfig: func() {
				repaired.Store(true)
				object := w.get("mappings", "quote")
				object.SetAnnotations(map[string]string{"repaired": "yes"}) // makes the controller look again
				if _, err := w.objects("mappings").Update(t.Context(), object, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the controller has seen it", func() bool {
					conditions, _, _ := unstructured.NestedSlice(w.get("mappings", "quote").Object, "status", "conditions")
					return strings.Contains(fmt.Sprint(conditions), "acknowledged")
				})
			},
			Config:            broken,
			ConfigPlanChecks:  planned(plancheck.ExpectEmptyPlan()),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue("emissary_mapping.quote", why, knownvalue.Null())},
		},
	)
}

// TestInterruptedWait stops an apply, as Ctrl-C does, after the object was
// written: the state has it, and says that it may not be served.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newMappingServer(t, w.Kubeconfig)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	watcher, err := w.objects("mappings").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-watcher.ResultChan() // it is there
		interrupt()
	}()
	resp, err := s.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "emissary_mapping", PriorState: s.null(),
		PlannedState: s.mapping(map[string]any{"name": "quote", "namespace": w.namespace, "id": w.namespace + "/quote",
			"hostname": "*", "prefix": "/", "service": "quote", "wait": true}),
	})
	if err != nil || len(resp.Diagnostics) != 1 || !strings.Contains(resp.Diagnostics[0].Detail, "nterrupted while waiting") {
		t.Errorf("got %v %+v, want that it was interrupted", err, resp.Diagnostics)
	}
	state := s.texts(resp.NewState)
	if state["id"] != w.namespace+"/quote" || !strings.Contains(state["not_served"], "interrupted while waiting") {
		t.Errorf("the state is %v", state)
	}
}

// TestFailedCreateIsKept has an object in the state that was created but is not
// served. Terraform then replaces it: it offers a provider no other way.
func TestFailedCreateIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.report(func(object *unstructured.Unstructured) (string, string, string, string) {
		if service, _, _ := unstructured.NestedString(object.Object, "spec", "service"); service == "missing" {
			return "Accepted", "False", "Invalid", "no such service"
		}
		return "Programmed", "True", "Programmed", "Envoy acknowledged it"
	})
	w.run(
		resource.TestStep{Config: w.config(replaceService(quote("wait = true"))), ExpectError: oneLine(`is not served: no such service \(Invalid\)`)},
		resource.TestStep{
			Config: w.config(quote("wait = true")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_mapping.quote", plancheck.ResourceActionDestroyBeforeCreate)}},
			Check: w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/backend/", "service": "quote"}),
		},
	)
}

// TestWaitWithoutController says that nobody reports, in the time given.
func TestWaitWithoutController(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(resource.TestStep{
		Config:      w.config(quote("wait = true", "timeouts {\n    create = \"2s\"\n  }")),
		ExpectError: oneLine(`no controller has reported on it; is one running`),
	})
}

func replaceService(config string) string {
	return strings.Replace(config, `service   = "quote"`, `service   = "missing"`, 1)
}
