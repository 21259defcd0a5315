package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// render returns the status as the object of a server-side apply: the conditions, and the fields that Emissary's Mapping
// and Host have had for longer. The uid makes a write fail that was meant for an object since deleted and made anew.
func render(update Update, uid types.UID, conditions []metav1.Condition) *unstructured.Unstructured {
	list := make([]any, len(conditions))
	for i := range conditions {
		condition, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&conditions[i])
		if err != nil {
			panic(fmt.Sprintf("condition %s: %v", conditions[i].Type, err)) // plain strings and numbers
		}
		list[i] = condition
	}
	status := map[string]any{"conditions": list}
	failure := update.failure()
	switch update.Ref.Kind {
	case "Mapping":
		status["state"], status["reason"] = "Running", ""
		if failure != nil && !update.Programmed.True {
			status["state"], status["reason"] = "Inactive", failure.Message
		}
	case "Host":
		switch {
		case failure != nil && !update.Programmed.True:
			status["state"], status["errorReason"] = "Error", failure.Message
		case update.pending():
			status["state"] = "Pending"
		default:
			status["state"] = "Ready"
		}
	}
	object := skeleton(update.Ref, uid)
	object.Object["status"] = status
	return object
}

// skeleton names an object and says nothing about it.
func skeleton(ref store.Ref, uid types.UID) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetGroupVersionKind(v3alpha1.GroupVersion.WithKind(ref.Kind))
	object.SetNamespace(ref.Namespace)
	object.SetName(ref.Name)
	if uid != "" {
		object.SetUID(uid)
	}
	return object
}

// record makes an Event of an object that stopped or resumed working. A first success is none: at the start of a
// controller that would be an Event for every object.
func (w *Writer) record(object metav1.Object, update Update, before []metav1.Condition) {
	if w.options.Events == nil {
		return
	}
	reference := &corev1.ObjectReference{
		APIVersion: v3alpha1.GroupVersion.String(), Kind: update.Ref.Kind,
		Namespace: update.Ref.Namespace, Name: update.Ref.Name, UID: object.GetUID(), ResourceVersion: object.GetResourceVersion(),
	}
	failed := false
	for _, condition := range before {
		failed = failed || condition.Status == metav1.ConditionFalse && condition.Reason != v3alpha1.ReasonPending
	}
	switch failure := update.failure(); {
	case failure != nil:
		w.options.Events.Event(reference, corev1.EventTypeWarning, failure.Reason, failure.Message)
	case failed && !update.pending():
		w.options.Events.Event(reference, corev1.EventTypeNormal, v3alpha1.ConditionProgrammed, "served by Envoy again")
	}
}
