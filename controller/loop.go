package controller

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
)

const (
	// leastPause and mostPause bound the time between two passes under a stream of changes. In between, the pause is as
	// long as the last pass took: at most half of a core goes into compiling, and a change that comes alone waits for
	// nothing.
	leastPause = 2 * time.Millisecond
	mostPause  = 250 * time.Millisecond
	// heartbeat is how often the loop shows that it is alive.
	heartbeat = 5 * time.Second
)

// publisher is what the loop needs of the xDS server.
type publisher interface {
	Update([]xds.Resource) (revision uint64, err error)
	Apply(changed []xds.Resource, removed []xds.ID) (revision uint64, err error)
	Watch(context.Context) <-chan xds.State
}

// compiler is what the loop needs of a [compile.Compiler].
type compiler interface {
	Update(*store.Store, time.Time) *compile.Delta
	Retire(now time.Time, taken bool) (*compile.Delta, time.Time)
	Counts() map[string]int
}

// loop is the one goroutine that turns events into configuration and acknowledgements into status. It owns the store and
// the tracker. Nothing it calls waits for a network.
type loop struct {
	log   *slog.Logger
	inbox *inbox
	// compiler is nil when a new one is to be made: at first, and after a panic.
	compiler    compiler
	newCompiler func() compiler
	server      publisher
	// fixed are resources served besides the compiled ones.
	fixed   []xds.Resource
	tracker *status.Tracker
	metrics *metrics
	// ambassadorID tells whose rejected objects are to be reported.
	ambassadorID string

	// derived makes the objects that annotations and Ingresses hold.
	derived *derive.Deriver
	store   *store.Store
	// objects is what the store holds, to restore a version when a newer one breaks the compiler.
	objects    map[store.Ref]metav1.Object
	rejections map[store.Ref]status.Rejected
	// told are the rejections that the tracker knows.
	told map[store.Ref]status.Rejected
	// refused are the newest versions of objects whose version before is in force, because the compiler refuses the
	// newest. They are tried again when something changes that has a say in what is valid.
	refused map[store.Ref]metav1.Object
	// trials are the versions in force of which Envoy's answer is awaited.
	trials map[store.Ref]trial
	// quarantine holds the versions that Envoy refuses. They are not in force, and not among the refused.
	quarantine *quarantine.Quarantine
	// state is what Envoy answered last.
	state xds.State
	// published is what became of the objects in the configuration published last.
	published published

	lastPass time.Time // when the last pass ended
	pause    time.Duration
	started  bool // the first configuration was published
	revision uint64
	whole    uint64 // that of the last configuration that was compiled as a whole
	due      uint64 // the revision without which nothing is settled: the first one, or the one without what Envoy refuses

	// questions are answered between passes, see ask.
	questions chan func()
	beat      atomic.Int64 // unix nanoseconds of the last heartbeat
	// serving is set once something was published, settled once Envoy has acknowledged a configuration in which there is
	// no object left to look for, and public when the diagnostics are for everybody.
	serving, settled, public atomic.Bool
}

// run handles events until the context ends.
func (l *loop) run(ctx context.Context) {
	states := l.server.Watch(ctx)
	beats := time.NewTicker(heartbeat)
	defer beats.Stop()
	var pass, overdue, retiring <-chan time.Time
	l.beat.Store(time.Now().UnixNano())
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.inbox.arrived:
			synced, urgent := l.inbox.peek()
			wait := time.Until(l.lastPass.Add(l.pause))
			switch {
			case !synced || pass != nil && !urgent:
				continue // the first configuration is complete or it is not published; a pass is already due
			case urgent || wait <= 0:
				l.pass()
				pass = nil
			default:
				pass = time.After(wait)
				continue
			}
		case <-pass:
			pass = nil
			l.pass()
		case state, open := <-states:
			if !open {
				states = nil
				continue
			}
			l.acknowledged(state)
		case outcome := <-l.quarantine.Outcomes():
			l.found(outcome)
		case <-overdue:
		case <-retiring:
		case question := <-l.questions:
			question()
		case now := <-beats.C:
			l.beat.Store(now.UnixNano())
		}
		l.look(ctx)
		overdue, retiring = nil, nil
		if next := l.retire(time.Now()); !next.IsZero() {
			retiring = time.After(time.Until(next))
		}
		if next := l.tracker.Overdue(time.Now()); !next.IsZero() {
			overdue = time.After(time.Until(next))
		}
	}
}

// pass takes everything that has arrived, compiles and publishes.
func (l *loop) pass() {
	start := time.Now()
	l.change(l.admit(l.withRefused(l.derived.Expand(l.inbox.take()))), start)
	l.lastPass = time.Now()
	l.pause = min(max(l.lastPass.Sub(start), leastPause), mostPause)
}

// change puts a batch in force, publishes what it changes, and tells of what it does not.
func (l *loop) change(events []watch.Event, start time.Time) {
	before := l.inForce(events)
	delta := l.settle(events)
	if delta == nil {
		l.track(nil, l.revision, time.Now())
		return
	}
	l.publish(l.keepLastGood(delta, before), len(events), start)
}

// retire takes away what no connection needs any more, and returns when there is more.
func (l *loop) retire(now time.Time) (next time.Time) {
	if l.compiler == nil {
		return next
	}
	delta, next := l.compiler.Retire(now, l.state.Acknowledged >= l.whole)
	if delta != nil {
		l.publish(delta, 0, now)
	}
	return next
}

// settle brings the store up to date with the events and compiles what they change. It returns nil when nothing that
// matters changed.
//
// A compiler that panics must cost only the object it panics on: the batch is undone and tried again in halves until
// the event at fault is alone. That one is rejected; the version before it stays in force.
func (l *loop) settle(events []watch.Event) *compile.Delta {
	changed, undo := l.apply(events)
	if !changed && l.started {
		return nil
	}
	delta, err := l.tryCompile()
	switch {
	case err == nil:
		return delta
	case len(events) == 0:
		l.log.Error("the configuration cannot be compiled; the last one stays in force", "error", err)
		return nil
	}
	undo()
	if len(events) == 1 {
		l.log.Error("an object breaks the compiler and is left out; please report this", "object", events[0].Ref.String(), "error", err)
		l.reject(events[0], fmt.Sprintf("the controller failed on this object; this is a defect of the controller: %v", err))
		delta, _ = l.tryCompile()
		return delta
	}
	first, second := l.settle(events[:len(events)/2]), l.settle(events[len(events)/2:])
	if first == nil || second == nil {
		return cmp.Or(first, second)
	}
	return first.Then(second)
}

// apply brings the store up to date and returns how to undo it.
func (l *loop) apply(events []watch.Event) (changed bool, undo func()) {
	before := make(map[store.Ref]metav1.Object, len(events))
	rejections := maps.Clone(l.rejections)
	for _, event := range events {
		before[event.Ref] = l.objects[event.Ref]
		changed = l.applyOne(event) || changed
	}
	return changed, func() {
		for ref, object := range before {
			l.applyOne(watch.Event{Ref: ref, Object: object})
		}
		l.rejections = rejections
	}
}

func (l *loop) applyOne(event watch.Event) (changed bool) {
	_, wasRejected := l.rejections[event.Ref]
	switch {
	case event.Rejected != nil:
		if !event.Rejected.AmbassadorID.IsMember(l.ambassadorID) {
			return false
		}
		l.rejections[event.Ref] = l.outOfForce(event.Ref, event.Rejected.Generation, event.Rejected.Message)
		return true
	case event.Object != nil:
		delete(l.rejections, event.Ref)
		delete(l.refused, event.Ref)
		changed = l.store.Upsert(event.Object)
		if changed {
			l.try(event.Ref)
		}
		l.objects[event.Ref] = event.Object
		return changed || wasRejected
	default:
		delete(l.rejections, event.Ref)
		delete(l.refused, event.Ref)
		delete(l.objects, event.Ref)
		delete(l.trials, event.Ref)
		return l.store.Delete(event.Ref) || wasRejected
	}
}

// tryCompile compiles what changed. A compiler that panicked is left as it is, and the next one starts anew.
func (l *loop) tryCompile() (delta *compile.Delta, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			l.compiler, delta, err = nil, nil, fmt.Errorf("panic: %v", cause)
			l.log.Debug("the compiler panicked", "error", err, "stack", string(debug.Stack()))
		}
	}()
	if l.compiler == nil {
		l.compiler = l.newCompiler()
	}
	return l.compiler.Update(l.store, time.Now()), nil
}
