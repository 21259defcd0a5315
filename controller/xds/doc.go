// Package xds owns what Envoy is told and what Envoy has answered: a versioned
// store of Envoy resources and the delta ADS server that serves it. It knows
// Envoy's resource types and how they refer to each other, and no Kubernetes
// kind.
//
// # Cost follows the change
//
// Each resource is marshalled once, deterministically, when it enters the
// store; its version is a hash of those bytes, so the same content has the same
// version after a restart and a reconnecting Envoy, which reports the versions
// it holds, receives only the differences. The store keeps a log of changes;
// each stream remembers how far it has read, and a push costs what changed.
//
// # Make before break
//
// Additions travel CDS, EDS, SDS, LDS, RDS. Listeners and routes wait until
// Envoy has acknowledged the clusters sent before them: Envoy withholds that
// acknowledgement while a cluster is warming, which makes it the signal that
// routes may use the cluster. Removals travel the other way: a resource goes
// when every type that may use it has acknowledged a configuration without it,
// and a cluster a moment later, for the requests already routed to it. Both
// waits are bounded (Options), so that one cluster that never warms cannot
// hold up the rest.
//
// # One bad resource costs only itself
//
// A response that Envoy rejects (NACK) is traced to the resource at fault: by
// the name in Envoy's message, or by sending the resources again in ever
// smaller groups. That resource returns to the last version Envoy accepted and
// stays there until its content changes; see Rejection.
//
// # Why the stream handler is our own
//
// go-control-plane supplies the protobuf and gRPC types and the bookkeeping of
// subscriptions (pkg/server/stream). Its delta server is not used: it asks a
// cache for watches and replaces the whole map of returned versions after each
// response, which costs the number of resources rather than of changes; it
// hands the cache neither ACK nor NACK; and it reads responses from a channel
// that blocks the cache, with its lock held, when one Envoy is slow. Here every
// stream is a loop that pulls what it may send next, so there is no queue to
// fill and a slow Envoy simply finds newer resources when it is ready.
package xds

import (
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
)

// Type URLs of the resources whose order the server knows. Other types are
// served too, in no particular order.
const (
	ClusterType  = resource.ClusterType
	EndpointType = resource.EndpointType
	SecretType   = resource.SecretType
	ListenerType = resource.ListenerType
	ScopeType    = resource.ScopedRouteType
	RouteType    = resource.RouteType
)

// ID names one resource: a type URL and the name Envoy knows it by.
type ID struct {
	TypeURL string
	Name    string
}

// Resource is one Envoy resource. The server keeps its content, not Message.
type Resource struct {
	ID
	Message proto.Message
}

// State is what the server knows at one moment. Revisions only ever grow;
// they count changes since this server was made and mean nothing to another.
type State struct {
	// Revision is the newest revision; 0 until the first Update.
	Revision uint64
	// Acknowledged is the highest revision that every connected Envoy has
	// answered in full: each resource of it was accepted, or is listed in
	// Rejected. Resources that are only waiting to be removed do not count.
	// It stays where it is while no Envoy is connected.
	Acknowledged uint64
	// Ready reports that an Envoy has acknowledged a first complete
	// configuration since this server was made.
	Ready bool
	// Clients is the number of connected Envoys.
	Clients int
	// Rejected lists the resources whose newest content Envoy refuses, sorted
	// by type and name. When the content changes the entry is Overtaken; it
	// goes when the new content is answered or the resource is removed.
	Rejected []Rejection
}

// Rejection is one resource that Envoy refuses (a NACK).
type Rejection struct {
	ID
	// Version is the content hash of the refused content.
	Version string
	// Detail is Envoy's own message.
	Detail string
	// Node is the id of the Envoy that refused it first.
	Node string
	// Revision is the one in which the refused content entered the store; 0
	// when it had been replaced by the time it was refused.
	Revision uint64
	// Restored reports that Envoys serve the last accepted version instead.
	// When false, no accepted version is known: Envoys that hold some version
	// keep it, others do without the resource.
	Restored bool
	// Overtaken reports that the content has been replaced, and Envoy's answer
	// to the new content is awaited: nothing newer than the content before the
	// refused one is known to be in use.
	Overtaken bool
}
