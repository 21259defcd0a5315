package xds

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	xdsstream "github.com/envoyproxy/go-control-plane/pkg/server/stream/v3"
)

// subscription is one type's part of a stream: what the Envoy asked for, what
// it holds, and what is on its way. Only the stream's goroutine touches it.
type subscription struct {
	kind  *kind
	table *table // read with the server's mu held
	// names holds the names asked for and the versions the Envoy has been sent.
	names xdsstream.Subscription
	// read is the revision up to which the table's log has been looked at.
	read uint64
	// compare asks for a comparison of everything instead of reading the log.
	compare bool
	// recheck lists names to look at again whatever the log says; true means
	// the Envoy asked for the name and is owed an answer.
	recheck map[string]bool
	// pending holds what is to be sent, pinned at the content it had when it
	// was noted, so that it matches what else was noted at that revision.
	pending map[string]*entry
	// leaving holds what is to be removed once its users are settled.
	leaving map[string]departure
	// missing lists names asked for that do not exist, to be answered as such:
	// Envoy then stops waiting for them.
	missing map[string]struct{}
	// greet marks that a first wildcard request has not been answered; Envoy
	// waits for the answer even when there is nothing in it.
	greet bool
	// flight lists the responses not yet answered, oldest first.
	flight []*response
	// done is the revision up to which everything has been answered.
	done uint64
	// timeout bounds how long a removal waits for its users, and grace is how
	// long it goes on waiting after they are settled.
	timeout, grace time.Duration
	// limit bounds the resources in a response while the one at fault in a
	// rejected response is being searched; 0 is no bound.
	limit int
}

// departure is a removal that was noted: the revision it belongs to, when it is
// due at the latest, and whether that is because its users are settled.
type departure struct {
	revision uint64
	due      time.Time
	settled  bool
}

// response is one message on its way to Envoy.
type response struct {
	nonce     string
	sent      time.Time
	additions []addition
	removals  []removal
	resources []*discoveryv3.Resource
	// leadTo lists the resources that the additions lead to.
	leadTo []string
	// through is the revision that this response completes; 0 if none.
	through uint64
}

// addition is a resource in a response: its version, and the one it replaces.
type addition struct{ name, version, previous string }

// removal is a name in a response that is to go, or that never was: the version
// Envoy holds, if any, and the revision in which it went.
type removal struct {
	name, previous string
	revision       uint64
}

func newSubscription(t *table, req *discoveryv3.DeltaDiscoveryRequest, o Options) *subscription {
	sub := &subscription{
		kind:    t.kind,
		table:   t,
		timeout: o.RemovalTimeout,
		names: xdsstream.NewDeltaSubscription(req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe(),
			req.GetInitialResourceVersions(), t.kind.wildcard),
		compare: true,
		recheck: make(map[string]bool),
		pending: make(map[string]*entry),
		leaving: make(map[string]departure),
		missing: make(map[string]struct{}),
	}
	if t.kind.lingers {
		sub.grace = o.RemovalGrace
	}
	sub.greet = sub.names.IsWildcard()
	for _, name := range req.GetResourceNamesSubscribe() {
		sub.recheck[name] = true
	}
	delete(sub.recheck, "*")
	return sub
}

// resubscribe applies a later request's names. The protocol owes an answer to
// every name in it, also to one the server believes the Envoy to hold.
func (sub *subscription) resubscribe(req *discoveryv3.DeltaDiscoveryRequest) {
	before := sub.names.IsWildcard()
	sub.names.UpdateResourceSubscriptions(req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe())
	for _, name := range req.GetResourceNamesSubscribe() {
		delete(sub.known(), name)
		sub.recheck[name] = true
	}
	for _, name := range req.GetResourceNamesUnsubscribe() {
		if sub.wants(name) {
			sub.recheck[name] = true
		} else {
			sub.forget(name)
		}
	}
	delete(sub.recheck, "*")
	if now := sub.names.IsWildcard(); now != before {
		sub.compare, sub.greet = true, now
	}
}

// known maps the names the Envoy holds to their versions.
func (sub *subscription) known() map[string]string { return sub.names.ReturnedResources() }

func (sub *subscription) wants(name string) bool {
	_, named := sub.names.SubscribedResources()[name]
	return named || sub.names.IsWildcard()
}

// holds reports whether the Envoy was sent a resource.
func (sub *subscription) holds(name string) bool {
	_, held := sub.known()[name]
	return held
}

// unanswered lists the resources that the Envoy has been sent for the first time and has not answered yet.
func (sub *subscription) unanswered() map[string]bool {
	names := map[string]bool{}
	for _, r := range sub.flight {
		for _, a := range r.additions {
			if a.previous == "" {
				names[a.name] = true
			}
		}
	}
	return names
}

// again has a name looked at again.
func (sub *subscription) again(name string) {
	if _, listed := sub.recheck[name]; !listed {
		sub.recheck[name] = false
	}
}

// repeat has a resource sent again that the Envoy holds.
func (sub *subscription) repeat(name string) {
	if sub.holds(name) {
		delete(sub.known(), name)
		sub.again(name)
	}
}

// forget drops all state of a name that is no longer subscribed to.
func (sub *subscription) forget(name string) {
	delete(sub.known(), name)
	delete(sub.recheck, name)
	delete(sub.pending, name)
	delete(sub.leaving, name)
	delete(sub.missing, name)
}

// sync notes what has changed up to the revision. Callers hold the server's mu.
func (sub *subscription) sync(revision uint64, now time.Time) {
	changes, complete := sub.table.log.since(sub.read)
	if sub.compare || !complete {
		sub.compareAll(revision, now)
	} else {
		for _, c := range changes {
			if c.revision <= revision {
				sub.note(c.name, revision, now)
			}
		}
	}
	sub.read = max(sub.read, revision)
	for name, asked := range sub.recheck {
		sub.note(name, revision, now)
		if _, exists := sub.table.slots[name]; asked && !exists {
			delete(sub.leaving, name)
			sub.missing[name] = struct{}{}
		}
	}
	clear(sub.recheck)
}

// compareAll notes every name that the Envoy wants or holds, or that was noted.
func (sub *subscription) compareAll(revision uint64, now time.Time) {
	sub.compare = false
	noted := slices.Collect(maps.Keys(sub.known()))
	noted = slices.AppendSeq(noted, maps.Keys(sub.pending))
	noted = slices.AppendSeq(noted, maps.Keys(sub.missing))
	for _, name := range noted {
		if sub.wants(name) {
			sub.note(name, revision, now)
		} else {
			sub.forget(name)
		}
	}
	if sub.names.IsWildcard() {
		for name := range sub.table.slots {
			sub.note(name, revision, now)
		}
		return
	}
	for name := range sub.names.SubscribedResources() {
		sub.note(name, revision, now)
	}
}

// note compares what the Envoy holds of one name with what it should hold.
// Content newer than the revision is left to a later sync.
func (sub *subscription) note(name string, revision uint64, now time.Time) {
	if !sub.wants(name) {
		return
	}
	held, holds := sub.known()[name]
	sl := sub.table.slots[name]
	if sl == nil {
		delete(sub.pending, name)
		if _, noted := sub.leaving[name]; holds && !noted {
			sub.leaving[name] = departure{revision: revision, due: now.Add(sub.timeout)}
		}
		return
	}
	if sl.revision > revision {
		return
	}
	delete(sub.leaving, name)
	delete(sub.missing, name)
	delete(sub.pending, name)
	// A withheld resource leaves the Envoy what it holds, if anything.
	if e := sl.served(); e != nil && (!holds || held != e.version) {
		sub.pending[name] = e
	}
}

// sentAll reports that nothing noted is left to send; removals that wait for
// their users do not count.
func (sub *subscription) sentAll() bool {
	return len(sub.pending) == 0 && len(sub.missing) == 0 && !sub.greet &&
		(len(sub.leaving) == 0 || len(sub.kind.users) > 0)
}

// quiet reports that, besides, everything sent has been answered.
func (sub *subscription) quiet() bool {
	return sub.sentAll() && len(sub.flight) == 0 && len(sub.recheck) == 0 && !sub.compare
}

// settled is the revision up to which, besides, the removals are answered: what
// only a resource of that time could have used is not in use any more.
func (sub *subscription) settled() uint64 {
	settled := sub.done
	for _, d := range sub.leaving {
		settled = min(settled, d.revision-1)
	}
	for _, r := range sub.flight {
		for _, rm := range r.removals {
			settled = min(settled, rm.revision-1)
		}
	}
	return settled
}

// release lets go, after the grace, of the removals whose users are settled up
// to a revision.
func (sub *subscription) release(settled uint64, now time.Time) {
	for name, d := range sub.leaving {
		if d.revision <= settled && !d.settled && d.due.After(now) {
			sub.leaving[name] = departure{d.revision, now.Add(sub.grace), true}
		}
	}
}

// respond builds the response that carries what may go now: the pending
// additions, the names that do not exist, and the removals that are due. It
// returns nil when there is nothing to say.
func (sub *subscription) respond(now time.Time) *response {
	r := &response{}
	names := slices.Sorted(maps.Keys(sub.pending))
	if sub.limit > 0 && len(names) > sub.limit {
		names = names[:sub.limit]
	}
	known := sub.known()
	for _, name := range names {
		e := sub.pending[name]
		r.additions = append(r.additions, addition{name, e.version, known[name]})
		r.resources = append(r.resources, e.wire(ID{sub.kind.typeURL, name}))
		if e.leadsTo != "" {
			r.leadTo = append(r.leadTo, e.leadsTo)
		}
		known[name] = e.version
		delete(sub.pending, name)
	}
	for name, d := range sub.leaving {
		if !d.due.After(now) {
			r.removals = append(r.removals, removal{name, known[name], d.revision})
			delete(sub.leaving, name)
			delete(known, name)
		}
	}
	for name := range sub.missing {
		r.removals = append(r.removals, removal{name: name, revision: everything})
		delete(known, name)
		delete(sub.missing, name)
	}
	if len(r.additions) == 0 && len(r.removals) == 0 && !sub.greet {
		return nil
	}
	slices.SortFunc(r.removals, func(a, b removal) int { return strings.Compare(a.name, b.name) })
	sub.greet = false
	if sub.sentAll() {
		r.through = sub.read
		sub.limit = 0
	}
	return r
}

// everything is a revision no revision exceeds.
const everything = math.MaxUint64
