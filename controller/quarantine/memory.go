package quarantine

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Same reports whether two objects are the same version of one: nothing that matters differs. Nil is no version.
func Same(a, b metav1.Object) bool {
	if a == nil || b == nil {
		return false
	}
	both := store.New()
	both.Upsert(a)
	return a == b || !both.Upsert(b)
}

// remembered returns what an instance said in the status of an object that Envoy refuses.
func remembered(object metav1.Object, id string) (words string, refused bool) {
	typed, ok := object.(v3alpha1.Object)
	if !ok {
		return "", false
	}
	conditions := *typed.GetConditions()
	if !typed.GetAmbassadorID().Only(id) { // they may be another instance's
		conditions = nil
		for _, instance := range *typed.GetInstances() {
			if instance.AmbassadorID == id {
				conditions = instance.Conditions
			}
		}
	}
	for _, condition := range conditions {
		if condition.Type == v3alpha1.ConditionProgrammed && condition.Status == metav1.ConditionFalse &&
			condition.Reason == status.ReasonRejectedByEnvoy && condition.ObservedGeneration == object.GetGeneration() {
			return condition.Message, true
		}
	}
	return "", false
}
