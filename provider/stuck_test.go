package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestTimeoutBounds gives up in time and says on what.
func TestTimeoutBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runTerraform(t, resource.TestStep{
		Config:      w.config(strings.ReplaceAll(quote("timeouts {\n    create = \"2s\"\n  }"), "NAMESPACE", "never-made")),
		ExpectError: oneLine(`the namespace never-made does not exist\. Create it, .* \(gave up after 2s; the resource's timeouts bound this\)`),
	})
}

// stickNamespace deletes the test's namespace, and a finalizer holds it until the
// test ends.
func (w *world) stickNamespace() {
	w.Helper()
	namespaces := w.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	hold := func(finalizers ...string) {
		w.Helper()
		object, err := namespaces.Get(context.Background(), w.namespace, metav1.GetOptions{})
		if err == nil {
			object.SetFinalizers(finalizers)
			_, err = namespaces.Update(context.Background(), object, metav1.UpdateOptions{})
		}
		if err != nil {
			w.Error(err)
		}
	}
	hold("example.com/hold")
	w.Cleanup(func() { hold() })
	if err := namespaces.Delete(w.Context(), w.namespace, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
}

// TestNamespaceIsStuck names the finalizers that hold a namespace.
func TestNamespaceIsStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stickNamespace()
	w.run(resource.TestStep{
		Config:      w.config(quote("timeouts {\n    create = \"2s\"\n  }")),
		ExpectError: oneLine(`the namespace ` + w.namespace + ` is being deleted and held: it has the finalizers example\.com/hold.* \(gave up after 2s`),
	})
}

// TestStuckDelete gives up in time and names the finalizers that hold an object,
// which stays in the state.
func TestStuckDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := func(finalizers ...string) func() {
		return func() {
			object := w.get("mappings", "quote")
			object.SetFinalizers(finalizers)
			if _, err := w.objects("mappings").Update(t.Context(), object, metav1.UpdateOptions{}); err != nil {
				t.Error(err)
			}
		}
	}
	config := w.config(quote("timeouts {\n    delete = \"2s\"\n  }"))
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: hold("example.com/hold"), Config: config, Destroy: true,
			ExpectError: oneLine(`Cannot delete Mapping ` + w.namespace + `/quote .*held by the finalizers example\.com/hold`),
		},
		resource.TestStep{PreConfig: hold(), Config: config, Destroy: true},
	)
}

// TestWebhookWithoutEndpoints has the API server ask an admission webhook that
// nobody serves. The error names the webhook, and once it is gone the next apply
// converges.
func TestWebhookWithoutEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	webhooks := w.dynamic.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"})
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
		"metadata": map[string]any{"name": w.namespace},
		"webhooks": []any{map[string]any{
			"name": "guard.example.com", "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": []any{"v1"},
			"clientConfig":      map[string]any{"service": map[string]any{"namespace": w.namespace, "name": "guard"}},
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": w.namespace}},
			"rules": []any{map[string]any{"apiGroups": []any{"getambassador.io"}, "apiVersions": []any{"*"},
				"operations": []any{"CREATE", "UPDATE"}, "resources": []any{"*"}}},
		}},
	}}
	if _, err := webhooks.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	remove := func() {
		if err := webhooks.Delete(context.Background(), w.namespace, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
	t.Cleanup(remove)
	// A configuration takes a moment to be in force.
	eventually(t, "the webhook is asked", func() bool {
		probe := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
			"metadata": map[string]any{"name": "probe"}, "spec": map[string]any{"hostname": "*", "prefix": "/", "service": "x"}}}
		_, err := w.objects("mappings").Create(t.Context(), probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsInternalError(err)
	})
	config := w.config(quote("timeouts {\n    create = \"2s\"\n  }"))
	w.run(
		resource.TestStep{Config: config, ExpectError: oneLine(`a webhook that the server has to ask does not answer: failed calling webhook "guard\.example\.com": ` +
			`.* service "guard" not found\. Start the Service behind it\. .* \(gave up after 2s`)},
		resource.TestStep{PreConfig: remove, Config: w.config(quote())},
	)
}

// TestWrongServer refuses to believe a web server that knows no object at all.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	w.run(
		resource.TestStep{Config: w.config(quote())},
		resource.TestStep{
			Config:      fmt.Sprintf("provider \"emissary\" {\n  host = %q\n}\n", web.URL) + strings.ReplaceAll(quote(), "NAMESPACE", w.namespace),
			ExpectError: oneLine(`the server is no Kubernetes API server`),
		},
		resource.TestStep{Config: w.config(quote()), ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	)
}
