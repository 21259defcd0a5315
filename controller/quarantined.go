package controller

import (
	"context"
	"maps"
	"time"

	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
)

// admit leaves out of a batch the versions that Envoy is known to refuse. What is in force stays; where nothing is,
// an object that stops requests is let in all the same, for without it they would pass.
func (l *loop) admit(events []watch.Event) []watch.Event {
	admitted := make([]watch.Event, 0, len(events))
	for _, event := range events {
		inForce := l.objects[event.Ref]
		switch {
		case event.Object == nil:
			l.quarantine.Forget(event.Ref)
		case l.quarantine.Holds(event.Object, inForce):
			delete(l.rejections, event.Ref) // they are about a version before this one
			delete(l.refused, event.Ref)
			if inForce != nil || !quarantine.Irreplaceable(event.Ref.Kind) {
				continue
			}
		}
		if referred[event.Ref.Kind] {
			l.quarantine.Recheck()
		}
		admitted = append(admitted, event)
	}
	return admitted
}

// acknowledged takes Envoy's answers.
func (l *loop) acknowledged(state xds.State) {
	l.state = state
	l.prove()
	l.tracker.Acknowledged(state, time.Now())
}

// look has the quarantine look into what Envoy refuses. An answer to an older configuration than the one published last
// may be about versions that are not in force any more; the next one follows at once.
func (l *loop) look(ctx context.Context) {
	if !l.started || l.state.Revision < l.revision {
		return
	}
	l.quarantine.Look(ctx, l.state.Rejected, l.tracker.MadeOf, l.objects)
	if l.due == 0 {
		l.due = l.revision
	}
	searching := len(l.state.Rejected) > 0 && l.quarantine.Busy()
	l.tracker.Searching(searching)
	if l.state.Acknowledged >= l.due && !searching {
		l.settled.Store(true)
	}
}

// found puts the outcome of a search in force: versions that Envoy refuses make room for the one that it accepted last,
// and those that it takes now come back.
func (l *loop) found(outcome quarantine.Outcome) {
	start := time.Now()
	var back []watch.Event
	withdrawn := 0
	for _, finding := range l.quarantine.Settle(outcome, l.objects) {
		if finding.Words == "" {
			back = append(back, watch.Event{Ref: finding.Ref, Object: finding.Object})
		} else if l.withdraw(finding) {
			withdrawn++
		}
	}
	if withdrawn > 0 {
		delta, err := l.tryCompile()
		if err != nil {
			l.log.Error("the configuration cannot be compiled without what Envoy refuses", "error", err)
			return
		}
		l.publish(delta, withdrawn, start)
		l.due = l.revision
	}
	l.change(back, start)
}

// withdraw takes a version out of force that Envoy refuses. It does not if the version is not in force, or if nothing can
// take the place of an object that stops requests.
func (l *loop) withdraw(finding quarantine.Finding) (withdrawn bool) {
	ref := finding.Ref
	if !quarantine.Same(l.objects[ref], finding.Object) {
		return false
	}
	switch before := l.trials[ref].before; {
	case before != nil && !quarantine.Same(before, finding.Object):
		l.objects[ref] = before
		l.store.Upsert(before)
	case quarantine.Irreplaceable(ref.Kind):
		return false
	default:
		delete(l.objects, ref)
		l.store.Delete(ref)
	}
	delete(l.trials, ref)
	return true
}

// notInForce are the objects whose newest version is not in force, and why.
func (l *loop) notInForce() map[store.Ref]status.Rejected {
	all := maps.Clone(l.rejections)
	for version, words := range l.quarantine.All() {
		ref := store.RefOf(version)
		if _, newer := all[ref]; newer {
			continue
		}
		rejection := l.outOfForce(ref, version.GetGeneration(), words)
		rejection.ByEnvoy = true
		all[ref] = rejection
	}
	return all
}
