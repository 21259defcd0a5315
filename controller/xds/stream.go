package xds

import (
	"log/slog"
	"strconv"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stream is the server's side of one Envoy's ADS stream.
//
// Clusters, listeners and routes are paced: the stream works towards one
// revision, its target, at a time. It notes everything that differs at the
// target, sends the clusters, waits for their acknowledgement or the bound,
// sends the listeners and routes that were noted with them, and only then looks
// for the next target. So routes never run ahead of their clusters, and a
// constant flow of changes cannot keep routes waiting for ever. Endpoints and
// secrets are sent as they come.
//
// Each type has one response under way; what changes meanwhile goes into the
// next. A slow Envoy therefore gets fewer, larger responses.
type stream struct {
	server *Server
	send   func(*discoveryv3.DeltaDiscoveryResponse) error
	log    *slog.Logger
	// poked is signalled when there may be something to send.
	poked chan struct{}

	node   string
	opened time.Time
	// resuming marks an Envoy that held resources when it connected.
	resuming bool
	nonce    uint64
	subs     map[string]*subscription // by type URL

	// target is the revision being worked towards, since targetAt. It is begun
	// once something of it has been sent, and late once its routes have gone out
	// before its clusters were acknowledged, because the bound had passed.
	target   uint64
	targetAt time.Time
	begun    bool
	late     bool
	// blocked is since when listeners have been waiting for route tables; zero when they are not.
	blocked time.Time
	// held is set while routes wait because Envoy has just refused a cluster.
	held bool
	// alarm is when to look again if nothing happens before; zero is never.
	alarm time.Time

	// answered is the revision up to which this Envoy has answered everything.
	// Guarded by server.mu.
	answered uint64
}

// maxFlight bounds the responses of one type that an Envoy leaves unanswered.
// More than one are under way only when the bound of waiting has passed.
const maxFlight = 8

// open adds a stream.
func (s *Server) open(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) *stream {
	st := &stream{
		server: s,
		send:   rpc.Send,
		log:    s.log,
		poked:  make(chan struct{}, 1),
		opened: time.Now(),
		subs:   make(map[string]*subscription),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[st] = struct{}{}
	s.tryOverdue()
	s.announce()
	return st
}

// close removes a stream; what it had not acknowledged no longer counts.
func (s *Server) close(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st)
	st.log.Info("Envoy disconnected")
	s.announce()
	s.advance()
}

// poke makes the stream look for something to send.
func (st *stream) poke() {
	select {
	case st.poked <- struct{}{}:
	default:
	}
}

// receive takes in one request: an answer to a response, a change of names, or
// both.
func (st *stream) receive(req *discoveryv3.DeltaDiscoveryRequest) error {
	if id := req.GetNode().GetId(); id != "" && st.node == "" {
		st.node = id
		st.log = st.server.log.With("node", id)
		st.log.Info("Envoy connected", "cluster", req.GetNode().GetCluster(), "holds", len(req.GetInitialResourceVersions()))
	}
	t := st.server.tables[req.GetTypeUrl()]
	if t == nil {
		return status.Errorf(codes.InvalidArgument, "type %q is not served", req.GetTypeUrl())
	}
	sub := st.subs[req.GetTypeUrl()]
	if sub == nil {
		sub = newSubscription(t, req, st.server.options)
		st.subs[req.GetTypeUrl()] = sub
		st.resuming = st.resuming || len(req.GetInitialResourceVersions()) > 0
		return nil
	}
	if nonce := req.GetResponseNonce(); nonce != "" {
		st.answer(sub, nonce, req.GetErrorDetail())
	}
	sub.resubscribe(req)
	return nil
}

// pump sends what may be sent now and returns how long to sleep.
func (st *stream) pump() (time.Duration, error) {
	for {
		now := time.Now()
		responses := st.collect(now)
		st.report()
		if len(responses) == 0 {
			if st.alarm.IsZero() {
				return time.Hour, nil
			}
			return st.alarm.Sub(now), nil
		}
		for _, r := range responses {
			if err := st.send(r); err != nil {
				return 0, err
			}
		}
	}
}

// collect builds the next response of each type that may be sent, in the order
// in which they must be sent.
func (st *stream) collect(now time.Time) (responses []*discoveryv3.DeltaDiscoveryResponse) {
	st.alarm = time.Time{}
	s := st.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.revision == 0 {
		return nil
	}
	if sent := st.targetSent(); st.target < s.revision && (sent || !st.begun) {
		if sent {
			st.targetAt, st.begun, st.late = now, false, false
		}
		st.target = s.revision
	}
	for typeURL, sub := range st.subs {
		if kindOf[typeURL].paced {
			sub.sync(st.target, now)
		} else {
			sub.sync(s.revision, now)
		}
		if sub.quiet() {
			sub.done = sub.read
		}
	}
	for _, k := range kinds {
		sub := st.subs[k.typeURL]
		if sub == nil || st.full(sub, now) || k.waits && !sub.sentAll() && !st.clustersReady(now) {
			continue
		}
		if k.typeURL == ListenerType && len(sub.pending) > 0 && !st.scopesReady(now) {
			continue
		}
		sub.release(st.usersSettled(k), now)
		if r := sub.respond(now); r != nil {
			responses = append(responses, st.dispatch(sub, r, now))
		}
		for _, d := range sub.leaving {
			st.wakeAt(d.due)
		}
	}
	return responses
}

// targetSent reports that everything noted at the target has been sent. A type
// that has only just been asked for may as well start with the next target.
func (st *stream) targetSent() bool {
	for _, sub := range st.subs {
		// What waits goes with the next target, which may have the routes or do without the cluster that are missing.
		waits := sub.kind.waits && st.held || sub.kind.typeURL == ListenerType && !st.blocked.IsZero()
		if sub.kind.paced && !sub.compare && !sub.sentAll() && !waits {
			return false
		}
	}
	return true
}

// full reports that a type has a response under way that is worth waiting for.
func (st *stream) full(sub *subscription, now time.Time) bool {
	n := len(sub.flight)
	if n == 0 {
		return false
	}
	if bound := sub.flight[n-1].sent.Add(st.server.options.WarmTimeout); now.Before(bound) {
		st.wakeAt(bound)
		return true
	}
	return n >= maxFlight
}

// clustersReady reports that routes need wait no longer: the clusters sent
// before them are acknowledged, or the bound has passed. A new cluster that
// Envoy has just refused is waited for as well: whoever made it may take back
// what leads to it.
func (st *stream) clustersReady(now time.Time) bool {
	st.held = false
	clusters := st.subs[ClusterType]
	if clusters == nil || len(clusters.pending) == 0 && !st.full(clusters, now) {
		until := st.server.missingUntil()
		if st.held = now.Before(until); st.held {
			st.wakeAt(until)
		}
		return !st.held
	}
	if bound := st.targetAt.Add(st.server.options.WarmTimeout); now.Before(bound) {
		st.wakeAt(bound)
		return false
	}
	if !st.late {
		st.late = true
		st.log.Warn("Envoy has not acknowledged clusters in time, going on with routes",
			"revision", st.target, "waited", st.server.options.WarmTimeout)
	}
	return true
}

// scopesReady reports that listeners need not wait for the route tables they choose from: a listener that is changed to
// choose among others would find nothing until they are there.
func (st *stream) scopesReady(now time.Time) bool {
	if st.scopesHeld() {
		st.blocked = time.Time{}
		return true
	}
	if st.blocked.IsZero() {
		st.blocked = now
	}
	if bound := st.blocked.Add(st.server.options.TableTimeout); now.Before(bound) {
		st.wakeAt(bound)
		return false
	}
	st.log.Warn("Envoy has not acknowledged route tables in time, going on with listeners", "revision", st.target, "waited", st.server.options.TableTimeout)
	return true
}

// scopesHeld reports that the Envoy has acknowledged all scopes, and some content of the routes that each leads to, or
// wants none.
func (st *stream) scopesHeld() bool {
	scopes, routes := st.subs[ScopeType], st.subs[RouteType]
	if scopes == nil || len(scopes.known()) == 0 && len(scopes.pending) == 0 {
		return true
	}
	if len(scopes.pending)+len(scopes.flight) > 0 || routes == nil {
		return false
	}
	onTheWay := routes.unanswered()
	for name := range scopes.known() {
		if table := st.server.routesOf(name); !routes.holds(table) || onTheWay[table] {
			return false
		}
	}
	return true
}

// usersSettled is the revision up to which every type that may use a resource
// of this kind has been answered. A type not asked for uses nothing, unless the
// Envoy has only just reconnected and has not come to it yet.
func (st *stream) usersSettled(k *kind) uint64 {
	settled := uint64(everything)
	for _, user := range k.users {
		switch sub := st.subs[user]; {
		case sub != nil:
			settled = min(settled, sub.settled())
		case st.resuming && time.Since(st.opened) < st.server.options.RemovalTimeout:
			settled = 0
		}
	}
	return settled
}

// dispatch numbers a response, puts it in flight and returns its wire form.
func (st *stream) dispatch(sub *subscription, r *response, now time.Time) *discoveryv3.DeltaDiscoveryResponse {
	st.nonce++
	r.nonce, r.sent = strconv.FormatUint(st.nonce, 10), now
	sub.flight = append(sub.flight, r)
	st.begun = st.begun || sub.kind.paced && len(r.additions) > 0

	wire := &discoveryv3.DeltaDiscoveryResponse{
		TypeUrl:           sub.kind.typeURL,
		Nonce:             r.nonce,
		SystemVersionInfo: strconv.FormatUint(sub.read, 10), // for people reading a dump
		Resources:         r.resources,
	}
	size := 0
	for _, res := range r.resources {
		size += len(res.GetResource().GetValue())
	}
	for _, rm := range r.removals {
		wire.RemovedResources = append(wire.RemovedResources, rm.name)
	}
	r.resources = nil
	if endpoints := st.subs[EndpointType]; endpoints != nil && sub.kind.typeURL == ClusterType {
		// A cluster warms until it gets its endpoints. Envoy does not ask for what it holds for another cluster, or for
		// the one before of the same name, and does not give it that either: it would wait for 15 seconds, and answer
		// the requests for the cluster with 503.
		for _, name := range r.leadTo {
			endpoints.repeat(name)
		}
	}
	m, label := st.server.metrics, shortName(sub.kind.typeURL)
	m.pushes.WithLabelValues(label).Inc()
	m.resources.WithLabelValues(label).Add(float64(len(r.additions) + len(r.removals)))
	m.bytes.WithLabelValues(label).Add(float64(size))
	return wire
}

// wakeAt has the stream look again at t at the latest.
func (st *stream) wakeAt(t time.Time) {
	if st.alarm.IsZero() || t.Before(st.alarm) {
		st.alarm = t
	}
}

// report tells the server how far this Envoy has answered. An Envoy that has
// not asked for listeners has not come to the end of its first configuration.
func (st *stream) report() {
	answered := uint64(everything)
	for _, sub := range st.subs {
		answered = min(answered, sub.done)
	}
	if st.subs[ListenerType] == nil {
		answered = 0
	}
	if answered == st.answered {
		return // only this goroutine writes it
	}
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	st.answered = answered
	st.server.advance()
}
