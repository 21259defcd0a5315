package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// proxy stands in front of the API server. Before a request is passed on, the
// fault may answer it instead; it returns true when it has.
func (w *world) proxy(fault func(http.ResponseWriter, *http.Request) bool, answered func(*http.Response)) string {
	w.Helper()
	target, err := url.Parse(w.Config.Host)
	if err != nil {
		w.Fatal(err)
	}
	transport, err := rest.TransportFor(w.Config)
	if err != nil {
		w.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Transport:      transport,
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error { answered(r); return nil },
	}
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if !fault(response, request) {
			forward.ServeHTTP(response, request)
		}
	}))
	w.Cleanup(server.Close)
	return fmt.Sprintf("provider \"emissary\" {\n  host = %q\n}\n", server.URL)
}

// TestFaultsAreSurvived breaks the first requests that write in the ways API
// servers, webhooks and networks do. One apply converges all the same.
func TestFaultsAreSurvived(t *testing.T) {
	t.Parallel()
	status := func(code int, reason, message string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q,"message":%q}`, code, reason, message)
		}
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"busy":        status(429, "TooManyRequests", "too many requests, please try again later"),
		"unavailable": status(503, "ServiceUnavailable", "etcdserver: leader changed"),
		"webhook":     status(500, "InternalError", `Internal error occurred: failed calling webhook "x": no endpoints available for service "x"`),
		"modified":    status(409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"),
		"gateway":     func(w http.ResponseWriter) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"cut":         func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var faults atomic.Int32
			provider := w.proxy(func(response http.ResponseWriter, request *http.Request) bool {
				if request.Method == http.MethodGet || faults.Add(1) > 3 {
					return false
				}
				answer(response)
				return true
			}, func(*http.Response) {})
			runTerraform(t, resource.TestStep{Config: provider + strings.ReplaceAll(quote(), "NAMESPACE", w.namespace)})
			if n := faults.Load(); n < 4 {
				t.Errorf("only %d requests wrote; the faults were not met", n)
			}
		})
	}
}

// TestRefreshLists refreshes many objects with few requests.
func TestRefreshLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var reads, lists atomic.Int32
	provider := w.proxy(func(_ http.ResponseWriter, request *http.Request) bool {
		switch {
		case request.Method != http.MethodGet:
		case strings.HasSuffix(request.URL.Path, "/mappings"):
			lists.Add(1)
		case strings.Contains(request.URL.Path, "/mappings/"):
			reads.Add(1)
		}
		return false
	}, func(*http.Response) {})
	config := provider + strings.ReplaceAll(`
resource "emissary_mapping" "many" {
  count     = 60
  name      = "quote-${count.index}"
  namespace = "NAMESPACE"
  hostname  = "*"
  prefix    = "/${count.index}/"
  service   = "quote"
}
`, "NAMESPACE", w.namespace)
	runTerraform(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() { reads.Store(0); lists.Store(0) },
			Config:    config, PlanOnly: true,
		},
		resource.TestStep{
			PreConfig: func() {
				// The step above refreshed once or twice, each time anew.
				if r, l := reads.Load(), lists.Load(); l < 1 || l > 3 || r > 30 {
					t.Errorf("60 objects were refreshed with %d reads and %d lists", r, l)
				}
				w.edit("mappings", "quote-59", func(spec map[string]any) { spec["prefix"] = "/elsewhere/" })
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_mapping.many[58]", plancheck.ResourceActionNoop),
				plancheck.ExpectResourceAction("emissary_mapping.many[59]", plancheck.ResourceActionUpdate)}},
		},
	)
}

// TestNamespaceComesLater applies into a namespace that is made only after the
// first attempt has failed.
func TestNamespaceComesLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const later = "made-during-the-apply"
	var refused atomic.Int32
	provider := w.proxy(func(http.ResponseWriter, *http.Request) bool { return false }, func(r *http.Response) {
		if r.Request.Method == http.MethodPatch && r.StatusCode == http.StatusNotFound && refused.Add(1) == 1 {
			w.createNamespace(later)
		}
	})
	runTerraform(t, resource.TestStep{Config: provider + strings.ReplaceAll(quote(), "NAMESPACE", later)})
	if refused.Load() == 0 {
		t.Error("the namespace was there from the start")
	}
}

// TestTimeoutBounds gives up in time and says on what.
func TestTimeoutBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runTerraform(t, resource.TestStep{
		Config:      w.config(strings.ReplaceAll(quote("timeouts {\n    create = \"2s\"\n  }"), "NAMESPACE", "never-made")),
		ExpectError: oneLine(`the namespace never-made does not exist\. Create it, .* \(gave up after 2s; the resource's timeouts bound this\)`),
	})
}

// TestNamespaceIsStuck names the finalizers that hold a namespace.
func TestNamespaceIsStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	namespaces := w.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	hold := func(finalizers ...string) {
		t.Helper()
		object, err := namespaces.Get(context.Background(), w.namespace, metav1.GetOptions{})
		if err == nil {
			object.SetFinalizers(finalizers)
			_, err = namespaces.Update(context.Background(), object, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Error(err)
		}
	}
	hold("example.com/hold")
	t.Cleanup(func() { hold() })
	if err := namespaces.Delete(t.Context(), w.namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
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
