package provider_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/test/faultproxy"
)

// proxy is a provider block that leads to the API server through a proxy, which
// breaks nothing yet.
func (w *world) proxy() (*faultproxy.Proxy, string) {
	w.Helper()
	p := faultproxy.Start(w.T, w.Config)
	return p, p.Provider()
}

// kubeconfigFile is a file of the text.
func kubeconfigFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// passing are the faults that go away by themselves.
var passing = map[string]faultproxy.Fault{
	"conflict":           faultproxy.Modified,
	"too many requests":  faultproxy.TooManyRequests(time.Second),
	"internal error":     faultproxy.InternalError,
	"bad gateway":        faultproxy.BadGateway,
	"unavailable":        faultproxy.LeaderChanged,
	"server timeout":     faultproxy.ServerTimeout,
	"admission webhook":  faultproxy.Webhook,
	"conversion webhook": faultproxy.ConversionWebhook,
	"no match":           faultproxy.NoMatch,
	"slow":               faultproxy.Slow(200 * time.Millisecond),
	"cut before":         faultproxy.Cut,
	"cut after":          faultproxy.CutAfter,
	"cut in the answer":  faultproxy.CutShort,
}

// TestFaultsAreSurvived has every fault that passes break create, read, update
// and delete of an object. Each converges in one go, the state is what is in the
// cluster, and nothing is left.
func TestFaultsAreSurvived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, fault := range passing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := faultproxy.Start(t, w.Config)
			var rule *faultproxy.Rule
			broken := func() {
				t.Helper()
				if rule.Met() == 0 {
					t.Error("the fault was not met")
				}
			}
			break2 := func(match faultproxy.Match) {
				if rule != nil {
					rule.Heal()
				}
				rule = p.Break(2, faultproxy.Both(match, faultproxy.Of("mappings")), fault)
			}
			s := newMappingServer(t, kubeconfigFile(t, p.Kubeconfig("")))
			object := strings.ReplaceAll(name, " ", "-")
			spec := func() map[string]any { return w.get("mappings", object).Object["spec"].(map[string]any) }
			wanted := func(prefix string) *tfprotov6.DynamicValue {
				return s.mapping(map[string]any{"id": w.namespace + "/" + object, "name": object, "namespace": w.namespace,
					"hostname": "*", "prefix": prefix, "service": "quote"})
			}

			break2(faultproxy.Writes)
			state := s.apply(s.null(), wanted("/one/"))
			broken()
			s.same("created", s.texts(wanted("/one/")), s.texts(state))
			s.same("created in the cluster", map[string]any{"hostname": "*", "prefix": "/one/", "service": "quote"}, spec())

			break2(faultproxy.Reads)
			state = s.read(state)
			broken()
			s.same("read", s.texts(wanted("/one/")), s.texts(state))

			break2(faultproxy.Writes)
			state = s.apply(state, wanted("/two/"))
			broken()
			s.same("updated", s.texts(wanted("/two/")), s.texts(state))
			s.same("updated in the cluster", map[string]any{"hostname": "*", "prefix": "/two/", "service": "quote"}, spec())

			break2(faultproxy.Deletes)
			s.apply(state, s.null())
			broken()
			if _, err := w.objects("mappings").Get(t.Context(), object, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("after destroy: %v", err)
			}
		})
	}
}

// TestFaultsWithTerraform meets all of these faults in a row in each run of the
// real Terraform, which finds nothing to do after each.
func TestFaultsWithTerraform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, provider := w.proxy()
	config := provider + manyMappings(8, w.namespace)
	var rules []*faultproxy.Rule
	broken := func(match faultproxy.Match) func() {
		return func() {
			for _, fault := range passing {
				rules = append(rules, p.Break(1, faultproxy.Both(match, faultproxy.Of("mappings")), fault))
			}
		}
	}
	w.run(
		resource.TestStep{PreConfig: broken(faultproxy.Writes), Config: config},
		resource.TestStep{PreConfig: broken(faultproxy.Reads), Config: config, PlanOnly: true},
		resource.TestStep{PreConfig: broken(faultproxy.Writes), Config: strings.ReplaceAll(config, `"quote"`, `"other"`)},
		resource.TestStep{PreConfig: broken(faultproxy.Deletes), Config: config, Destroy: true},
	)
	for i, rule := range rules {
		if rule.Met() == 0 {
			t.Errorf("fault %d of %d was not met", i, len(rules))
		}
	}
	if left, err := w.objects("mappings").List(t.Context(), metav1.ListOptions{}); err != nil || len(left.Items) > 0 {
		t.Errorf("%d objects are left: %v", len(left.Items), err)
	}
}

// TestFaultsThatStay outlast the timeout: the error says what is wrong, nothing
// is in the state that is not in the cluster, or the other way round, and the next
// apply converges.
func TestFaultsThatStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := map[string]struct {
		fault   faultproxy.Fault
		written bool // all the same
		want    string
	}{
		"too many requests":  {fault: faultproxy.TooManyRequests(time.Second), want: "the server was busy to the end: 429 Too Many Requests"},
		"unavailable":        {fault: faultproxy.LeaderChanged, want: "etcdserver: leader changed"},
		"admission webhook":  {fault: faultproxy.Webhook, want: `a webhook that the server has to ask does not answer: failed calling webhook "guard.example.com"`},
		"conversion webhook": {fault: faultproxy.ConversionWebhook, want: "that of the CRDs of Emissary 3 is emissary-apiext"},
		"no match":           {fault: faultproxy.NoMatch, want: "the server does not know Mapping (getambassador.io/v3alpha1). Install the CRDs"},
		"stalled":            {fault: faultproxy.Stall, want: "no answer in time"},
		"answer lost":        {fault: faultproxy.Lost, written: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := faultproxy.Start(t, w.Config)
			s := newMappingServer(t, kubeconfigFile(t, p.Kubeconfig("")))
			object := strings.ReplaceAll(name, " ", "-")
			wanted := s.mapping(map[string]any{"id": w.namespace + "/" + object, "name": object, "namespace": w.namespace,
				"hostname": "*", "prefix": "/", "service": "quote", "wait": false, "timeouts": s.timeouts("1s")})

			rule := p.Break(0, faultproxy.Both(faultproxy.Writes, faultproxy.Of("mappings")), test.fault)
			resp, err := s.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
				TypeName: "emissary_mapping", PriorState: s.null(), PlannedState: wanted})
			if err != nil {
				t.Fatal(err)
			}
			_, missing := w.objects("mappings").Get(t.Context(), object, metav1.GetOptions{})
			if (missing == nil) != test.written || (s.texts(resp.NewState)["id"] != "") != test.written {
				t.Errorf("in the cluster: %v; in the state: %v", missing, s.texts(resp.NewState))
			}
			if test.want != "" && (len(resp.Diagnostics) != 1 || !strings.Contains(resp.Diagnostics[0].Detail, test.want) ||
				!strings.Contains(resp.Diagnostics[0].Detail, "gave up after")) {
				t.Errorf("got %+v, want %q", resp.Diagnostics, test.want)
			}
			rule.Heal()
			s.same("next apply", s.texts(wanted), s.texts(s.apply(resp.NewState, wanted)))
		})
	}
}

// TestRetryAfter asks no sooner than the server says.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, provider := w.proxy()
	var refused, came atomic.Int64
	mappings := faultproxy.Both(faultproxy.Writes, faultproxy.Of("mappings"))
	p.Break(1, mappings, func(response http.ResponseWriter, request *http.Request, server http.Handler) {
		faultproxy.TooManyRequests(2*time.Second)(response, request, server)
		refused.Store(time.Now().UnixMilli())
	})
	p.Break(1, mappings, func(response http.ResponseWriter, request *http.Request, server http.Handler) {
		came.Store(time.Now().UnixMilli())
		server.ServeHTTP(response, request)
	})
	runTerraform(t, resource.TestStep{Config: provider + strings.ReplaceAll(quote(), "NAMESPACE", w.namespace)})
	if waited := came.Load() - refused.Load(); waited < 1900 {
		t.Errorf("came again after %d ms, want 2,000", waited)
	}
}

// TestNoMatchForAWhile has a server that does not know the API group at first, in
// discovery and in requests.
func TestNoMatchForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, provider := w.proxy()
	p.Break(6, faultproxy.Group("getambassador.io"), faultproxy.Hidden("getambassador.io"))
	runTerraform(t, resource.TestStep{Config: provider + strings.ReplaceAll(quote(), "NAMESPACE", w.namespace)})
}

// TestUnservedIsNotGone keeps objects in the state that one server of several does
// not know of, since their CRD is there.
func TestUnservedIsNotGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, provider := w.proxy()
	config := provider + strings.ReplaceAll(quote(), "NAMESPACE", w.namespace)
	var rule *faultproxy.Rule
	runTerraform(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() { rule = p.Break(0, faultproxy.Group("getambassador.io"), faultproxy.Hidden("getambassador.io")) },
			Config:    config, PlanOnly: true,
			ExpectError: oneLine(`Cannot read Mapping ` + w.namespace + `/quote .* the CRD mappings\.getambassador\.io is there, but the server does not serve getambassador\.io/v3alpha1`),
		},
		resource.TestStep{
			PreConfig: func() { rule.Heal() },
			Config:    config, PlanOnly: true,
		},
	)
}

// TestRefreshLists refreshes many objects with few requests.
func TestRefreshLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, provider := w.proxy()
	lists := p.Count(faultproxy.Lists("mappings"))
	reads := p.Count(faultproxy.Both(faultproxy.Reads, faultproxy.Of("mappings")))
	config := provider + manyMappings(60, w.namespace)
	runTerraform(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() { reads.Met(); lists.Met() },
			Config:    config, PlanOnly: true,
		},
		resource.TestStep{
			PreConfig: func() {
				// The step above refreshed once or twice, each time anew.
				if r, l := reads.Met(), lists.Met(); l < 1 || l > 3 || r > 30 {
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
	p, provider := w.proxy()
	p.Break(0, faultproxy.Writes, faultproxy.Then(func(code int) {
		if code == http.StatusNotFound && refused.Add(1) == 1 {
			w.createNamespace(later)
		}
	}))
	runTerraform(t, resource.TestStep{Config: provider + strings.ReplaceAll(quote(), "NAMESPACE", later)})
	if refused.Load() == 0 {
		t.Error("the namespace was there from the start")
	}
}
