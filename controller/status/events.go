package status

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/crds/v3alpha1"
)

// mostEventText bounds the message of an Event; the API has it at 1024 bytes.
const mostEventText = 1000

// record makes an Event of an object that stopped or resumed working, or fails for another reason than before. It
// follows a write that changed something, so that neither a resync nor a new leader makes any. A first success is none
// either: at the start of a controller that would be an Event for every object. The recorder joins what repeats itself.
func (w *Writer) record(ref store.Ref, seen *watch.Seen, before []metav1.Condition, update Update) {
	if w.options.Events == nil || update.pending() {
		return // nothing is decided
	}
	failure, reason := update.failure(), ""
	if failure != nil {
		reason = failure.Reason
	}
	if w.transition(ref, failureIn(before), reason) {
		return
	}
	reference := &corev1.ObjectReference{
		APIVersion: v3alpha1.GroupVersion.String(), Kind: ref.Kind,
		Namespace: ref.Namespace, Name: ref.Name, UID: seen.UID, ResourceVersion: seen.ResourceVersion,
	}
	if failure == nil {
		w.options.Events.Event(reference, corev1.EventTypeNormal, v3alpha1.ConditionProgrammed, "served by Envoy again")
		return
	}
	message := failure.Message
	if len(message) > mostEventText {
		message = strings.ToValidUTF8(message[:mostEventText], "") + "…"
	}
	w.options.Events.Event(reference, corev1.EventTypeWarning, reason, message)
}

// transition notes why an object fails, and reports whether it is the same as before: as this leader noted last, even
// if Envoy's answer was awaited in between, or as the conditions said before its first word.
func (w *Writer) transition(ref store.Ref, before, reason string) (same bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if noted, known := w.failing[ref]; known {
		before = noted
	}
	w.failing[ref] = reason
	return before == reason
}

// failureIn returns the reason for which an object fails according to its conditions; empty when it does not.
func failureIn(conditions []metav1.Condition) string {
	update := Update{Accepted: Verdict{True: true}, ResolvedRefs: Verdict{True: true}, Programmed: Verdict{True: true}}
	for _, condition := range conditions {
		verdict := Verdict{True: condition.Status == metav1.ConditionTrue, Reason: condition.Reason}
		switch condition.Type {
		case v3alpha1.ConditionAccepted:
			update.Accepted = verdict
		case v3alpha1.ConditionResolvedRefs:
			update.ResolvedRefs = verdict
		case v3alpha1.ConditionProgrammed:
			update.Programmed = verdict
		}
	}
	if failure := update.failure(); failure != nil {
		return failure.Reason
	}
	return ""
}
