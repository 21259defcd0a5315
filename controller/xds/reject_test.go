package xds

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

const bad = 200 // a content the tests' Envoy does not like

// What Envoy rejects returns to the last accepted content, and costs only
// itself.
func TestRejectionRestoresTheLastAcceptedContent(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1), listener("m", 1))
		c := h.subscribed(nil, nil)

		revision := h.update(cluster("a", 1), listener("l", 2), listener("m", 20))
		// Envoy takes l, names m, and keeps what it had of m.
		c.nack(c.want(ListenerType, "l", "m"), "Error adding/updating listener(s) m: filter is unknown\n")
		c.ack(c.want(ListenerType, "l")) // again, because Envoy may not have applied it
		c.quiet()

		st := h.State()
		if st.Acknowledged < revision {
			t.Errorf("acknowledged is %d, want at least %d: a rejection is an answer too", st.Acknowledged, revision)
		}
		if len(st.Rejected) != 1 {
			t.Fatalf("rejected: %+v, want m only", st.Rejected)
		}
		got := st.Rejected[0]
		if got.ID != (ID{ListenerType, "m"}) || !got.Restored || got.Node != "test-envoy" || got.Revision != revision ||
			got.Detail != "Error adding/updating listener(s) m: filter is unknown\n" {
			t.Errorf("rejection: %+v", got)
		}

		// An Envoy that starts now gets the accepted content.
		fresh := h.connect(t)
		fresh.ask(ClusterType)
		fresh.ack(fresh.want(ClusterType, "a"))
		fresh.ask(ListenerType)
		first := fresh.want(ListenerType, "l", "m")
		if want, _ := encode(listener("m", 1)); first.Resources[1].Version != want.version {
			t.Error("a new Envoy is sent the rejected content of m")
		}
		fresh.ack(first)

		// The same content again is still rejected; other content gets its chance.
		h.update(cluster("a", 1), listener("l", 2), listener("m", 20))
		c.quiet()
		h.update(cluster("a", 1), listener("l", 2), listener("m", 3))
		if st := h.State(); len(st.Rejected) != 1 || !st.Rejected[0].Overtaken {
			t.Errorf("rejected: %+v, want m until its new content is answered", st.Rejected)
		}
		c.ack(c.want(ListenerType, "m"))
		fresh.ack(fresh.want(ListenerType, "m"))
		c.quiet()
		if st := h.State(); st.Rejected != nil {
			t.Errorf("rejected: %+v, want none", st.Rejected)
		}
	})
}

// What is refused after it was replaced must not pass for accepted: the answers
// are complete up to a revision whose content of m nobody uses.
func TestRejectionOfReplacedContentIsKnown(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1), listener("m", 1))
		c := h.subscribed(nil, nil)
		h.update(cluster("a", 1), listener("l", 1), listener("m", bad))
		refused := c.want(ListenerType, "m")
		newest := h.update(cluster("a", 1), listener("l", 1), listener("m", 3))
		c.nack(refused, "Error adding/updating listener(s) m: filter is unknown\n")
		next := c.want(ListenerType, "m")
		st := h.State()
		if st.Acknowledged >= newest || len(st.Rejected) != 1 || !st.Rejected[0].Overtaken || st.Rejected[0].Version != refused.Resources[0].Version {
			t.Errorf("after the refusal: %+v", st)
		}
		c.ack(next)
		c.quiet()
		if st := h.State(); st.Acknowledged != newest || st.Rejected != nil {
			t.Errorf("after the answer to the new content: %+v", st)
		}
	})
}

// Without a name in Envoy's message the resource at fault is found by halving.
func TestRejectionWithoutANameIsSearched(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		const n = 100
		resources := []Resource{listener("l", 1)}
		for i := range n {
			resources = append(resources, cluster(fmt.Sprintf("c%02d", i), 1))
		}
		resources[38] = cluster("c37", bad)
		resources[72] = cluster("c71", bad)
		poison := map[string]bool{}
		for _, i := range []int{38, 72} {
			e, _ := encode(resources[i])
			poison[e.version] = true
		}
		revision := h.update(resources...)

		c := h.connect(t)
		c.ask(ClusterType)
		accepted, responses := map[string]bool{}, 0
		for synctest.Wait(); len(c.responses) > 0; synctest.Wait() {
			r := <-c.responses
			responses++
			if slices.ContainsFunc(r.Resources, func(res *discoveryv3.Resource) bool { return poison[res.Version] }) {
				c.nack(r, "Proto constraint validation failed (ClusterValidationError.ConnectTimeout)")
				continue
			}
			for _, res := range r.Resources {
				accepted[res.Name] = true
			}
			c.ack(r)
		}
		c.ask(ListenerType)
		c.quiet()
		pass(DefaultWarmTimeout)
		c.ack(c.want(ListenerType, "l"))
		c.quiet()
		if got := h.State().Acknowledged; got < revision {
			t.Errorf("revision %d is acknowledged, want at least %d", got, revision)
		}
		if got := rejectedNames(h.State()); !slices.Equal(got, []string{"c37", "c71"}) {
			t.Errorf("rejected %v, want c37 and c71", got)
		}
		if len(accepted) != n-2 {
			t.Errorf("%d resources were accepted, want all but the two bad ones", len(accepted))
		}
		if responses > 40 {
			t.Errorf("the search took %d responses", responses)
		}
	})
}

// A restored route still needs its cluster, though the update that changed the
// route removed the cluster.
func TestRestoredRouteKeepsItsCluster(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(_ *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1), route("r", "a"))
		c := h.subscribed(nil, []string{"r"})

		h.update(cluster("b", 1), listener("l", 1), route("r", "b"))
		c.ack(c.want(ClusterType, "b"))
		c.nack(c.want(RouteType, "r"), "no such thing")
		pass(DefaultRemovalTimeout)
		c.quiet() // cluster a stays

		// Also when a later update says once more that it is not wanted.
		h.update(cluster("b", 2), listener("l", 1), route("r", "b"))
		c.ack(c.want(ClusterType, "b"))
		c.quiet()

		// With the route mended there is no reason to keep it.
		h.update(cluster("b", 2), cluster("d", 1), listener("l", 1), route("r", "d"))
		c.ack(c.want(ClusterType, "d"))
		c.ack(c.want(RouteType, "r"))
		pass(DefaultRemovalGrace)
		c.ack(c.want(ClusterType, "-a"))
		c.quiet()
	})
}

// Routes do not follow at once to a new cluster that Envoy refuses: an update
// may take back what leads there.
func TestRoutesWaitForARefusedCluster(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(_ *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1), route("r", "a"))
		c := h.subscribed(nil, []string{"r"})

		h.update(cluster("a", 1), cluster("b", bad), listener("l", 1), route("r", "b"))
		c.nack(c.want(ClusterType, "b"), "bad")
		c.quiet()
		h.update(cluster("a", 1), cluster("d", 1), listener("l", 1), route("r", "a"))
		c.ack(c.want(ClusterType, "d"))
		pass(DefaultRemovalTimeout)
		c.quiet() // the route is what it was

		h.update(cluster("a", 1), cluster("e", bad), listener("l", 1), route("r", "e"))
		c.nack(c.want(ClusterType, "e"), "bad")
		c.quiet()
		pass(DefaultWarmTimeout)
		c.want(RouteType, "r") // nobody took it back
	})
}

// A resource that was never accepted is withheld; the next Envoy does without.
func TestRejectedFirstContentIsWithheld(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		revision := h.update(cluster("a", bad), cluster("b", 1), listener("l", 1))
		c := h.connect(t)
		c.ask(ClusterType)
		c.nack(c.want(ClusterType, "a", "b"), "Error adding/updating cluster(s) a: bad")
		c.ack(c.want(ClusterType, "b"))
		c.ask(ListenerType)
		c.quiet()
		pass(DefaultWarmTimeout)
		c.ack(c.want(ListenerType, "l"))
		c.quiet()
		if st := h.State(); !st.Ready || st.Acknowledged < revision || len(st.Rejected) != 1 || st.Rejected[0].Restored {
			t.Errorf("state: %+v, want ready with a withheld", st)
		}

		fresh := h.connect(t)
		fresh.ask(ClusterType)
		fresh.want(ClusterType, "b")
	})
}

// An Envoy that holds a version this server never sent keeps it when the new
// one is rejected: after a restart the server knows no accepted content.
func TestRejectedContentLeavesEnvoyWhatItHolds(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", bad), listener("l", 1))
		l, _ := encode(listener("l", 1))
		c := h.connect(t)
		c.resume(ClusterType, map[string]string{"a": "older"})
		c.resume(ListenerType, map[string]string{"l": l.version})
		c.nack(c.want(ClusterType, "a"), "bad")
		pass(DefaultWarmTimeout)
		c.ack(c.want(ListenerType)) // nothing in it: a first answer is owed
		pass(DefaultRemovalTimeout)
		c.quiet()
	})
}

// Some rejections are Envoy's circumstances: they are tried again, ever less
// often, until accepted.
func TestRejectedContentIsTriedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, h *harness) {
		h.update(cluster("a", 1), listener("l", 1))
		c := h.connect(t)
		c.ask(ClusterType)
		c.ack(c.want(ClusterType, "a"))
		c.ask(ListenerType)
		const inUse = "Error adding/updating listener(s) l: cannot bind '0.0.0.0:8080': Address already in use"
		c.nack(c.want(ListenerType, "l"), inUse)
		c.quiet()
		pass(DefaultRetryInterval)
		c.nack(c.want(ListenerType, "l"), inUse)
		pass(DefaultRetryInterval)
		c.quiet()
		if got := rejectedNames(h.State()); !slices.Equal(got, []string{"l"}) {
			t.Errorf("rejected %v, want l", got)
		}
		pass(DefaultRetryInterval)
		c.ack(c.want(ListenerType, "l"))
		c.quiet()
		if st := h.State(); st.Rejected != nil || st.Acknowledged != st.Revision {
			t.Errorf("state %+v, want everything accepted", st)
		}
	})
}

func TestBlame(t *testing.T) {
	t.Parallel()
	additions := []addition{{name: "foo"}, {name: "foo-2"}, {name: "foo.bar"}, {name: "10.0.0.1:80"}}
	tests := map[string][]string{
		"Error adding/updating cluster(s) foo: no":                     {"foo"},
		"Error adding/updating cluster(s) foo-2: no":                   {"foo-2"},
		"Error adding/updating cluster(s) foo-2: no, 10.0.0.1:80: no,": {"foo-2", "10.0.0.1:80"},
		"cluster 'foo.bar' is no good":                                 {"foo.bar"},
		"no endpoint at 10.0.0.1:8080":                                 nil,
		"unknown reason":                                               nil,
	}
	for detail, want := range tests {
		var got []string
		for _, a := range blame(additions, detail) {
			got = append(got, a.name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("blame(%q) = %v, want %v", detail, got, want)
		}
	}
}
