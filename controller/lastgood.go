package controller

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// referred are the kinds that others refer to, or whose settings have a say in whether others are valid.
var referred = map[string]bool{
	"Module": true, "TLSContext": true, "Host": true, "Secret": true,
	"KubernetesEndpointResolver": true, "KubernetesServiceResolver": true, "ConsulResolver": true,
}

// withRefused adds the refused versions to a batch that may have made them valid.
func (l *loop) withRefused(events []watch.Event) []watch.Event {
	tryAgain, named := false, map[store.Ref]bool{}
	for _, event := range events {
		tryAgain = tryAgain || referred[event.Ref.Kind]
		named[event.Ref] = true
	}
	if tryAgain {
		for ref, object := range l.refused {
			if !named[ref] {
				events = append(events, watch.Event{Ref: ref, Object: object})
			}
		}
	}
	return events
}

// inForce returns the versions that a batch is about to replace.
func (l *loop) inForce(events []watch.Event) map[store.Ref]metav1.Object {
	before := make(map[store.Ref]metav1.Object, len(events))
	for _, event := range events {
		if object := l.objects[event.Ref]; object != nil && event.Object != nil {
			before[event.Ref] = object
		}
	}
	return before
}

// keepLastGood puts the versions before back in force where the compiler refuses what just replaced them: a bad edit
// must not take down what was served. It compiles again if there were any.
func (l *loop) keepLastGood(delta *compile.Delta, before map[store.Ref]metav1.Object) *compile.Delta {
	restored := false
	for ref, object := range before {
		newest := l.objects[ref]
		message, refused := refusal(delta.Reports[ref])
		_, refusedBefore := refusal(l.published.reports[ref])
		if !refused || refusedBefore || newest == nil || newest == object {
			continue
		}
		l.store.Upsert(object)
		l.objects[ref] = object
		l.refused[ref] = newest
		l.rejections[ref] = l.outOfForce(ref, newest.GetGeneration(), message)
		restored = true
	}
	if !restored {
		return delta
	}
	again, err := l.tryCompile()
	if err != nil {
		l.log.Error("the configuration cannot be compiled", "error", err)
		return delta
	}
	return delta.Then(again)
}

// refusal says why the compiler refuses an object for what it says itself; what others lack is not its fault and no
// reason to go back.
func refusal(report *compile.Report) (message string, refused bool) {
	if report == nil {
		return "", false
	}
	var messages []string
	for _, problem := range report.Problems {
		if problem.Condition == v3alpha1.ConditionAccepted && problem.Severity == compile.Error && problem.Reason == compile.ReasonInvalid {
			messages = append(messages, problem.Message)
		}
	}
	return strings.Join(messages, "; "), len(messages) > 0
}

// reject notes that the version of an event is not in force.
func (l *loop) reject(event watch.Event, message string) {
	var generation int64
	if event.Object != nil {
		generation = event.Object.GetGeneration()
	}
	l.rejections[event.Ref] = l.outOfForce(event.Ref, generation, message)
}

// outOfForce says why a generation of an object is not in force, and which one is.
func (l *loop) outOfForce(ref store.Ref, generation int64, message string) status.Rejected {
	switch served := l.objects[ref]; {
	case served == nil:
	case isStandIn(served):
		message += "; every request but the probes is refused until this is corrected"
	case served.GetGeneration() != generation:
		message = fmt.Sprintf("%s (generation %d is still served)", message, served.GetGeneration())
	}
	return status.Rejected{Generation: generation, Message: message}
}

// trial is a version in force of which Envoy's answer is awaited.
type trial struct {
	// before is the last version that Envoy accepted, nil when it accepted none.
	before metav1.Object
	// revision is the first configuration that carries the version; 0 until it is published.
	revision uint64
}

// try notes that another version is about to take the place of the one in force. The one that Envoy accepted last is
// remembered until Envoy accepts a later one.
func (l *loop) try(ref store.Ref) {
	before := l.objects[ref]
	if last, onTrial := l.trials[ref]; onTrial {
		before = last.before
	}
	l.trials[ref] = trial{before: before}
}

// toldEnvoy notes the revision that carries the versions on trial.
func (l *loop) toldEnvoy(revision uint64) {
	for ref, t := range l.trials {
		if t.revision == 0 {
			l.trials[ref] = trial{t.before, revision}
		}
	}
}

// prove ends the trials of the versions that Envoy serves: it has answered, and refuses nothing that was made of them.
func (l *loop) prove() {
	refused := func(id compile.ResourceID) bool {
		return slices.ContainsFunc(l.state.Rejected, func(r xds.Rejection) bool { return r.ID == xds.ID(id) })
	}
	for ref, t := range l.trials {
		if t.revision == 0 || t.revision > l.state.Acknowledged {
			continue
		}
		if report := l.published.reports[ref]; report == nil || !slices.ContainsFunc(report.Resources, refused) {
			delete(l.trials, ref)
		}
	}
	if len(l.trials) == 0 {
		l.trials = map[store.Ref]trial{} // a map keeps the room of the most it ever held
	}
}
