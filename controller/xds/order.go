package xds

import (
	"strings"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// kind is what the server knows of a resource type.
type kind struct {
	typeURL string
	// paced types are sent one revision at a time, in order: see stream.
	// The others (endpoints, secrets) refer to nothing, and go out at once.
	paced bool
	// waits marks types that may use clusters: their additions wait until the
	// clusters sent before them are acknowledged.
	waits bool
	// lingers marks types whose removal waits for requests routed to them.
	lingers bool
	// wildcard marks types for which a first request without names means all
	// resources; for the others it means none.
	wildcard bool
	// users are the types that may refer to a resource of this one. Its removal
	// waits for them.
	users []string
}

// kinds lists the types in the order in which additions are sent.
//
// https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
var kinds = []*kind{
	{typeURL: resource.RuntimeType},
	{typeURL: ClusterType, paced: true, lingers: true, wildcard: true, users: []string{
		ListenerType, RouteType, resource.VirtualHostType, resource.ExtensionConfigType}},
	{typeURL: EndpointType, users: []string{ClusterType}},
	{typeURL: SecretType, users: []string{ClusterType, ListenerType, resource.ExtensionConfigType}},
	{typeURL: resource.ExtensionConfigType, paced: true, waits: true, users: []string{ListenerType, RouteType}},
	{typeURL: ListenerType, paced: true, waits: true, wildcard: true},
	{typeURL: ScopeType, paced: true, waits: true, wildcard: true, users: []string{ListenerType}},
	{typeURL: RouteType, paced: true, waits: true, users: []string{ListenerType, ScopeType}},
	{typeURL: resource.VirtualHostType, paced: true, waits: true, wildcard: true, users: []string{RouteType}},
}

// kindOf maps a type URL to what is known of it.
var kindOf = func() map[string]*kind {
	m := make(map[string]*kind, len(kinds))
	for _, k := range kinds {
		m[k.typeURL] = k
	}
	return m
}()

// usedBy reports whether a resource of type user may refer to one of this kind.
func (k *kind) usedBy(user string) bool {
	for _, u := range k.users {
		if u == user {
			return true
		}
	}
	return false
}

// shortName is the message's own name, "Cluster", for logs and metrics.
func shortName(typeURL string) string {
	return typeURL[strings.LastIndexByte(typeURL, '.')+1:]
}
