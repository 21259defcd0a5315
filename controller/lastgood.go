package controller

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
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
		l.rejections[ref] = status.Rejected{Generation: newest.GetGeneration(), Message: l.stillServed(ref, message)}
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
