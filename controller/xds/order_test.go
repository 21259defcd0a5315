package xds

import (
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// An Envoy that starts asks for clusters, their endpoints, listeners, and their
// routes, each when the ones before are there.
func TestFirstConfiguration(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		c := h.connect(t)
		c.ask(ClusterType)
		c.quiet() // before the first update nobody is answered

		revision := h.update(cluster("a", 1), endpoints("a", 1), listener("l", 1), route("r", "a"), secret("s", 1))
		clusters := c.want(ClusterType, "a")
		c.ask(EndpointType, "a")
		c.ack(c.want(EndpointType, "a")) // endpoints do not wait: the cluster needs them to warm
		c.ask(ListenerType)
		c.quiet() // listeners wait for the clusters
		c.ack(clusters)
		listeners := c.want(ListenerType, "l")
		c.ask(RouteType, "r")
		c.ask(SecretType, "s")
		if got := h.State(); got.Ready || got.Acknowledged != 0 {
			t.Errorf("before the last acknowledgement the state is %+v", got)
		}
		c.ack(listeners)
		c.ack(c.want(RouteType, "r"))
		c.ack(c.want(SecretType, "s"))
		c.quiet()
		if got := h.State(); !got.Ready || got.Acknowledged != revision || got.Clients != 1 || got.Rejected != nil {
			t.Errorf("after the last acknowledgement the state is %+v, want revision %d acknowledged", got, revision)
		}
	})
}

// An empty set is a configuration too: Envoy must not wait for more.
func TestEmptyConfiguration(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update()
		c := h.connect(t)
		c.ask(ClusterType)
		c.ack(c.want(ClusterType))
		c.ask(ListenerType)
		c.ack(c.want(ListenerType))
		c.ask(EndpointType, "nowhere")
		c.ack(c.want(EndpointType, "-nowhere")) // lets a cluster that waits for it go on
		c.quiet()
		if !h.State().Ready {
			t.Error("the empty configuration is acknowledged but not ready")
		}
	})
}

// step is one thing that happens, and what must be sent because of it.
type step struct {
	// One of: an update to these resources, time that passes, or the answer to
	// the last response of a type, rejected if detail is given.
	update []Resource
	wait   time.Duration
	ack    string
	detail string
	// want is what follows, in order: a type, then names.
	want [][]string
}

func TestOrder(t *testing.T) {
	t.Parallel()
	base := []Resource{cluster("a", 1), endpoints("a", 1), listener("l", 1), route("r", "a")}
	with := func(extra ...Resource) []Resource { return append(base[:len(base):len(base)], extra...) }
	const warm, removal, grace = DefaultWarmTimeout, DefaultRemovalTimeout, DefaultRemovalGrace
	tests := map[string][]step{
		"a new cluster goes before the route to it": {
			{update: []Resource{cluster("a", 1), cluster("b", 1), endpoints("a", 1), listener("l", 1), route("r", "b")},
				want: [][]string{{ClusterType, "b"}}},
			{ack: ClusterType, want: [][]string{{RouteType, "r"}}},
		},
		"a route waits for its cluster only so long": {
			{update: []Resource{cluster("a", 1), cluster("b", 1), endpoints("a", 1), listener("l", 1), route("r", "b")},
				want: [][]string{{ClusterType, "b"}}},
			{wait: warm - time.Millisecond},
			{wait: time.Millisecond, want: [][]string{{RouteType, "r"}}},
		},
		"a cluster that never warms delays later changes no further": {
			{update: with(cluster("b", 1)), want: [][]string{{ClusterType, "b"}}},
			{wait: warm},
			{update: []Resource{cluster("a", 1), endpoints("a", 1), listener("l", 1), route("r", "elsewhere"), cluster("b", 1)},
				want: [][]string{{RouteType, "r"}}},
		},
		"a cluster leaves after the route to it": {
			{update: []Resource{cluster("b", 1), endpoints("b", 1), listener("l", 1), route("r", "b")},
				want: [][]string{{ClusterType, "b"}}},
			{ack: ClusterType, want: [][]string{{RouteType, "r"}}},
			{ack: RouteType},
			{wait: grace - time.Millisecond},
			{wait: time.Millisecond, want: [][]string{{ClusterType, "-a"}}},
			{ack: ClusterType, want: [][]string{{EndpointType, "-a"}}},
		},
		"a cluster waits for its users' acknowledgement only so long": {
			{update: []Resource{listener("l", 1), route("r", "b")}, want: [][]string{{RouteType, "r"}}},
			{wait: removal - time.Millisecond},
			{wait: time.Millisecond, want: [][]string{{ClusterType, "-a"}, {EndpointType, "-a"}}},
		},
		"listeners come and go in one response: they may share an address": {
			{update: []Resource{cluster("a", 1), endpoints("a", 1), listener("l2", 1), route("r", "a")},
				want: [][]string{{ListenerType, "l2", "-l"}}},
		},
		"a route configuration leaves after its listener": {
			{update: []Resource{cluster("a", 1), endpoints("a", 1)}, want: [][]string{{ListenerType, "-l"}}},
			{ack: ListenerType, want: [][]string{{RouteType, "-r"}}},
		},
		"everything goes, users first": {
			{update: []Resource{}, want: [][]string{{ListenerType, "-l"}}},
			{ack: ListenerType, want: [][]string{{RouteType, "-r"}}},
			{ack: RouteType},
			{wait: grace, want: [][]string{{ClusterType, "-a"}}},
			{ack: ClusterType, want: [][]string{{EndpointType, "-a"}}},
		},
		"endpoints wait for nothing": {
			{update: with(cluster("b", 1)), want: [][]string{{ClusterType, "b"}}},
			{update: []Resource{cluster("a", 1), endpoints("a", 2), listener("l", 1), route("r", "a"), cluster("b", 1)},
				want: [][]string{{EndpointType, "a"}}},
		},
		"changes during a response go into the next, all at once": {
			{update: with(cluster("b", 1)), want: [][]string{{ClusterType, "b"}}},
			{update: with(cluster("b", 1), cluster("c", 1))},
			{update: with(cluster("b", 2), cluster("c", 1), cluster("d", 1))},
			{ack: ClusterType, want: [][]string{{ClusterType, "b", "c", "d"}}},
		},
		"a flow of new clusters does not hold routes back": {
			{update: []Resource{cluster("a", 1), cluster("b", 1), endpoints("a", 1), listener("l", 1), route("r", "b")},
				want: [][]string{{ClusterType, "b"}}},
			{update: []Resource{cluster("a", 1), cluster("b", 1), cluster("c", 1), endpoints("a", 1), listener("l", 1), route("r", "c")}},
			{ack: ClusterType, want: [][]string{{RouteType, "r"}, {ClusterType, "c"}}}, // r is still the one to b
			{ack: RouteType},
			{ack: ClusterType, want: [][]string{{RouteType, "r"}}},
		},
		"a cluster that comes back in time never leaves": {
			{update: []Resource{endpoints("a", 1), listener("l", 1), route("r", "b")}, want: [][]string{{RouteType, "r"}}},
			{update: base},
			{ack: RouteType, want: [][]string{{RouteType, "r"}}},
			{ack: RouteType},
		},
		"the same content is not sent again": {
			{update: []Resource{cluster("a", 1), endpoints("a", 1), listener("l", 1), route("r", "a")}},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Options{}, func(t *testing.T, h *harness) {
				h.t = t
				h.update(base...)
				c := h.subscribed([]string{"a"}, []string{"r"})
				c.t = t
				c.follow(h, steps)
			})
		})
	}
}

// follow plays steps, checking that each is followed by exactly what it wants.
func (c *client) follow(h *harness, steps []step) {
	c.t.Helper()
	last := map[string]func(string){}
	for i, s := range steps {
		switch {
		case s.update != nil:
			h.update(s.update...)
		case s.wait > 0:
			pass(s.wait)
		case s.ack != "":
			last[s.ack](s.detail)
		}
		for _, w := range s.want {
			r := c.want(w[0], w[1:]...)
			last[w[0]] = func(detail string) {
				if detail == "" {
					c.ack(r)
				} else {
					c.nack(r, detail)
				}
			}
		}
		c.quiet()
		if c.t.Failed() {
			c.t.Fatalf("at step %d", i+1)
		}
	}
}

// A cluster that comes or changes warms until it gets its endpoints, also those that Envoy holds already: it asks for
// them no second time.
func TestEndpointsGoAgainWithClusters(t *testing.T) {
	t.Parallel()
	eds := func(name string, n int) Resource {
		r := cluster(name, n)
		m := r.Message.(*clusterv3.Cluster)
		m.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		m.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{ServiceName: "shared"}
		return r
	}
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(eds("a", 1), cluster("other", 1), endpoints("shared", 1))
		c := h.connect(t)
		c.ask(ClusterType)
		c.ack(c.want(ClusterType, "a", "other"))
		c.ask(EndpointType, "shared")
		c.ack(c.want(EndpointType, "shared"))
		c.quiet()

		h.update(eds("a", 1), eds("b", 1), cluster("other", 1), endpoints("shared", 1))
		clusters := c.want(ClusterType, "b")
		c.ack(c.want(EndpointType, "shared")) // before the clusters are acknowledged: Envoy does that when they are warm
		c.ack(clusters)
		c.quiet()

		h.update(eds("a", 2), eds("b", 1), cluster("other", 1), endpoints("shared", 1))
		clusters = c.want(ClusterType, "a")
		c.ack(c.want(EndpointType, "shared"))
		c.ack(clusters)
		c.quiet()

		h.update(eds("a", 2), eds("b", 1), cluster("other", 2), endpoints("shared", 1))
		c.ack(c.want(ClusterType, "other"))
		c.quiet()
	})
}
