package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RateLimitServiceSpec says which service counts requests.
type RateLimitServiceSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// The service that counts, by Envoy's gRPC rate limit protocol:
	// `[scheme://]service[.namespace][:port]`. `https://` originates TLS.
	Service string `json:"service"`

	// Version of the protocol. Only `v3` exists in today's Envoy, and it has
	// to be written.
	// +optional
	// +kubebuilder:validation:Enum=v2;v3
	ProtocolVersion string `json:"protocol_version,omitempty"`

	// Which of the label domains of a Mapping the service gets, and the
	// domain it is asked about. Default: the `ambassador` Module's
	// `default_label_domain`, or `ambassador`.
	// +optional
	Domain string `json:"domain,omitempty"`

	// Name of the TLSContext to originate TLS to the service with.
	// +optional
	TLS string `json:"tls,omitempty"`

	// Time to wait for the answer, in milliseconds. Default: 20.
	// +optional
	TimeoutMs *int `json:"timeout_ms,omitempty"`

	// Refuse requests (500) while the service cannot be reached. Default: `false`.
	// +optional
	FailureModeDeny *bool `json:"failure_mode_deny,omitempty"`

	// How limited gRPC requests are answered.
	// +optional
	GRPC *RateLimitServiceGRPC `json:"grpc,omitempty"`

	// Name of the cluster in Envoy's statistics. Default: the service, with
	// everything but letters and digits replaced by `_`.
	// +optional
	StatsName string `json:"stats_name,omitempty"`

	// How `tls` was spelled in getambassador.io/v2. Only conversion between
	// API versions reads it.
	// +optional
	V2ExplicitTLS *V2ExplicitTLS `json:"v2ExplicitTLS,omitempty"`
}

// RateLimitServiceGRPC says how limited gRPC requests are answered.
type RateLimitServiceGRPC struct {
	// Answer with the gRPC status `RESOURCE_EXHAUSTED` instead of
	// `UNAVAILABLE`. Default: `false`.
	// +optional
	UseResourceExhaustedCode *bool `json:"use_resource_exhausted_code,omitempty"`
}

// RateLimitService asks a service whether a request is within its rate limit.
// What is counted is said by the labels of each Mapping.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.service`
// +kubebuilder:printcolumn:name="Domain",type=string,JSONPath=`.spec.domain`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RateLimitService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   RateLimitServiceSpec `json:"spec,omitempty"`
	Status Status               `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (r *RateLimitService) GetAmbassadorID() AmbassadorID { return r.Spec.AmbassadorID }

// GetConditions implements [Object].
func (r *RateLimitService) GetConditions() *[]metav1.Condition { return &r.Status.Conditions }

// GetInstances implements [Object].
func (r *RateLimitService) GetInstances() *[]InstanceStatus { return &r.Status.Instances }

// RateLimitServiceList is a list of RateLimitServices.
//
// +kubebuilder:object:root=true
type RateLimitServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RateLimitService `json:"items"`
}
