// Package compile turns getambassador.io objects into Envoy's configuration. It is pure: the same objects and options
// give the same bytes, and it talks to nothing.
//
// Every object is checked in full before anything of it enters a resource, because Envoy refuses a whole resource for
// one bad field. An object that fails costs only itself: it is left out, and its Report says why. What an object asks
// for and cannot be had safely (a certificate, a TLSContext, an AuthService) is refused to its clients, never skipped.
//
// The way through: Module, TLSContexts and resolvers are read first, then Hosts and Listeners; Mappings become groups in
// route order, Hosts get the groups they serve, and Listeners get filter chains with the routes of their Hosts. Clusters,
// endpoints and secrets are made when a route needs them.
package compile

import (
	"sync"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ratelimit/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"terraform-provider-emissary/controller/store"
)

// Compiler keeps what it made of the objects of a store, so that a change costs what depends on it. One goroutine owns
// it; after a panic it is to be thrown away.
//
// A Mapping's change compiles its group again and the parts of the route tables that hold it; a Service's, its clusters;
// an EndpointSlice's, its load assignments; a Secret's, what Envoy is given of it; a plain Host's, its virtual hosts. Any
// other Host or kind decides about everything, and everything is compiled again.
type Compiler struct {
	options Options
	limits  limits
	store   *store.Store
	ledger  ledger

	module      *module
	tlsContexts map[string][]*tlsContext
	resolvers   map[string]resolver

	authorization *authorization
	rateLimit     *ratelimitv3.RateLimit
	tracing       *tracing
	logging       []*accesslogv3.AccessLog

	// everywhere lists the objects that every HTTP listener is made from: the Module and the external services.
	everywhere []store.Ref

	hosts     *hostIndex
	tcpGroups map[string][]*tcpGroup

	// mappings are the usable Mappings, and groups what they form, by key.
	mappings map[store.Ref]*mapping
	groups   map[string]*group

	httpFilters []*hcmv3.HttpFilter
	accessLogs  []*accesslogv3.AccessLog

	// httpListeners are the Listeners that Hosts can be bound to, and listeners what Envoy is given of all.
	httpListeners []*listener
	listeners     map[string]*listenerv3.Listener
	tables        []*table
	// before are the tables of the compilation before, by name, and now is when this one was asked for.
	before   map[string]*table
	now      time.Time
	clusters *clusters
	secrets  *secrets

	// working counts what another processor does of a compilation.
	working sync.WaitGroup

	// delta collects what an update changes; staleParts and staleGroups are what it has to make again.
	delta       *Delta
	staleParts  map[*part]bool
	staleGroups []*group
}

// New returns a compiler that has compiled nothing yet.
func New(o Options) *Compiler {
	o = o.withDefaults()
	return &Compiler{options: o, limits: limitsOf(o.RouteTableSize), secrets: newSecrets()}
}

// Compile makes a complete configuration from the objects in a store. It never fails: what cannot be used is left out
// and reported.
func Compile(s *store.Store, o Options) *Output {
	c := New(o)
	c.compile(s, time.Time{})
	return c.Output()
}

// compile compiles everything.
func (c *Compiler) compile(s *store.Store, now time.Time) {
	objects := s.Mappings()
	*c = Compiler{
		options:   c.options,
		limits:    c.limits,
		store:     s,
		ledger:    make(ledger, len(objects)+len(s.Hosts())),
		mappings:  make(map[store.Ref]*mapping, len(objects)),
		groups:    make(map[string]*group, len(objects)),
		listeners: map[string]*listenerv3.Listener{},
		clusters:  newClusters(len(objects)),
		before:    c.tablesByName(),
		now:       now,
		secrets:   c.secrets.next(),
		delta:     newDelta(2 * len(objects)),
	}
	c.module = c.ambassadorModule()
	c.everywhere = append(c.everywhere, c.module.ref)
	c.tlsContexts = c.tlsContextsByName()
	c.resolvers = c.resolversByName()
	c.openServices()
	mappings := beside(&c.working, func() []reading { return c.readMappings(objects) })
	c.hosts = newHostIndex(c.hostsByHostname())
	c.tcpGroups = c.groupTCPMappings()
	listeners := c.tcpListeners(c.listenersByName())
	groups := inRouteOrder(c.groupMappings(mappings()))
	c.associate(groups)

	c.httpFilters = c.newHTTPFilters()
	c.accessLogs = c.newAccessLogs()
	for _, l := range listeners {
		c.bindHosts(l)
	}
	for _, l := range listeners {
		c.compileListener(l)
	}
	clusters := beside(&c.working, c.makeClusters)
	for _, t := range c.tables {
		c.finish(t)
	}
	for _, h := range c.hosts.all {
		h.groups = nil // from now on the tables know
		c.reportHost(h)
	}
	for _, g := range groups {
		c.reportGroup(g)
	}
	c.handOver(clusters())
	c.before = nil
}

// beside lets another processor work and returns what waits for the result, and panics where that did.
func beside[T any](working *sync.WaitGroup, work func() T) (wait func() T) {
	var result T
	cause := make(chan any, 1)
	working.Go(func() {
		defer func() { cause <- recover() }()
		result = work()
	})
	return func() T {
		if cause := <-cause; cause != nil {
			panic(cause)
		}
		return result
	}
}

func (c *Compiler) tablesByName() map[string]*table {
	byName := make(map[string]*table, len(c.tables))
	for _, t := range c.tables {
		byName[t.name] = t
	}
	return byName
}
