package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConsulResolverSpec says which Consul to ask.
type ConsulResolverSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Address of the Consul agent, `host:port`. Environment variables of the
	// controller are filled in, such as `${HOST_IP}`.
	// +optional
	Address string `json:"address,omitempty"`

	// Consul datacenter to look services up in. Needed for the resolver to work.
	// +optional
	Datacenter string `json:"datacenter,omitempty"`
}

// ConsulResolver looks services up in Consul. A Mapping names it in
// `resolver`.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.address`
// +kubebuilder:printcolumn:name="Datacenter",type=string,JSONPath=`.spec.datacenter`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ConsulResolver struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ConsulResolverSpec `json:"spec,omitempty"`
	Status Status             `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (c *ConsulResolver) GetAmbassadorID() AmbassadorID { return c.Spec.AmbassadorID }

// GetConditions implements [Object].
func (c *ConsulResolver) GetConditions() *[]metav1.Condition { return &c.Status.Conditions }

// GetInstances implements [Object].
func (c *ConsulResolver) GetInstances() *[]InstanceStatus { return &c.Status.Instances }

// ConsulResolverList is a list of ConsulResolvers.
//
// +kubebuilder:object:root=true
type ConsulResolverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ConsulResolver `json:"items"`
}
