package v3alpha1

// LabelDomains maps a rate limit domain to the label groups that the
// RateLimitService of that domain gets. Each group becomes one descriptor.
type LabelDomains map[string]LabelGroups

// LabelGroups is a list of label groups.
type LabelGroups []LabelGroup

// LabelGroup is one named group of labels: a map with a single key.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type LabelGroup map[string]Labels

// Labels is a list of labels, in the order in which the RateLimitService gets them.
type Labels []Label

// Label is one entry of a descriptor: exactly one of its fields.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Label struct {
	// The cluster that the request comes from: Envoy's own name.
	// +optional
	SourceCluster *SourceClusterLabel `json:"source_cluster,omitempty"`

	// The cluster that the request goes to.
	// +optional
	DestinationCluster *DestinationClusterLabel `json:"destination_cluster,omitempty"`

	// The value of a request header. Without that header, the whole group is
	// left out of the request.
	// +optional
	RequestHeaders *RequestHeadersLabel `json:"request_headers,omitempty"`

	// The client's address.
	// +optional
	RemoteAddress *RemoteAddressLabel `json:"remote_address,omitempty"`

	// A fixed value.
	// +optional
	GenericKey *GenericKeyLabel `json:"generic_key,omitempty"`
}

// SourceClusterLabel is the name of the cluster that a request comes from.
type SourceClusterLabel struct {
	// Always `source_cluster`.
	// +kubebuilder:validation:Enum=source_cluster
	Key string `json:"key"`
}

// DestinationClusterLabel is the name of the cluster that a request goes to.
type DestinationClusterLabel struct {
	// Always `destination_cluster`.
	// +kubebuilder:validation:Enum=destination_cluster
	Key string `json:"key"`
}

// RequestHeadersLabel is the value of a request header.
type RequestHeadersLabel struct {
	// Key of the entry.
	Key string `json:"key"`

	// Name of the header whose value becomes the entry's.
	HeaderName string `json:"header_name"`

	// Accepted for compatibility; has no effect. Without the header, the
	// whole group is left out.
	// +optional
	OmitIfNotPresent *bool `json:"omit_if_not_present,omitempty"`
}

// RemoteAddressLabel is the client's address.
type RemoteAddressLabel struct {
	// Always `remote_address`.
	// +kubebuilder:validation:Enum=remote_address
	Key string `json:"key"`
}

// GenericKeyLabel is a fixed entry.
type GenericKeyLabel struct {
	// Key of the entry. Default: `generic_key`.
	// +optional
	Key string `json:"key,omitempty"`

	// Value of the entry.
	Value string `json:"value"`

	// Whether the label was a plain string in getambassador.io/v2. Only
	// conversion between API versions reads it.
	// +optional
	V2Shorthand *bool `json:"v2Shorthand,omitempty"`
}
