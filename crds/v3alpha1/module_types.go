package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ModuleSpec is the configuration of one part of the whole instance.
type ModuleSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Settings, free-form. Those of the Module called `ambassador` are the
	// defaults of the whole instance. What a Mapping can set for itself:
	// `cluster_request_timeout_ms` (default 3000), `resolver`
	// (`kubernetes-service`), `load_balancer`, `circuit_breakers`,
	// `retry_policy`, `cors`, `keepalive`. How requests are read:
	// `use_remote_address`, `strip_matching_host_port`, `merge_slashes`,
	// `reject_requests_with_escaped_slashes`. The access log:
	// `envoy_log_type`, `envoy_log_format`, `envoy_log_path`. HTTP filters:
	// `gzip`, `buffer`, `lua_scripts`, `ip_allow`, `ip_deny`. Whether and
	// where those pages are routed: `diagnostics`, `liveness_probe`,
	// `readiness_probe`.
	Config UntypedObject `json:"config"`
}

// Module holds settings for a whole instance. There is one per instance that
// matters, and it is called `ambassador`; Modules with unknown names have no
// effect.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Module struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ModuleSpec `json:"spec,omitempty"`
	Status Status     `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (m *Module) GetAmbassadorID() AmbassadorID { return m.Spec.AmbassadorID }

// GetConditions implements [Object].
func (m *Module) GetConditions() *[]metav1.Condition { return &m.Status.Conditions }

// GetInstances implements [Object].
func (m *Module) GetInstances() *[]InstanceStatus { return &m.Status.Instances }

// ModuleList is a list of Modules.
//
// +kubebuilder:object:root=true
type ModuleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Module `json:"items"`
}
