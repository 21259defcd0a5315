package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// KubernetesServiceResolverSpec has no settings of its own.
type KubernetesServiceResolverSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`
}

// KubernetesServiceResolver sends requests to a Service's cluster IP and
// leaves the choice of a pod to Kubernetes. The one called `kubernetes-
// service` is always there.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type KubernetesServiceResolver struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   KubernetesServiceResolverSpec `json:"spec,omitempty"`
	Status Status                        `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (k *KubernetesServiceResolver) GetAmbassadorID() AmbassadorID { return k.Spec.AmbassadorID }

// GetConditions implements [Object].
func (k *KubernetesServiceResolver) GetConditions() *[]metav1.Condition { return &k.Status.Conditions }

// GetInstances implements [Object].
func (k *KubernetesServiceResolver) GetInstances() *[]InstanceStatus { return &k.Status.Instances }

// KubernetesServiceResolverList is a list of KubernetesServiceResolvers.
//
// +kubebuilder:object:root=true
type KubernetesServiceResolverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KubernetesServiceResolver `json:"items"`
}
