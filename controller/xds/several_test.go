package xds

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// An Envoy that does not answer holds nobody up but itself: another one gets
// every change, endpoints included, and when the slow one wakes it gets the
// newest content of each, once.
func TestSlowEnvoyDelaysNoOther(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), endpoints("a", 1), listener("l", 1), route("r", "a"))
		quick, slow := h.subscribed([]string{"a"}, []string{"r"}), h.subscribed([]string{"a"}, []string{"r"})
		const changes = 20
		for i := range changes {
			h.update(cluster("a", i+2), endpoints("a", i+2), listener("l", 1), route("r", "a"))
			quick.ack(quick.want(ClusterType, "a"))
			quick.ack(quick.want(EndpointType, "a"))
		}
		quick.quiet()
		if st := h.State(); st.Acknowledged == st.Revision {
			t.Error("acknowledged for the Envoy that has not answered")
		}

		held := slow.want(ClusterType, "a")
		heldEndpoints := slow.want(EndpointType, "a")
		slow.quiet()
		slow.ack(held)
		slow.ack(heldEndpoints)
		newest, _ := encode(cluster("a", changes+1))
		for _, typeURL := range []string{ClusterType, EndpointType} {
			r := slow.want(typeURL, "a")
			if typeURL == ClusterType && r.Resources[0].Version != newest.version {
				t.Error("the slow Envoy gets a content that is not the newest")
			}
			slow.ack(r)
		}
		slow.quiet()
		if st := h.State(); st.Acknowledged != st.Revision {
			t.Errorf("state %+v, want everything acknowledged", st)
		}
	})
}

// What one Envoy takes and another refuses (they may be of different versions)
// is served to neither any more, and each keeps what it holds.
func TestEnvoysThatDisagree(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1))
		newer, older := h.subscribed(nil, nil), h.subscribed(nil, nil)
		revision := h.update(cluster("a", 1), listener("l", 2))
		newer.ack(newer.want(ListenerType, "l"))
		older.nack(older.want(ListenerType, "l"), "unknown field")
		newer.quiet()
		older.quiet()
		st := h.State()
		if len(st.Rejected) != 1 || st.Rejected[0].Restored || st.Acknowledged < revision {
			t.Errorf("state %+v, want l rejected, with nothing to restore, and answered", st)
		}
		h.update(cluster("a", 1), listener("l", 3))
		for _, c := range []*client{newer, older} {
			c.ack(c.want(ListenerType, "l"))
			c.quiet()
		}
	})
}

// Large route tables are cut into route configurations that scopes choose from:
// one is sent as soon as Envoy, having seen a scope that names it, asks for it,
// and leaves after the last scope that does.
func TestScopesAndTheirRoutes(t *testing.T) {
	t.Parallel()
	scope := func(name, routes string) Resource {
		return as(resource.ScopedRouteType, name, &routev3.ScopedRouteConfiguration{Name: name, RouteConfigurationName: routes})
	}
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1), scope("s", "r"), route("r", "a"))
		c := h.subscribed(nil, []string{"r"})
		c.ask(resource.ScopedRouteType)
		c.ack(c.want(resource.ScopedRouteType, "s"))

		h.update(cluster("a", 1), listener("l", 1), scope("s", "r2"), route("r2", "a"))
		moved := c.want(resource.ScopedRouteType, "s")
		c.quiet() // r stays while the scope may still use it
		c.ask(RouteType, "r2")
		c.ack(c.want(RouteType, "r2"))
		c.quiet()
		c.ack(moved)
		c.ack(c.want(RouteType, "-r"))
		c.quiet()
		if st := h.State(); st.Acknowledged != st.Revision {
			t.Errorf("state %+v, want everything acknowledged", st)
		}
	})
}
