package controller

import (
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
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
)

const (
	// leastPause and mostPause bound the time between two passes under a stream of changes. In between, the pause is as
	// long as the last pass took: at most half of a core goes into compiling, and a change that comes alone waits for
	// nothing.
	leastPause = 5 * time.Millisecond
	mostPause  = 250 * time.Millisecond
	// heartbeat is how often the loop shows that it is alive.
	heartbeat = 5 * time.Second
)

// publisher is what the loop needs of the xDS server.
type publisher interface {
	Update([]xds.Resource) (revision uint64, err error)
	Watch(context.Context) <-chan xds.State
}

// loop is the one goroutine that turns events into configuration and acknowledgements into status. It owns the store and
// the tracker. Nothing it calls waits for a network.
type loop struct {
	log     *slog.Logger
	inbox   *inbox
	compile func(*store.Store) *compile.Output
	server  publisher
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
	tracked    map[store.Ref]status.Rejected // the rejections that the tracker knows
	// refused are the newest versions of objects whose version before is in force, because the compiler refuses the
	// newest. They are tried again when something changes that has a say in what is valid.
	refused map[store.Ref]metav1.Object
	reports map[store.Ref]*compile.Report // of the configuration published last

	lastPass time.Time // when the last pass ended
	pause    time.Duration
	started  bool // the first configuration was published
	revision uint64

	beat     atomic.Int64 // unix nanoseconds of the last heartbeat
	snapshot atomic.Pointer[Snapshot]
}

// run handles events until the context ends.
func (l *loop) run(ctx context.Context) {
	states := l.server.Watch(ctx)
	beats := time.NewTicker(heartbeat)
	defer beats.Stop()
	var pass, overdue <-chan time.Time
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
		case <-overdue:
		case now := <-beats.C:
			l.beat.Store(now.UnixNano())
		}
		overdue = nil
		if next := l.tracker.Overdue(time.Now()); !next.IsZero() {
			overdue = time.After(time.Until(next))
		}
	}
}

// pass takes everything that has arrived, compiles and publishes.
func (l *loop) pass() {
	start := time.Now()
	events := l.withRefused(l.derived.Expand(l.inbox.take()))
	before := l.inForce(events)
	output := l.settle(events)
	if output != nil {
		output = l.keepLastGood(output, before)
	}
	if output != nil {
		l.publish(output, len(events), start)
	}
	l.lastPass = time.Now()
	l.pause = min(max(l.lastPass.Sub(start), leastPause), mostPause)
}

// settle brings the store up to date with the events and compiles it. It returns nil when nothing that matters changed.
//
// A compiler that panics must cost only the object it panics on: the batch is undone and tried again in halves until
// the event at fault is alone. That one is rejected; the version before it stays in force.
func (l *loop) settle(events []watch.Event) *compile.Output {
	changed, undo := l.apply(events)
	if !changed && l.started {
		return nil
	}
	output, err := l.tryCompile()
	switch {
	case err == nil:
		return output
	case len(events) == 0:
		l.log.Error("the configuration cannot be compiled; the last one stays in force", "error", err)
		return nil
	}
	undo()
	if len(events) == 1 {
		l.log.Error("an object breaks the compiler and is left out; please report this", "object", events[0].Ref.String(), "error", err)
		l.reject(events[0], fmt.Sprintf("the controller failed on this object; this is a defect of the controller: %v", err))
		output, _ = l.tryCompile()
		return output
	}
	first, second := l.settle(events[:len(events)/2]), l.settle(events[len(events)/2:])
	if second != nil {
		return second
	}
	return first
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
		l.rejections[event.Ref] = status.Rejected{Generation: event.Rejected.Generation, Message: l.stillServed(event.Ref, event.Rejected.Message)}
		return true
	case event.Object != nil:
		delete(l.rejections, event.Ref)
		delete(l.refused, event.Ref)
		l.objects[event.Ref] = event.Object
		return l.store.Upsert(event.Object) || wasRejected
	default:
		delete(l.rejections, event.Ref)
		delete(l.refused, event.Ref)
		delete(l.objects, event.Ref)
		return l.store.Delete(event.Ref) || wasRejected
	}
}

func (l *loop) reject(event watch.Event, message string) {
	var generation int64
	if event.Object != nil {
		generation = event.Object.GetGeneration()
	}
	l.rejections[event.Ref] = status.Rejected{Generation: generation, Message: l.stillServed(event.Ref, message)}
}

func (l *loop) stillServed(ref store.Ref, message string) string {
	if served := l.objects[ref]; served != nil {
		return fmt.Sprintf("%s (generation %d is still served)", message, served.GetGeneration())
	}
	return message
}

func (l *loop) tryCompile() (output *compile.Output, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			output, err = nil, fmt.Errorf("panic: %v", cause)
			l.log.Debug("the compiler panicked", "error", err, "stack", string(debug.Stack()))
		}
	}()
	return l.compile(l.store), nil
}

// publish hands a configuration to Envoy, and its reports to the tracker.
func (l *loop) publish(output *compile.Output, events int, start time.Time) {
	compiled := time.Now()
	revision, err := l.server.Update(append(resources(output), l.fixed...))
	if err != nil {
		l.log.Error("the configuration cannot be published; the last one stays in force", "error", err)
		return
	}
	now := time.Now()
	l.track(output.Reports, revision, now)
	l.record(output, revision)
	l.metrics.passed(compiled.Sub(start), output)
	args := []any{"revision", revision, "changes", events, "mappings", len(l.store.Mappings()), "took", now.Sub(start).Round(time.Microsecond)}
	switch {
	case !l.started:
		l.log.Info("first configuration published", args...)
	case revision != l.revision:
		l.log.Info("configuration updated", args...)
	default:
		l.log.Debug("configuration unchanged", args...)
	}
	l.started, l.revision, l.reports = true, revision, output.Reports
}

// track hands the tracker what changed since the configuration before.
func (l *loop) track(reports map[store.Ref]*compile.Report, revision uint64, now time.Time) {
	changed, rejected := map[store.Ref]*compile.Report{}, map[store.Ref]*status.Rejected{}
	maps.Copy(changed, reports)
	for ref := range l.reports {
		if reports[ref] == nil {
			changed[ref] = nil
		}
	}
	for ref := range l.tracked {
		rejected[ref] = nil
	}
	for ref, rejection := range l.rejections {
		rejected[ref] = &rejection
	}
	l.tracker.Compiled(changed, rejected, revision, now)
	l.tracked = maps.Clone(l.rejections)
}

func (l *loop) acknowledged(state xds.State) {
	l.tracker.Acknowledged(state, time.Now())
}
