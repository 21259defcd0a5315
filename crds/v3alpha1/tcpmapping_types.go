package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TCPMappingSpec says which connections to take and where to send them.
type TCPMappingSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Port that connections arrive on. Where no Listener opens it, the
	// TCPMapping does.
	Port int `json:"port"`

	// Address to listen on. Default: every address.
	// +optional
	Address string `json:"address,omitempty"`

	// Host name that the client must ask for by SNI. Makes Envoy terminate
	// TLS, with the TLSContext of the Host of that name or the one that
	// lists it in `hosts`. Default: every connection, as it comes.
	// +optional
	Host string `json:"host,omitempty"`

	// Where connections go: `[scheme://]service[.namespace][:port]`.
	// `https://` originates TLS.
	Service string `json:"service"`

	// Name of the resolver that finds the service's addresses. Default: the
	// `ambassador` Module's, or `kubernetes-service`.
	// +optional
	Resolver string `json:"resolver,omitempty"`

	// Name of the TLSContext to originate TLS to the service with.
	// +optional
	TLS string `json:"tls,omitempty"`

	// Share of the connections that this TCPMapping takes, in percent, among
	// those for the same port and host. Default: an equal share of what is left.
	// +optional
	Weight *int `json:"weight,omitempty"`

	// Limits on what the service may have in flight. Default: the
	// `ambassador` Module's, or Envoy's.
	// +optional
	CircuitBreakers []CircuitBreaker `json:"circuit_breakers,omitempty"`

	// Whether IPv4 addresses of the service are used. Default: the
	// `ambassador` Module's, or `true`.
	// +optional
	EnableIPv4 *bool `json:"enable_ipv4,omitempty"`

	// Whether IPv6 addresses of the service are used. Default: the
	// `ambassador` Module's, or `false`.
	// +optional
	EnableIPv6 *bool `json:"enable_ipv6,omitempty"`

	// Time in which nothing may pass in either direction before the
	// connection is closed, in milliseconds, as a string. `"0"` means no
	// limit. Default: Envoy's, one hour.
	// +optional
	IdleTimeoutMs string `json:"idle_timeout_ms,omitempty"`

	// Keeps this TCPMapping's cluster apart from those of others to the same
	// service, and goes into the cluster's name.
	// +optional
	ClusterTag string `json:"cluster_tag,omitempty"`

	// Name of the cluster in Envoy's statistics. Default: the service, with
	// everything but letters and digits replaced by `_`.
	// +optional
	StatsName string `json:"stats_name,omitempty"`

	// How `tls` was spelled in getambassador.io/v2. Only conversion between
	// API versions reads it.
	// +optional
	V2ExplicitTLS *V2ExplicitTLS `json:"v2ExplicitTLS,omitempty"`
}

// TCPMapping sends the connections of a port, or those of a port that ask for
// one host name by SNI, to a service without looking into them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Port",type=integer,JSONPath=`.spec.port`
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.spec.host`
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.service`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TCPMapping struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TCPMappingSpec `json:"spec,omitempty"`
	Status Status         `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (t *TCPMapping) GetAmbassadorID() AmbassadorID { return t.Spec.AmbassadorID }

// GetConditions implements [Object].
func (t *TCPMapping) GetConditions() *[]metav1.Condition { return &t.Status.Conditions }

// GetInstances implements [Object].
func (t *TCPMapping) GetInstances() *[]InstanceStatus { return &t.Status.Instances }

// TCPMappingList is a list of TCPMappings.
//
// +kubebuilder:object:root=true
type TCPMappingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TCPMapping `json:"items"`
}
