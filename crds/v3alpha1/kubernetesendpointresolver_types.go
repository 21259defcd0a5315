package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// KubernetesEndpointResolverSpec has no settings of its own.
type KubernetesEndpointResolverSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`
}

// KubernetesEndpointResolver sends requests to a Service's pods directly, so
// that Envoy chooses among them as `load_balancer` says. The ones called
// `kubernetes-endpoint` and `endpoint` are always there.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type KubernetesEndpointResolver struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   KubernetesEndpointResolverSpec `json:"spec,omitempty"`
	Status Status                         `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (k *KubernetesEndpointResolver) GetAmbassadorID() AmbassadorID { return k.Spec.AmbassadorID }

// GetConditions implements [Object].
func (k *KubernetesEndpointResolver) GetConditions() *[]metav1.Condition { return &k.Status.Conditions }

// GetInstances implements [Object].
func (k *KubernetesEndpointResolver) GetInstances() *[]InstanceStatus { return &k.Status.Instances }

// KubernetesEndpointResolverList is a list of KubernetesEndpointResolvers.
//
// +kubebuilder:object:root=true
type KubernetesEndpointResolverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KubernetesEndpointResolver `json:"items"`
}
