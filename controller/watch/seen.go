package watch

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"terraform-provider-emissary/crds/v3alpha1"
)

// Seen is what was last seen of an object in the API as far as its status is concerned. It is shared and must not be
// changed.
type Seen struct {
	UID             types.UID
	ResourceVersion string
	Generation      int64
	AmbassadorID    v3alpha1.AmbassadorID
	// Conditions and Instances are those of the status.
	Conditions []metav1.Condition
	Instances  []v3alpha1.InstanceStatus
	// Unusable is set when the object's content does not fit its type, so that its status is not known.
	Unusable bool

	// object is the one its reader was given last.
	object v3alpha1.Object
}

// SeenOf returns what there is to see of a getambassador.io object.
func SeenOf(object v3alpha1.Object) *Seen {
	return &Seen{
		UID: object.GetUID(), ResourceVersion: object.GetResourceVersion(), Generation: object.GetGeneration(),
		AmbassadorID: object.GetAmbassadorID(),
		Conditions:   *object.GetConditions(), Instances: *object.GetInstances(),
		object: object,
	}
}

// seenOf is nil for Kubernetes' own objects.
func seenOf(object metav1.Object) *Seen {
	switch o := object.(type) {
	case *unusable:
		return &Seen{UID: o.UID, ResourceVersion: o.ResourceVersion, Generation: o.Generation, AmbassadorID: o.ids, Unusable: true}
	case v3alpha1.Object:
		return SeenOf(o)
	}
	return nil
}

// sameBut reports whether two versions of an object differ in nothing but the status. A reader that keeps objects is
// given the one that it has: each status is written once at least, and would else double what objects take.
func (s *Seen) sameBut(newer *Seen) bool {
	a, b := s.object, newer.object
	return a != nil && b != nil && a.GetUID() == b.GetUID() && a.GetGeneration() == b.GetGeneration() &&
		a.GetDeletionTimestamp().Equal(b.GetDeletionTimestamp()) &&
		maps.Equal(a.GetLabels(), b.GetLabels()) && maps.Equal(a.GetAnnotations(), b.GetAnnotations())
}
