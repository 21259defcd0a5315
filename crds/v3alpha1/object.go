package v3alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Object is what every kind of this package can do, so that code which serves
// all of them needs no type switch.
//
// +kubebuilder:object:generate=false
type Object interface {
	metav1.Object
	runtime.Object

	// GetAmbassadorID returns the instances that the object asks to be served
	// by, as written: an empty list stands for "default".
	GetAmbassadorID() AmbassadorID

	// GetConditions returns the place where the object keeps its conditions.
	// It is never nil and writing through it changes the object.
	GetConditions() *[]metav1.Condition

	// GetInstances returns the place where the object keeps what each of
	// several instances reports. It is never nil and writing through it changes
	// the object.
	GetInstances() *[]InstanceStatus
}

// The condition types that the controller writes on every object it serves.
const (
	// ConditionAccepted is true when the object is valid and belongs to this instance.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs is true when every secret, service, TLSContext,
	// resolver and Host that the object names exists.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed is true when Envoy has acknowledged a configuration
	// made from this generation of the object.
	ConditionProgrammed = "Programmed"
)

// ReasonPending is the reason of a Programmed condition that is not final yet:
// Envoy has been sent the configuration and has not answered.
const ReasonPending = "Pending"

// Status is what the controller reports about an object.
type Status struct {
	// What the controller made of the object: `Accepted` (it is valid and
	// belongs to this instance), `ResolvedRefs` (everything it refers to
	// exists) and `Programmed` (Envoy runs with it). Each carries the
	// generation of the object that it speaks about.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Where `ambassador_id` lets several instances serve the object: what each
	// of them made of it. `conditions` then are those of the first one in
	// `ambassador_id` that reports.
	// +optional
	// +listType=map
	// +listMapKey=ambassador_id
	Instances []InstanceStatus `json:"instances,omitempty"`
}

// InstanceStatus is what one of several instances reports about an object.
type InstanceStatus struct {
	// The instance (its `AMBASSADOR_ID`).
	AmbassadorID string `json:"ambassador_id"`

	// As the `conditions` of the object.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
