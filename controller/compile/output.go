package compile

import (
	"cmp"
	"maps"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/controller/store"
)

// Type URLs of the resources an Output holds.
const (
	ListenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	ScopeType    = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
	RouteType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	ClusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	SecretType   = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// ResourceID names one Envoy resource.
type ResourceID struct {
	TypeURL, Name string
}

// Output is a complete Envoy configuration. Every list is ordered by name, and equal input gives equal bytes. Messages
// are shared between lists and must not be changed.
type Output struct {
	Listeners []*listenerv3.Listener
	// Scopes choose among the RouteConfigurations of a large route table.
	Scopes    []*routev3.ScopedRouteConfiguration
	Routes    []*routev3.RouteConfiguration
	Clusters  []*clusterv3.Cluster
	Endpoints []*endpointv3.ClusterLoadAssignment
	Secrets   []*tlsv3.Secret

	// Owners tells whose objects a resource was made from: whom a NACK of it concerns.
	Owners map[ResourceID][]store.Ref
	// Reports says how each getambassador.io object of this install fared.
	Reports map[store.Ref]*Report
}

// Output returns everything that was compiled.
func (c *Compiler) Output() *Output {
	output := &Output{
		Listeners: sorted(c.listeners),
		Clusters:  sorted(c.clusterMessages()),
		Endpoints: sorted(c.assignmentMessages()),
		Secrets:   sorted(c.secrets.made),
		Owners:    owners(c.ledger),
		Reports:   c.ledger,
	}
	for _, t := range c.tables {
		scopes, routes := c.resources(t)
		output.Scopes = append(output.Scopes, scopes...)
		output.Routes = append(output.Routes, routes...)
	}
	slices.SortFunc(output.Scopes, func(a, b *routev3.ScopedRouteConfiguration) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(output.Routes, func(a, b *routev3.RouteConfiguration) int { return cmp.Compare(a.Name, b.Name) })
	return output
}

// sorted returns the values of a map of named messages ordered by name.
func sorted[M proto.Message](byName map[string]M) []M {
	list := make([]M, 0, len(byName))
	for _, name := range sortedKeys(byName) {
		list = append(list, byName[name])
	}
	return list
}

// owners inverts the reports: from resource to the objects it was made from, ordered.
func owners(reports map[store.Ref]*Report) map[ResourceID][]store.Ref {
	byResource := map[ResourceID][]store.Ref{}
	for ref, report := range reports {
		for _, id := range report.Resources {
			byResource[id] = append(byResource[id], ref)
		}
	}
	for _, refs := range byResource {
		slices.SortFunc(refs, store.Ref.Compare)
	}
	return byResource
}

// sortedKeys lists the keys of a map in order; nil for an empty one, which most are.
func sortedKeys[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
