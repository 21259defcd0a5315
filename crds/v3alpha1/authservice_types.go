package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AuthServiceSpec says which service decides about requests and what it gets to see.
type AuthServiceSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// The service that decides: `[scheme://]service[.namespace][:port]`.
	// `https://` originates TLS.
	AuthService string `json:"auth_service"`

	// What it speaks: `http` (the request's headers, answered by a status
	// code) or `grpc` (Envoy's external authorization protocol). Default: `http`.
	// +optional
	// +kubebuilder:validation:Enum=http;grpc
	Proto string `json:"proto,omitempty"`

	// Version of the gRPC protocol. Only `v3` exists in today's Envoy, and
	// with `proto: grpc` it has to be written.
	// +optional
	// +kubebuilder:validation:Enum=v2;v3
	ProtocolVersion string `json:"protocol_version,omitempty"`

	// What to put in front of the request's path when asking (`http` only).
	// +optional
	PathPrefix string `json:"path_prefix,omitempty"`

	// Name of the TLSContext to originate TLS to the service with.
	// +optional
	TLS string `json:"tls,omitempty"`

	// Time to wait for the decision, in milliseconds. Default: 5000.
	// +optional
	TimeoutMs *int `json:"timeout_ms,omitempty"`

	// Request headers that the service gets besides those it always gets,
	// among them `authorization` and `cookie` (`http` only).
	// +optional
	AllowedRequestHeaders []string `json:"allowed_request_headers,omitempty"`

	// Headers of the service's answer that go on to the upstream service and
	// to the client, besides those that always do (`http` only).
	// +optional
	AllowedAuthorizationHeaders []string `json:"allowed_authorization_headers,omitempty"`

	// Headers to add when asking, by name (`http` only).
	// +optional
	AddAuthHeaders map[string]string `json:"add_auth_headers,omitempty"`

	// Send the first 4096 bytes of the request's body along. Deprecated: use
	// `include_body`, which wins. Default: `false`.
	// +optional
	AllowRequestBody *bool `json:"allow_request_body,omitempty"`

	// How much of the request's body to send along. Default: nothing.
	// +optional
	IncludeBody *AuthServiceIncludeBody `json:"include_body,omitempty"`

	// Add the `l5d-dst-override` header that Linkerd routes by. Default: the
	// `ambassador` Module's, or `false`.
	// +optional
	AddLinkerdHeaders *bool `json:"add_linkerd_headers,omitempty"`

	// Let requests pass while the service cannot be reached. Default: `false`.
	// +optional
	FailureModeAllow *bool `json:"failure_mode_allow,omitempty"`

	// What clients get while the service cannot be reached. Default: 403.
	// +optional
	StatusOnError *AuthServiceStatusOnError `json:"status_on_error,omitempty"`

	// Limits on what the service may have in flight. Default: the
	// `ambassador` Module's, or Envoy's.
	// +optional
	CircuitBreakers []CircuitBreaker `json:"circuit_breakers,omitempty"`

	// Name of the cluster in Envoy's statistics. Default: the service, with
	// everything but letters and digits replaced by `_`.
	// +optional
	StatsName string `json:"stats_name,omitempty"`

	// How `tls` was spelled in getambassador.io/v2. Only conversion between
	// API versions reads it.
	// +optional
	V2ExplicitTLS *V2ExplicitTLS `json:"v2ExplicitTLS,omitempty"`
}

// AuthServiceIncludeBody says how much of a request's body the service gets.
type AuthServiceIncludeBody struct {
	// Bytes of the body to send at most.
	MaxBytes int `json:"max_bytes"`

	// Whether a longer body is cut (`true`) or refused with 413 (`false`).
	AllowPartial bool `json:"allow_partial"`
}

// AuthServiceStatusOnError is the answer while the service cannot be reached.
type AuthServiceStatusOnError struct {
	// HTTP status code. Default: 403.
	// +optional
	Code *int `json:"code,omitempty"`
}

// AuthService asks a service whether each request may pass, before it is
// routed. While the AuthService cannot be used as configured, requests are
// refused rather than let through.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.auth_service`
// +kubebuilder:printcolumn:name="Proto",type=string,JSONPath=`.spec.proto`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AuthService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   AuthServiceSpec `json:"spec,omitempty"`
	Status Status          `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (a *AuthService) GetAmbassadorID() AmbassadorID { return a.Spec.AmbassadorID }

// GetConditions implements [Object].
func (a *AuthService) GetConditions() *[]metav1.Condition { return &a.Status.Conditions }

// GetInstances implements [Object].
func (a *AuthService) GetInstances() *[]InstanceStatus { return &a.Status.Instances }

// AuthServiceList is a list of AuthServices.
//
// +kubebuilder:object:root=true
type AuthServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AuthService `json:"items"`
}
