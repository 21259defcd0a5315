package controller

import (
	"context"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// admit leaves out of a batch the versions that Envoy is known to refuse. What is in force stays; where nothing is, an
// object that stops requests is let in as far as can be, for without it they would pass.
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
			event.Object = standIn(event.Object)
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
	l.quarantine.Look(ctx, l.state.Rejected, l.inQuestion)
	if l.due == 0 {
		l.due = l.revision
	}
	searching := len(l.state.Rejected) > 0 && l.quarantine.Busy()
	l.tracker.Searching(searching)
	if l.state.Acknowledged >= l.due && !searching {
		l.settled.Store(true)
	}
}

// inQuestion is what may be at fault when Envoy refuses a resource. The objects themselves never change.
func (l *loop) inQuestion(id compile.ResourceID) quarantine.InForce {
	trials := make(map[store.Ref]metav1.Object, len(l.trials))
	for ref, t := range l.trials {
		trials[ref] = t.before
	}
	return quarantine.InForce{Objects: maps.Clone(l.objects), Owners: l.tracker.MadeOf(id), Trials: trials}
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

// withdraw takes a version out of force that Envoy refuses: the one that Envoy accepted last comes back, or nothing; in
// place of an object that stops requests its stand-in. It reports whether what is in force is another.
func (l *loop) withdraw(finding quarantine.Finding) (withdrawn bool) {
	ref := finding.Ref
	if !quarantine.Same(l.objects[ref], finding.Object) {
		return false
	}
	next := l.trials[ref].before
	if quarantine.Same(next, finding.Object) {
		next = nil
	}
	if next == nil && quarantine.Irreplaceable(ref.Kind) {
		if next = standIn(finding.Object); next == finding.Object {
			return false
		}
	}
	if next == nil {
		delete(l.objects, ref)
		l.store.Delete(ref)
	} else {
		l.objects[ref] = next
		l.store.Upsert(next)
	}
	delete(l.trials, ref)
	return true
}

// refusedProto is no protocol of an AuthService. The compiler refuses all requests for the sake of such an AuthService.
const refusedProto = "refused by Envoy"

// standIn takes the place of an object that stops requests, where Envoy refuses it and has accepted no version before it:
// of an AuthService, one that stops all of them. Others are their own stand-in, and hold their listeners back.
func standIn(object metav1.Object) metav1.Object {
	auth, ok := object.(*v3alpha1.AuthService)
	if !ok {
		return object
	}
	auth = auth.DeepCopy()
	auth.Spec.Proto = refusedProto
	return auth
}

func isStandIn(object metav1.Object) bool {
	auth, ok := object.(*v3alpha1.AuthService)
	return ok && auth.Spec.Proto == refusedProto
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
