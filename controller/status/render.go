package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/crds/v3alpha1"
)

// render returns the status as the object of a server-side apply: the conditions where their place is, and beside those
// at the top the fields that Emissary's Mapping and Host have had for longer. The uid makes a write fail that was meant
// for an object since deleted and made anew.
func render(update Update, id string, seen *watch.Seen, at place, now metav1.Time) *unstructured.Unstructured {
	object := skeleton(update.Ref, seen.UID)
	status := map[string]any{}
	object.Object["status"] = status
	if at.entry {
		own, _ := own(seen, id)
		status["instances"] = []any{map[string]any{"ambassador_id": id, "conditions": list(update.Conditions(own, now))}}
	}
	if !at.top {
		return object
	}
	status["conditions"] = list(update.Conditions(seen.Conditions, now))
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
	return object
}

// list converts conditions to what an unstructured object holds.
func list(conditions []metav1.Condition) []any {
	list := make([]any, len(conditions))
	for i := range conditions {
		condition, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&conditions[i])
		if err != nil {
			panic(fmt.Sprintf("condition %s: %v", conditions[i].Type, err)) // plain strings and numbers
		}
		list[i] = condition
	}
	return list
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
