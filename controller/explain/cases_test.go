package explain_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/explain"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/test/behaviour/probe"
	"terraform-provider-emissary/test/behaviour/services"
	"terraform-provider-emissary/test/behaviour/spec"
)

// notRouting are the probes whose answer something else than routing decides, with what that is, by case and by the
// numbers of the step and of the probe in it.
var notRouting = map[string]string{
	"211-auth-header-routing/1.1":      "the AuthService answers",
	"address-rules/1.2":                "the Module's ip_deny refuses the client's address",
	"authentication-grpc/1.2":          "the AuthService answers",
	"authentication/1.2":               "the AuthService answers",
	"client-certificates/1.2":          "the handshake fails for want of a client certificate",
	"endpoints-roll/4.1":               "the service has no endpoints at that moment",
	"last-good-schema/2.3":             "an earlier version of the Mapping is in force",
	"last-good/2.3":                    "an earlier version of the Mapping is in force",
	"proxy-protocol/1.3":               "the connection lacks the PROXY header",
	"rate-limits/1.2":                  "the RateLimitService refuses",
	"resolvers/1.6":                    "the service has no endpoints",
	"timeouts-and-retries/1.2":         "the service takes longer than the timeout",
	"tls-context-secret-namespace/1.2": tlsVersion,
	"tls-min-version/1.2":              tlsVersion,
	"tls-settings/1.3":                 tlsVersion,
	"tls-settings/1.4":                 tlsVersion,
	"tls-settings/1.6":                 tlsVersion,
	"tls-settings/1.8":                 tlsVersion,
}

const tlsVersion = "the handshake fails for want of a common TLS version"

// TestBehaviourCases explains every probe of the behaviour cases, which hold in a real Envoy, and compares.
func TestBehaviourCases(t *testing.T) {
	t.Parallel()
	for set, root := range map[string]string{"own": "../../test/behaviour/cases", "given": "../../../shared/data/cases"} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			folders, err := spec.List(root)
			if errors.Is(err, os.ErrNotExist) {
				t.Skipf("there are no further cases at %s", root)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, folder := range folders {
				t.Run(filepath.Base(folder), func(t *testing.T) {
					t.Parallel()
					checkCase(t, folder)
				})
			}
		})
	}
}

func checkCase(t *testing.T, folder string) {
	c, err := spec.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := services.New(c, services.Options{Range: netip.MustParsePrefix("127.64.128.0/17"), Literal: true, IPv6: true, HealthPort: 8877})
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range c.Steps {
		w := newWorld(t, c, plan, plan.Steps[i])
		for j := range step.Probes {
			name := fmt.Sprintf("%s/%d.%d", c.Name, i+1, j+1)
			if p := &step.Probes[j]; p.Request != nil && !p.PeerArtifact {
				w.check(t, name, p)
			}
		}
	}
}

// world is one step of a case, compiled, and the backends around it.
type world struct {
	namespace string
	plan      *services.Plan
	explainer *explain.Explainer
	clusters  map[string]*clusterv3.Cluster
	endpoints map[string]*endpointv3.ClusterLoadAssignment
}

func newWorld(t *testing.T, c *spec.Case, plan *services.Plan, objects []map[string]any) *world {
	t.Helper()
	environment, err := controller.ParseEnvironment(func(name string) (string, bool) {
		value, set := c.Env[name]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	s := storeOf(t, environment, objects)
	output := compile.Compile(s, controller.CompileOptions(environment))
	w := &world{namespace: c.Namespace(), plan: plan, clusters: map[string]*clusterv3.Cluster{}, endpoints: map[string]*endpointv3.ClusterLoadAssignment{}}
	if w.explainer, err = explain.New(s, output); err != nil {
		t.Fatal(err)
	}
	for _, cluster := range output.Clusters {
		w.clusters[cluster.Name] = cluster
	}
	for _, endpoints := range output.Endpoints {
		w.endpoints[endpoints.ClusterName] = endpoints
	}
	return w
}

// storeOf loads objects as the controller does in folder mode.
func storeOf(t *testing.T, environment controller.Environment, objects []map[string]any) *store.Store {
	t.Helper()
	var events []watch.Event
	for i, object := range objects {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range manifest.Decode(fmt.Sprint("object ", i+1), text) {
			for _, o := range document.Objects {
				if o.Err == nil && (!environment.SingleNamespace || o.Ref.Namespace == environment.Namespace) {
					o.Object.SetGeneration(1)
					events = append(events, watch.Event{Ref: o.Ref, Object: o.Object})
				}
			}
		}
	}
	s := store.New()
	for _, event := range derive.New(environment.AmbassadorID, slog.New(slog.DiscardHandler)).Expand(events) {
		if event.Object != nil {
			s.Upsert(event.Object)
		}
	}
	return s
}

// request is what a probe sends.
func request(r *spec.Request) explain.Request {
	out := explain.Request{
		Port: uint32(r.ListenerPort), TLS: r.Scheme == "https", Host: r.Host, Method: r.Method, Path: r.Path, Headers: map[string][]string{},
	}
	if out.Path == "" {
		out.Path = "/"
	}
	if out.TLS {
		out.ServerName = probe.ServerName(r)
	}
	for name, values := range r.Headers {
		out.Headers[name] = values
	}
	if r.Upgrade != "" {
		out.Headers["Connection"], out.Headers["Upgrade"] = []string{"Upgrade"}, []string{r.Upgrade}
	}
	return out
}

// check compares an explanation with what a probe expects.
func (w *world) check(t *testing.T, name string, p *spec.Probe) {
	t.Helper()
	x, err := w.explainer.Explain(request(p.Request))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	total := 0.0
	for _, o := range x.Outcomes {
		total += o.Share
	}
	if math.Abs(total-100) > 1e-9 {
		t.Errorf("%s: the shares add up to %v", name, total)
	}
	failures := w.compare(p, x)
	switch reason := notRouting[name]; {
	case reason != "" && len(failures) > 0:
		t.Logf("%s does not count: %s", name, reason)
	case reason != "":
		t.Errorf("%s agrees: take it off notRouting", name)
	case len(failures) > 0:
		var text strings.Builder
		if err := x.WriteText(&text); err != nil {
			t.Error(err)
		}
		t.Errorf("%s: %s\n%s", name, strings.Join(failures, "; "), text.String())
	}
}

// compare says in what an explanation is not what a probe expects.
func (w *world) compare(p *spec.Probe, x *explain.Explanation) (failures []string) {
	e := &p.Expect
	_, asked := p.Request.Headers["Kat-Req-Http-Requested-Status"] // of the service, which obeys
	expect := func(holds bool, format string, args ...any) {
		if !holds {
			failures = append(failures, "want "+fmt.Sprintf(format, args...))
		}
	}
	first := x.Outcomes[0]
	expect(!e.Closed || first.Action == explain.Close, "a closed connection")
	expect(!e.Absent || first.Action == explain.Respond && first.Status == 404, "404")
	expect(e.Redirect == "" || first.Location == string(e.Redirect), "a redirect to %s", e.Redirect)
	expect(e.Status == 0 || first.Status == e.Status || first.Action == explain.Forward && (e.Status < 300 || asked), "status %d", e.Status)
	if e.RouteTo != "" {
		found := slices.IndexFunc(x.Outcomes, func(o explain.Outcome) bool { return w.shareOf(string(e.RouteTo), o) > 0 })
		expect(found >= 0, "a route to %s", e.RouteTo)
		first = x.Outcomes[max(found, 0)]
	}
	isForward := first.Action == explain.Forward && first.Path != ""
	expect(!isForward || e.PathUpstream == nil || first.Path == *e.PathUpstream, "the path %v for the service", e.PathUpstream)
	expect(!isForward || e.HostUpstream == nil || first.Host == *e.HostUpstream, "the host %v for the service", e.HostUpstream)
	expect(e.MirrorTo == "" || len(first.Shadows) == 1 && w.leadsTo(first.Shadows[0], string(e.MirrorTo)), "copies for %s", e.MirrorTo)
	for backend, share := range e.Weights {
		got := 0.0
		for _, o := range x.Outcomes {
			if backend == "404" && o.Status == 404 {
				got += o.Share
			}
			got += w.shareOf(backend, o)
		}
		expect(math.Abs(got/100-share) < 0.02, "%v of the requests at %s, not %v", share, backend, got/100)
	}
	return failures
}

// shareOf is how much of all requests an outcome sends to a backend, in percent.
func (w *world) shareOf(backend string, o explain.Outcome) float64 {
	share := 0.0
	for _, s := range o.Services {
		if w.leadsTo(s, backend) {
			share += o.Share * s.Share / 100
		}
	}
	return share
}

// leadsTo reports whether a service's cluster has an endpoint where the backend listens.
func (w *world) leadsTo(s explain.Service, backend string) bool {
	cluster := w.clusters[s.Cluster]
	assignment := cluster.GetLoadAssignment()
	if name := cluster.GetEdsClusterConfig().GetServiceName(); name != "" {
		assignment = w.endpoints[name]
	}
	for _, locality := range assignment.GetEndpoints() {
		for _, endpoint := range locality.LbEndpoints {
			address := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
			addresses := w.plan.Names[address.GetAddress()]
			if address.GetAddress() == "localhost" {
				addresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
			}
			if literal, err := netip.ParseAddr(address.GetAddress()); err == nil {
				addresses = []netip.Addr{literal}
			}
			for _, a := range addresses {
				names := w.plan.Backends[netip.AddrPortFrom(a, uint16(address.GetPortValue()))]
				if slices.Contains(names, services.Canonical(backend, w.namespace)) {
					return true
				}
			}
		}
	}
	return false
}
