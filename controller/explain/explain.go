// Package explain tells which Mapping would serve a request, through which Listener, filter chain, Host and route, and
// why the nearest others would not.
//
// It evaluates what was compiled, step by step as Envoy does: the Listener's filter chain, what the HTTP connection
// manager does to a request before routing, the route configuration, the virtual host, and the routes in their order,
// whether they are a list or a matcher tree. The objects themselves are only asked to name things, and to say why a
// Mapping that has no route has none. It talks to nothing.
//
// What happens after routing is not evaluated: an AuthService, a RateLimitService, a Lua script or the service itself
// may still answer otherwise; Explanation.Notes names those that take part. Headers that Envoy makes up itself
// (x-request-id, x-forwarded-for, x-envoy-*) count as the client sent them.
package explain

import (
	"cmp"
	"fmt"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Explainer answers for one compiled configuration. It changes neither the objects nor the configuration, and may be
// used by several goroutines at once.
type Explainer struct {
	output    *compile.Output
	mappings  map[Object]*v3alpha1.Mapping
	hostnames map[Object]string // of Hosts, spelt as domains of virtual hosts are
	listeners []*listener
	routes    map[string]*table
	clusters  map[string]*clusterv3.Cluster

	expressions expressions
}

// New prepares explanations of a configuration and of the objects it was compiled from. It fails only when the
// configuration holds something that compile does not make.
func New(objects *store.Store, output *compile.Output) (*Explainer, error) {
	e := &Explainer{
		output:    output,
		mappings:  map[Object]*v3alpha1.Mapping{},
		hostnames: map[Object]string{},
		routes:    make(map[string]*table, len(output.Routes)),
		clusters:  make(map[string]*clusterv3.Cluster, len(output.Clusters)),
	}
	for _, mapping := range objects.Mappings() {
		e.mappings[Object{Kind: "Mapping", Namespace: mapping.Namespace, Name: mapping.Name}] = mapping
	}
	for _, host := range objects.Hosts() {
		e.hostnames[Object{Kind: "Host", Namespace: host.Namespace, Name: host.Name}] = strings.ToLower(cmp.Or(host.Spec.Hostname, "*"))
	}
	for _, cluster := range output.Clusters {
		e.clusters[cluster.Name] = cluster
	}
	for _, message := range output.Listeners {
		l, err := newListener(message)
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", message.Name, err)
		}
		e.listeners = append(e.listeners, l)
	}
	for _, config := range output.Routes {
		t, err := newTable(config)
		if err != nil {
			return nil, fmt.Errorf("route configuration %s: %w", config.Name, err)
		}
		e.routes[config.Name] = t
	}
	return e, nil
}

// Explain says what becomes of a request. It fails when the request is none that a client could send.
func (e *Explainer) Explain(r Request) (*Explanation, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	x := &Explanation{Request: r}
	found := &findings{}
	e.follow(x, found, r)
	for _, o := range x.Outcomes {
		x.Served = x.Served || o.serves()
	}
	x.Nearest = e.nearest(x, found)
	return x, nil
}

// findings is what following a request brings to light and Nearest is made from.
type findings struct {
	chain    *chain
	host     *virtualHost
	received *received
}

// follow takes the request through Envoy, as far as it gets.
func (e *Explainer) follow(x *Explanation, found *findings, r Request) {
	l, why := e.listenerFor(r)
	if l == nil {
		x.closed("%s", why)
		return
	}
	x.Listener = e.describeListener(l)
	c := l.chainFor(r)
	if c == nil {
		x.closed("%s", l.whyNoChain(r))
		return
	}
	found.chain = c
	x.FilterChain = c.name
	if why := c.refuses(r); why != "" {
		x.closed("%s", why)
		return
	}
	x.Notes = c.notes()
	if c.tcp != nil {
		x.Outcomes = []Outcome{e.passOn(l, c.tcp)}
		return
	}
	received, refused := e.receive(c, r)
	if refused != nil {
		x.Outcomes = []Outcome{*refused}
		return
	}
	found.received = received
	x.Path = received.path
	e.lookUp(x, found)
	if c.denies(received) {
		x.answered(500, "the AuthService is misconfigured: nothing but the probes is served until that is corrected")
	}
}

// lookUp finds the routes of a request and what they make of it.
func (e *Explainer) lookUp(x *Explanation, found *findings) {
	received := found.received
	t, why := e.routeTable(found.chain, received)
	if t == nil {
		x.answered(404, "%s", why)
		return
	}
	x.RouteConfiguration = t.name
	h := t.virtualHost(received.host)
	if h == nil {
		x.answered(404, "no Host matches hostname %s", received.host)
		return
	}
	found.host = h
	x.VirtualHost = h.domain(received.host)
	x.Hosts = e.hostsOf(t, x.VirtualHost)
	x.Outcomes = e.outcomes(h.scan(received), received)
}

// outcomes splits all requests like this one among the routes that match. Envoy draws one random number for a request
// and compares it with the fraction of each route in turn, so a route takes what the fractions before it left.
func (e *Explainer) outcomes(routes []*routev3.Route, r *received) []Outcome {
	var outcomes []Outcome
	taken := 0.0
	for _, route := range routes {
		if taken >= 100 {
			break
		}
		if len(unmet(route.Match, r)) > 0 {
			continue
		}
		if upTo := percent(route.Match.RuntimeFraction); upTo > taken {
			outcome := e.outcome(route, r)
			outcome.Share = upTo - taken
			outcomes = append(outcomes, outcome)
			taken = upTo
		}
	}
	if taken < 100 {
		why := "no Mapping matches"
		if taken > 0 {
			why = "the weights of the Mappings that match do not add up to 100"
		}
		outcomes = append(outcomes, Outcome{Share: 100 - taken, Action: Respond, Status: 404, Why: why})
	}
	return outcomes
}
