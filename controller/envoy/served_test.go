package envoy

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/test/loopback"
)

// These tests hold package xds to what the real Envoy does: how it names what
// it rejects, when it acknowledges, how it reconnects.

// update hands Envoy resources and waits until they are answered.
func (w *world) update(resources ...xds.Resource) xds.State {
	w.t.Helper()
	revision, err := w.xds.Update(resources)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	st, err := w.xds.Wait(ctx, revision)
	if err != nil {
		w.t.Fatalf("revision %d was not answered: %v; state %+v", revision, err, w.xds.State())
	}
	return st
}

func resource(m proto.Message, name string) xds.Resource {
	return xds.Resource{
		ID:      xds.ID{TypeURL: "type.googleapis.com/" + string(m.ProtoReflect().Descriptor().FullName()), Name: name},
		Message: m,
	}
}

func TestPoisonCostsOnlyItself(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{})
	w.serve(backend(t, "one"), "one")
	good := w.resources

	badRoutes := routeTo("one")
	badRoutes.VirtualHosts[0].Routes[0].Match = &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{
		SafeRegex: &matcherv3.RegexMatcher{Regex: "/(unclosed"}}}
	unknownFilter := &listenerv3.Listener{Name: "bad", Address: address("127.0.0.1", loopback.Ports(t, 1)[0]),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "no-such-filter",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: &anypb.Any{
				TypeUrl: "type.googleapis.com/no.such.Filter"}},
		}}}}}
	tests := []struct {
		name string
		// change is poison among resources that are fine.
		change []xds.Resource
		bad    string
		detail string
		kept   bool
	}{
		{
			name: "a cluster that Envoy names",
			change: []xds.Resource{
				resource(&clusterv3.Cluster{Name: "fine"}, "fine"),
				resource(&clusterv3.Cluster{Name: "bad", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}}, "bad"),
			},
			bad: "bad", detail: "bad",
		},
		{
			name: "a cluster that fails validation, which names nothing",
			change: []xds.Resource{
				resource(&clusterv3.Cluster{Name: "fine"}, "fine"),
				resource(&clusterv3.Cluster{Name: "fine-too"}, "fine-too"),
				resource(&clusterv3.Cluster{Name: "bad", ConnectTimeout: durationpb.New(-time.Second)}, "bad"),
			},
			bad: "bad", detail: "positive duration",
		},
		{
			name:   "a listener",
			change: []xds.Resource{resource(unknownFilter, "bad")},
			bad:    "bad", detail: "no-such-filter",
		},
		{
			name:   "a route configuration, which keeps its last good version",
			change: []xds.Resource{resource(badRoutes, "http")},
			bad:    "http", detail: "unclosed", kept: true,
		},
	}
	for _, tt := range tests { // one after the other, through one Envoy
		set := slices.Clone(good)
		for _, r := range tt.change {
			set = slices.DeleteFunc(set, func(g xds.Resource) bool { return g.ID == r.ID })
			set = append(set, r)
		}
		st := w.update(set...)
		if len(st.Rejected) != 1 || st.Rejected[0].Name != tt.bad || st.Rejected[0].Restored != tt.kept ||
			!strings.Contains(st.Rejected[0].Detail, tt.detail) {
			t.Errorf("%s: rejected %+v, want %s with %q", tt.name, st.Rejected, tt.bad, tt.detail)
		}
		w.answers("one")
	}
	if st := w.update(good...); st.Rejected != nil {
		t.Errorf("mended, yet rejected: %+v", st.Rejected)
	}
	w.answers("one")
}

// Poison that stays survives the restart of either side without taking anything
// else down.
func TestPoisonSurvivesRestarts(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{})
	w.serve(backend(t, "one"), "one")
	poison := slices.Clone(w.resources)
	for i, r := range poison {
		if r.TypeURL == xds.RouteType {
			bad := routeTo("one")
			bad.VirtualHosts[0].Domains = []string{"*", "*"} // twice, which only Envoy checks
			poison[i].Message = bad
		}
	}
	poison = append(poison,
		resource(&clusterv3.Cluster{Name: "bad", ConnectTimeout: durationpb.New(-time.Second)}, "bad"),
		resource(&listenerv3.Listener{Name: "bad"}, "bad"))
	check := func(when string) {
		t.Helper()
		names := map[string]bool{}
		for _, r := range w.update(poison...).Rejected {
			names[r.TypeURL+" "+r.Name] = true
		}
		for _, want := range []string{xds.ClusterType + " bad", xds.ListenerType + " bad", xds.RouteType + " http"} {
			if !names[want] {
				t.Errorf("%s: %s is not rejected", when, want)
			}
		}
		w.answers("one")
	}
	check("at first")

	pid := w.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the restarted Envoy serves the last good route", func() bool {
		status, body, err := w.get("/")
		return err == nil && status == http.StatusOK && body == "one" && w.pid() != pid
	})
	check("after a restart of Envoy")

	w.restart()
	check("after a restart of the controller") // which knows no good route: Envoy keeps its own
}

// Swapping the backend of a route under traffic: the new cluster is warm before
// the route uses it, and the old one goes after. No request may notice.
func TestSwapUnderTraffic(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{})
	one, two := backend(t, "one"), backend(t, "two")
	w.serve(one, "cluster-0")

	ctx, cancel := context.WithCancel(t.Context())
	var requests, failures atomic.Int64
	var firstFailure atomic.Value
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			status, body, err := w.get("/")
			requests.Add(1)
			if err != nil || status != http.StatusOK {
				failures.Add(1)
				firstFailure.CompareAndSwap(nil, fmt.Sprint(status, " ", body, " ", err))
			}
		}
	}()
	for i := 1; i <= 30; i++ {
		b, want := one, "one"
		if i%2 == 1 {
			b, want = two, "two"
		}
		w.serve(b, fmt.Sprint("cluster-", i))
		w.answers(want) // acknowledged means served
	}
	eventually(t, "requests were made", func() bool { return requests.Load() >= 100 })
	cancel()
	<-done
	if n := failures.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, the first with %v", n, requests.Load(), firstFailure.Load())
	}
}

// A controller that restarts finds an Envoy that goes on serving and needs
// nothing but what has changed meanwhile.
func TestControllerRestart(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{})
	one, two := backend(t, "one"), backend(t, "two")
	w.serve(one, "first")
	w.answers("one")

	w.restart()
	if st := w.update(w.resources...); st.Rejected != nil {
		t.Errorf("rejected: %+v", st.Rejected)
	}
	w.answers("one")
	if got := w.count("emissary_xds_resources_total"); got != 0 {
		t.Errorf("%v resources were sent to an Envoy that has them all", got)
	}

	w.restart()
	w.answers("one")
	w.serve(two, "second") // Envoy holds cluster first, which this server never had
	w.answers("two")
	w.eventuallyHolds("second")
}

// restart replaces the xDS server by a new one on the same socket.
func (w *world) restart() {
	w.t.Helper()
	w.stopXDS()
	w.startXDS()
}

// eventuallyHolds waits until Envoy holds exactly one served cluster.
func (w *world) eventuallyHolds(cluster string) {
	w.t.Helper()
	eventually(w.t, "only cluster "+cluster+" is left", func() bool {
		body, err := w.Admin().Get(w.t.Context(), "/clusters")
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(body)) {
			if name, _, _ := strings.Cut(line, "::"); name != cluster && name != xdsCluster {
				return false
			}
		}
		return true
	})
}
