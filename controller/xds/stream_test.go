package xds

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// resume asks for everything of a type as an Envoy does that reconnects.
func (c *client) resume(typeURL string, versions map[string]string) {
	c.t.Helper()
	r := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, InitialResourceVersions: versions}
	if !kindOf[typeURL].wildcard {
		for name := range versions {
			r.ResourceNamesSubscribe = append(r.ResourceNamesSubscribe, name)
		}
	}
	c.send(r)
}

func versions(resources ...Resource) map[string]string {
	m := map[string]string{}
	for _, r := range resources {
		e, _ := encode(r)
		m[r.Name] = e.version
	}
	return m
}

// A reconnecting Envoy, perhaps to a restarted controller, receives only what
// differs, and removals still wait for their users.
func TestReconnect(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), cluster("b", 2), endpoints("a", 1), listener("l", 1), route("r", "b"))
		c := h.connect(t)
		c.resume(ClusterType, versions(cluster("a", 1), cluster("b", 1), cluster("old", 1)))
		c.resume(EndpointType, versions(endpoints("a", 1), endpoints("old", 1)))
		c.resume(ListenerType, versions(listener("l", 1)))
		c.resume(RouteType, versions(route("r", "old")))
		clusters := c.want(ClusterType, "b")
		c.check(c.next(), EndpointType, "-old") // named by Envoy, and not there
		c.ack(clusters)
		c.check(c.next(), ListenerType)
		c.ack(c.want(RouteType, "r"))
		c.quiet()
		pass(DefaultRemovalTimeout)
		c.ack(c.want(ClusterType, "-old"))
		c.quiet()
	})
}

// next receives and acknowledges the next response.
func (c *client) next() *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	r := <-c.responses
	c.ack(r)
	return r
}

// Every Envoy has to answer; one that leaves no longer counts.
func TestSeveralEnvoys(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		first := h.update(cluster("a", 1), listener("l", 1))
		quick, slow := h.subscribed(nil, nil), h.subscribed(nil, nil)
		second := h.update(cluster("a", 2), listener("l", 1))
		quick.ack(quick.want(ClusterType, "a"))
		slow.want(ClusterType, "a")
		quick.quiet()
		if got := h.State(); got.Acknowledged != first || got.Clients != 2 {
			t.Errorf("state %+v, want revision %d acknowledged by 2 clients", got, first)
		}
		slow.close()
		if st, err := h.Wait(t.Context(), second); err != nil || st.Clients != 1 {
			t.Errorf("after the slow client left: %+v, %v", st, err)
		}
	})
}

// Names are subscribed to and unsubscribed from one by one; asking again for a
// name is answered again.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(endpoints("a", 1), endpoints("b", 1), listener("l", 1))
		c := h.connect(t)
		c.ask(EndpointType, "a")
		c.ack(c.want(EndpointType, "a"))
		c.ask(EndpointType, "b")
		c.ack(c.want(EndpointType, "b"))
		c.ask(EndpointType, "b")
		c.ack(c.want(EndpointType, "b"))
		c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: EndpointType, ResourceNamesUnsubscribe: []string{"a"}})
		c.quiet()
		h.update(endpoints("a", 2), endpoints("b", 2), listener("l", 1))
		c.ack(c.want(EndpointType, "b"))
		c.ask(EndpointType, "later")
		c.ack(c.want(EndpointType, "-later"))
		h.update(endpoints("a", 2), endpoints("b", 2), endpoints("later", 1), listener("l", 1))
		c.ack(c.want(EndpointType, "later"))
		c.quiet()
	})
}

// An Envoy far behind the log compares everything and still gets only what
// differs.
func TestLogIsTrimmed(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), cluster("b", 1), listener("l", 1))
		c := h.subscribed(nil, nil)
		h.update(cluster("a", 2), cluster("b", 1), listener("l", 1))
		held := c.want(ClusterType, "a")
		for i := range 3 * minLog {
			h.update(cluster("a", 3+i), cluster("b", 1), listener("l", 1))
		}
		if n := len(h.tables[ClusterType].log.changes); n > 2*minLog {
			t.Errorf("the log has grown to %d changes", n)
		}
		c.ack(held)
		c.ack(c.want(ClusterType, "a"))
		c.quiet()
	})
}

// An Envoy that does not answer is not written to without end, and catches up
// with one response.
func TestEnvoyThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 0), listener("l", 1))
		c := h.subscribed(nil, nil)
		for i := range 100 {
			h.update(cluster("a", i+1), listener("l", 1))
			pass(DefaultWarmTimeout)
		}
		synctest.Wait()
		if n := len(c.responses); n != maxFlight {
			t.Errorf("%d responses were sent without an answer, want %d", n, maxFlight)
		}
		var last *discoveryv3.DeltaDiscoveryResponse
		for range len(c.responses) {
			last = <-c.responses
		}
		c.ack(last) // covers the ones before
		c.ack(c.want(ClusterType, "a"))
		c.quiet()
		if st := h.State(); st.Acknowledged != st.Revision {
			t.Errorf("state: %+v, want everything acknowledged", st)
		}
	})
}

func TestApply(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), cluster("b", 1), listener("l", 1))
		c := h.subscribed(nil, nil)
		revision, err := h.Apply([]Resource{cluster("c", 1)}, []ID{{ClusterType, "b"}, {ClusterType, "unknown"}})
		if err != nil {
			t.Fatal(err)
		}
		c.ack(c.want(ClusterType, "c"))
		pass(DefaultRemovalGrace)
		c.ack(c.want(ClusterType, "-b"))
		c.quiet()
		if again, err := h.Apply([]Resource{cluster("c", 1)}, nil); err != nil || again != revision {
			t.Errorf("applying what is there gives revision %d, %v; want %d", again, err, revision)
		}
	})
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		resources []Resource
		want      string
	}{
		"a name given twice":   {[]Resource{cluster("a", 1), cluster("a", 2)}, `Cluster "a" is given twice`},
		"no name":              {[]Resource{cluster("", 1)}, "a Cluster has no name"},
		"no message":           {[]Resource{as(ClusterType, "a", nil)}, `Cluster "a" has no message`},
		"the wrong message":    {[]Resource{as(RouteType, "a", cluster("a", 1).Message)}, "the message is a type.googleapis.com/envoy.config.cluster.v3.Cluster"},
		"a type Envoy has not": {[]Resource{as("type.googleapis.com/x.Y", "a", nil)}, `type "type.googleapis.com/x.Y" is not one`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewServer(Options{})
			_, err := s.Update(tt.resources)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
			if got := s.State().Revision; got != 0 {
				t.Errorf("a refused update made revision %d", got)
			}
		})
	}
}

// A watcher sees the newest state, however slow it is, and ends with its
// context; Wait ends with its context too.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := NewServer(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	states := s.Watch(ctx)
	for i := range 10 {
		if _, err := s.Update([]Resource{cluster("a", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := (<-states).Revision; got != 10 {
		t.Errorf("a slow watcher sees revision %d, want 10", got)
	}
	cancel()
	for range states { // until closed
	}
	if _, err := s.Wait(ctx, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait returned %v, want the context's error", err)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	bubble(t, Options{Registerer: registry}, func(_ *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1))
		c := h.subscribed(nil, nil)
		h.update(cluster("a", bad), listener("l", 1))
		c.nack(c.want(ClusterType, "a"), "no")
		c.quiet()
	})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if c := m.GetCounter(); c != nil && f.GetName() != "emissary_xds_bytes_total" {
				got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = c.GetValue()
			}
		}
	}
	want := map[string]float64{
		"emissary_xds_acks_total Cluster":       1,
		"emissary_xds_acks_total Listener":      1,
		"emissary_xds_nacks_total Cluster":      1,
		"emissary_xds_pushes_total Cluster":     2,
		"emissary_xds_pushes_total Listener":    1,
		"emissary_xds_resources_total Cluster":  2,
		"emissary_xds_resources_total Listener": 1,
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Over a real socket, with clients that come, go and stall: no goroutine stays.
func TestServeLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	s := NewServer(Options{})
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "xds.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	if _, err := s.Update([]Resource{cluster("a", 1), listener("l", 1)}); err != nil {
		t.Fatal(err)
	}
	var clients []*client
	for i := range 5 {
		c := dial(t, func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
		})
		c.ask(ClusterType)
		c.check(<-c.responses, ClusterType, "a")
		if i%2 == 0 {
			c.close()
		}
		clients = append(clients, c)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if got := s.State().Clients; got != 0 {
		t.Errorf("%d clients are left", got)
	}
	for _, c := range clients {
		c.close()
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
		}
	}
}
