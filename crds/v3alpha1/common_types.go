package v3alpha1

import "k8s.io/apimachinery/pkg/runtime"

// UntypedObject is a free-form object, kept byte for byte as it was written.
//
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:validation:Type=object
type UntypedObject struct {
	runtime.RawExtension `json:",inline"`
}

// LocalReference names another object in the namespace of the one that refers to it.
//
// +structType=atomic
type LocalReference struct {
	// Name of the object.
	// +optional
	Name string `json:"name,omitempty"`
}

// SecretReference names a Secret, in any namespace.
//
// +structType=atomic
type SecretReference struct {
	// Name of the Secret. It is never split at dots.
	// +optional
	Name string `json:"name,omitempty"`

	// Namespace of the Secret. Default: the namespace of the object that
	// refers to it.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// CircuitBreaker limits what one cluster may have in flight at one priority,
// so that a slow upstream cannot take the whole proxy down with it. Requests
// over the limit are answered with 503 at once.
type CircuitBreaker struct {
	// Which priority the limits apply to: `default` or `high`. Default: `default`.
	// +optional
	// +kubebuilder:validation:Enum=default;high
	Priority string `json:"priority,omitempty"`

	// Connections to the upstream service, over all its endpoints. Default: 1024.
	// +optional
	MaxConnections *int `json:"max_connections,omitempty"`

	// Requests waiting for a connection. Default: 1024.
	// +optional
	MaxPendingRequests *int `json:"max_pending_requests,omitempty"`

	// Requests in flight; what counts for HTTP/2 upstreams, where one
	// connection carries many requests. Default: 1024.
	// +optional
	MaxRequests *int `json:"max_requests,omitempty"`

	// Retries in flight. Default: 3.
	// +optional
	MaxRetries *int `json:"max_retries,omitempty"`
}

// AddedHeader is one header to add.
type AddedHeader struct {
	// Value of the header. It may contain Envoy's substitution commands, such
	// as `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`; a literal percent sign is `%%`.
	// +optional
	Value string `json:"value,omitempty"`

	// Whether to add the value beside one that is already there (`true`) or
	// to replace it (`false`). Default: `true`.
	// +optional
	Append *bool `json:"append,omitempty"`

	// How the header was spelled in getambassador.io/v2. Only conversion
	// between API versions reads it.
	// +optional
	// +kubebuilder:validation:Enum="";string;null
	V2Representation string `json:"v2Representation,omitempty"`
}

// RegexSubstitution replaces what a regular expression matches.
type RegexSubstitution struct {
	// RE2 regular expression; every match of it in the path is replaced.
	// +optional
	Pattern string `json:"pattern,omitempty"`

	// What to put in place of each match. `\1` … `\9` stand for what the
	// groups of the pattern captured.
	// +optional
	Substitution string `json:"substitution,omitempty"`
}

// V2ExplicitTLS remembers how TLS was spelled in getambassador.io/v2. Only
// conversion between API versions reads it.
type V2ExplicitTLS struct {
	// Spelling of the scheme in front of the service: `http://` or
	// `https://` in any case, or empty.
	// +optional
	// +kubebuilder:validation:Pattern="^([hH][tT][tT][pP][sS]?://)?$"
	ServiceScheme *string `json:"serviceScheme,omitempty"`

	// Spelling of the `tls` field where its value followed from the service.
	// +optional
	// +kubebuilder:validation:Enum={"","null","bool:true","bool:false","string"}
	TLS string `json:"tls,omitempty"`
}
