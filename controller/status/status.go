// Package status tells the authors of objects what became of them: the conditions Accepted, ResolvedRefs and Programmed
// on every getambassador.io object, the state field that Emissary's own kinds have, and Kubernetes Events.
//
// A Tracker works out what there is to say, from what the compiler reported and what Envoy acknowledged. A Sink says it:
// a Writer to the API server, on the elected leader only, or a Log where there is no API server. Sinks never make the
// tracker wait.
package status

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Reasons of a Programmed condition that is false because of Envoy.
const (
	// ReasonRejectedByEnvoy: Envoy refuses the object. The message is Envoy's own.
	ReasonRejectedByEnvoy = "RejectedByEnvoy"
	// ReasonHeldBack: Envoy refuses a resource that was made of the object and of others, and whose fault it is was not
	// found.
	ReasonHeldBack = "HeldBack"
)

// Update is what there is to say about one object.
type Update struct {
	Ref store.Ref
	// Generation is the metadata.generation that the conditions speak about.
	Generation int64
	// Accepted, ResolvedRefs and Programmed are the verdicts.
	Accepted, ResolvedRefs, Programmed Verdict
}

// Verdict is one condition without its bookkeeping.
type Verdict struct {
	True            bool
	Reason, Message string
}

// Conditions renders the update as the conditions of the object. Where a condition had the same status before, it keeps
// its transition time.
func (u Update) Conditions(before []metav1.Condition, now metav1.Time) []metav1.Condition {
	conditions := make([]metav1.Condition, 0, 3)
	for _, part := range []struct {
		kind    string
		verdict Verdict
	}{
		{v3alpha1.ConditionAccepted, u.Accepted},
		{v3alpha1.ConditionResolvedRefs, u.ResolvedRefs},
		{v3alpha1.ConditionProgrammed, u.Programmed},
	} {
		condition := metav1.Condition{
			Type:               part.kind,
			Status:             metav1.ConditionFalse,
			ObservedGeneration: u.Generation,
			LastTransitionTime: now,
			Reason:             part.verdict.Reason,
			Message:            part.verdict.Message,
		}
		if part.verdict.True {
			condition.Status = metav1.ConditionTrue
		}
		if i := slices.IndexFunc(before, func(c metav1.Condition) bool { return c.Type == part.kind }); i >= 0 && before[i].Status == condition.Status {
			condition.LastTransitionTime = before[i].LastTransitionTime
		}
		conditions = append(conditions, condition)
	}
	return conditions
}

// failure returns the first false verdict in the order in which they matter, nil when all is well or still pending.
func (u Update) failure() *Verdict {
	for _, verdict := range []*Verdict{&u.Accepted, &u.Programmed, &u.ResolvedRefs} {
		if !verdict.True && verdict.Reason != v3alpha1.ReasonPending {
			return verdict
		}
	}
	return nil
}

// pending reports whether Envoy's answer is still awaited.
func (u Update) pending() bool {
	return !u.Programmed.True && u.Programmed.Reason == v3alpha1.ReasonPending
}

// Sink passes updates on. Its methods are called by one goroutine and must not block.
type Sink interface {
	// Report says what is true of an object now. Only the newest update of an object counts.
	Report(Update)
	// Forget tells that there is nothing to say about an object any more: it is gone, or not this instance's.
	Forget(store.Ref)
}

// verdict sums up the problems of one condition. Errors make it false; warnings are mentioned only.
func verdict(condition string, problems []compile.Problem) Verdict {
	var errors, warnings []string
	result := Verdict{True: true, Reason: condition}
	for _, problem := range problems {
		switch {
		case problem.Condition != condition:
		case problem.Severity == compile.Warning:
			warnings = append(warnings, problem.Message)
		default:
			if result.True {
				result.True, result.Reason = false, problem.Reason
			}
			errors = append(errors, problem.Message)
		}
	}
	result.Message = shorten(strings.Join(slices.Concat(errors, warnings), "; "))
	return result
}

// mostMessage is within the 32768 bytes that the API allows, and within what a person reads. Where Envoy refuses what
// thousands of objects have in common, each of them keeps the message several times.
const mostMessage = 2048

// shorten leaves out the middle of a long message: Envoy begins with what it refuses, quotes it, and ends with the cause.
func shorten(message string) string {
	if len(message) <= mostMessage {
		return message
	}
	const half = mostMessage / 2
	return strings.ToValidUTF8(message[:half], "") + " … " + strings.ToValidUTF8(message[len(message)-half:], "")
}
