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
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ratelimit/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"terraform-provider-emissary/controller/store"
)

// compiler carries one compilation.
type compiler struct {
	store   *store.Store
	options Options
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

	hosts     []*host
	tcpGroups map[string][]*tcpGroup

	httpFilters []*hcmv3.HttpFilter
	accessLogs  []*accesslogv3.AccessLog

	listeners    map[string]*listenerv3.Listener
	routes       map[string]*routev3.RouteConfiguration
	clusters     map[string]*clusterv3.Cluster
	assignments  map[string]*endpointv3.ClusterLoadAssignment
	secrets      map[string]*tlsv3.Secret
	secretFaults map[string]*fault
}

// Compile makes a complete configuration from the objects in a store. It never fails: what cannot be used is left out
// and reported.
func Compile(s *store.Store, o Options) *Output {
	c := &compiler{
		store:        s,
		options:      o.withDefaults(),
		ledger:       ledger{},
		listeners:    map[string]*listenerv3.Listener{},
		routes:       map[string]*routev3.RouteConfiguration{},
		clusters:     map[string]*clusterv3.Cluster{},
		assignments:  map[string]*endpointv3.ClusterLoadAssignment{},
		secrets:      map[string]*tlsv3.Secret{},
		secretFaults: map[string]*fault{},
	}
	c.module = c.ambassadorModule()
	c.everywhere = append(c.everywhere, c.module.ref)
	c.tlsContexts = c.tlsContextsByName()
	c.resolvers = c.resolversByName()
	c.openServices()
	c.hosts = c.hostsByHostname()
	hosts := c.hosts
	c.tcpGroups = c.groupTCPMappings()
	listeners := c.tcpListeners(c.listenersByName())
	groups := inRouteOrder(c.groupMappings(c.mappings(), hosts))
	associate(hosts, groups, c.options.LooseLabelSelectors)

	c.httpFilters = c.newHTTPFilters()
	c.accessLogs = c.newAccessLogs()
	for _, l := range listeners {
		c.bindHosts(l, hosts)
	}
	for _, l := range listeners {
		c.compileListener(l)
	}
	c.reportUnserved(hosts, groups)
	return &Output{
		Listeners: sorted(c.listeners),
		Routes:    sorted(c.routes),
		Clusters:  sorted(c.clusters),
		Endpoints: sorted(c.assignments),
		Secrets:   sorted(c.secrets),
		Owners:    owners(c.ledger),
		Reports:   c.ledger,
	}
}

// mappings returns the usable Mappings of this install in load order, and those of the controller's own pages after
// them.
func (c *compiler) mappings() []*mapping {
	objects := c.store.Mappings()
	mappings := make([]*mapping, 0, len(objects)+3)
	for _, object := range objects {
		if !c.member(object) {
			continue
		}
		if m := c.newMapping(c.ledger.open(object), object.Namespace, object.Labels, &object.Spec); m != nil {
			mappings = append(mappings, m)
		}
	}
	return append(mappings, c.syntheticMappings()...)
}
