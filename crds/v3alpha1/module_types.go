package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ModuleSpec is the configuration of one part of the whole instance.
type ModuleSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Settings, free-form. Which ones there are depends on the name of the
	// Module; of those, `ambassador` holds the defaults for the whole
	// instance, among them:
	//
	// - `cluster_request_timeout_ms` (3000), `cluster_idle_timeout_ms`,
	//   `listener_idle_timeout_ms`: timeouts where a Mapping sets none;
	// - `resolver` (`kubernetes-service`), `load_balancer`, `circuit_breakers`,
	//   `retry_policy`, `cors`, `keepalive`: the same fields of a Mapping
	//   where it sets none;
	// - `diagnostics`, `liveness_probe`, `readiness_probe`: whether and where
	//   those pages are routed;
	// - `use_remote_address`, `strip_matching_host_port`, `merge_slashes`,
	//   `reject_requests_with_escaped_slashes`: how requests are read;
	// - `envoy_log_type`, `envoy_log_format`, `envoy_log_path`: the access log;
	// - `gzip`, `lua_scripts`, `ip_allow`, `ip_deny`, `buffer`: HTTP filters.
	//
	// `tls` and `authentication` are old names for what TLSContext and
	// AuthService do now.
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

// ModuleList is a list of Modules.
//
// +kubebuilder:object:root=true
type ModuleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Module `json:"items"`
}
