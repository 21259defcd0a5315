package xds

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// table holds the resources of one type and the log of their changes.
type table struct {
	kind  *kind
	slots map[string]*slot
	// gone keeps what was removed until every Envoy has acknowledged doing
	// without it: a rejection may yet need it back (see Server.reject).
	gone map[string]*slot
	log  changeLog
}

// slot is the place of one resource in its table.
type slot struct {
	// newest is what the last update gave.
	newest *entry
	// accepted is the last content an Envoy has acknowledged; nil if none.
	accepted *entry
	// rejection is set while Envoy refuses newest.
	rejection *rejection
	// retained marks a resource that is no longer wanted but that a restored
	// resource still refers to.
	retained bool
	// revision and removedAt say when the slot last changed, and when it was
	// moved to gone.
	revision  uint64
	removedAt time.Time
}

// served is the content Envoys should have; nil when it is withheld.
func (s *slot) served() *entry {
	if s.rejection != nil && !s.rejection.trying {
		return s.accepted
	}
	return s.newest
}

// entry is one content of one resource. It never changes, so that streams share
// it, and the bytes in it, without copying. The message it was made from is not
// kept: it takes several times what the bytes do.
type entry struct {
	version string
	bytes   []byte
	// leadsTo is the RouteConfiguration of a scope, and the load assignment of a
	// cluster that has its endpoints from there.
	leadsTo string
}

// wire is the entry as it is sent.
func (e *entry) wire(id ID) *discoveryv3.Resource {
	return &discoveryv3.Resource{
		Name:     id.Name,
		Version:  e.version,
		Resource: &anypb.Any{TypeUrl: id.TypeURL, Value: e.bytes},
	}
}

// encode marshals a resource. The version is a hash of the bytes: 96 bits are
// plenty for telling one resource's versions apart.
func encode(r Resource) (*entry, error) {
	if r.Message == nil {
		return nil, fmt.Errorf("resource %s %q has no message", shortName(r.TypeURL), r.Name)
	}
	if got := "type.googleapis.com/" + string(r.Message.ProtoReflect().Descriptor().FullName()); got != r.TypeURL {
		return nil, fmt.Errorf("resource %q: the message is a %s, its type URL says %s", r.Name, got, r.TypeURL)
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.Message)
	if err != nil {
		return nil, fmt.Errorf("marshalling %s %q: %w", shortName(r.TypeURL), r.Name, err)
	}
	sum := sha256.Sum256(value)
	e := &entry{version: hex.EncodeToString(sum[:12]), bytes: value}
	switch m := r.Message.(type) {
	case *routev3.ScopedRouteConfiguration:
		e.leadsTo = m.GetRouteConfigurationName()
	case *clusterv3.Cluster:
		if m.GetType() == clusterv3.Cluster_EDS {
			e.leadsTo = cmp.Or(m.GetEdsClusterConfig().GetServiceName(), m.GetName())
		}
	}
	return e, nil
}

// routesOf is the name of the RouteConfiguration that a scope leads to; its own if the scope is not known any more.
// Callers hold mu.
func (s *Server) routesOf(scope string) string {
	if sl := s.tables[ScopeType].slots[scope]; sl != nil && sl.newest.leadsTo != "" {
		return sl.newest.leadsTo
	}
	return scope
}

// changeLog remembers which names changed at which revision. It is trimmed as
// it grows; a reader that falls behind the trimmed part compares everything.
type changeLog struct {
	changes []change // by ascending revision
	floor   uint64   // revisions up to this one may have been trimmed
}

type change struct {
	revision uint64
	name     string
}

// minLog is the number of changes kept whatever the size of the table.
const minLog = 1024

func (l *changeLog) add(revision uint64, name string, tableSize int) {
	l.changes = append(l.changes, change{revision, name})
	if len(l.changes) <= minLog+2*tableSize {
		return
	}
	half := len(l.changes) / 2
	l.floor = l.changes[half-1].revision
	l.changes = append([]change(nil), l.changes[half:]...)
}

// since returns the changes after a revision; false when they are no longer
// known.
func (l *changeLog) since(revision uint64) ([]change, bool) {
	if revision < l.floor {
		return nil, false
	}
	i := sort.Search(len(l.changes), func(i int) bool { return l.changes[i].revision > revision })
	return l.changes[i:], true
}
