package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ListenerSpec says which port to open, what is spoken on it and which Hosts
// are served there.
type ListenerSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Port that Envoy listens on. Two Listeners of one instance cannot share
	// a port of the same transport (TCP or UDP): the first one by name keeps it.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// What is spoken on the port, as one of the usual stacks: `HTTP`,
	// `HTTPS` (TLS; cleartext on the same port is recognised and follows each
	// Host's `requestPolicy`), `HTTPPROXY` and `HTTPSPROXY` (the same, behind
	// a load balancer that speaks the PROXY protocol), `TCP` and `TLS` (for
	// TCPMappings). Set exactly one of `protocol` and `protocolStack`; where
	// both are set, `protocolStack` counts.
	// +optional
	Protocol Protocol `json:"protocol,omitempty"`

	// What is spoken on the port, layer by layer, from the outside in; the
	// last one is the transport, `TCP` or `UDP`. `["TLS", "HTTP", "UDP"]` is
	// HTTP/3.
	// +optional
	ProtocolStack []ProtocolLayer `json:"protocolStack,omitempty"`

	// How a request is known to be secure, which decides between serving it
	// and applying the `insecure` action of the Host: `XFP` asks the
	// `X-Forwarded-Proto` header (which Envoy sets itself unless a trusted
	// proxy is in front, see `l7Depth`), `SECURE` takes every request for
	// secure, `INSECURE` none.
	SecurityModel SecurityModel `json:"securityModel"`

	// Prefix of Envoy's statistics about this port. Default: `ingress_http`,
	// `ingress_https`, `ingress_tls_<port>` or `ingress_tcp_<port>`, by protocol.
	// +optional
	StatsPrefix string `json:"statsPrefix,omitempty"`

	// How many trusted layer 7 proxies stand in front. That many addresses
	// are skipped from the end of `X-Forwarded-For` to find the client, and
	// `X-Forwarded-Proto` is believed when it is above 0. Default: 0.
	// +optional
	L7Depth *int32 `json:"l7Depth,omitempty"`

	// Most requests that a client may have open at once on one HTTP/2
	// connection. Default: Envoy's, 1024.
	// +optional
	// +kubebuilder:validation:Minimum=1
	HTTP2MaxConcurrentStreams *int64 `json:"http2MaxConcurrentStreams,omitempty"`

	// Which Hosts are served here. A Host must satisfy both `namespace` and
	// `selector`.
	HostBinding HostBinding `json:"hostBinding"`
}

// Protocol is the name of one of the usual protocol stacks.
//
// +kubebuilder:validation:Enum=HTTP;HTTPS;HTTPPROXY;HTTPSPROXY;TCP;TLS;UDP
type Protocol string

// The usual protocol stacks, from the outside in.
const (
	ProtocolHTTP       Protocol = "HTTP"       // HTTP, TCP
	ProtocolHTTPS      Protocol = "HTTPS"      // TLS, HTTP, TCP
	ProtocolHTTPProxy  Protocol = "HTTPPROXY"  // PROXY, HTTP, TCP
	ProtocolHTTPSProxy Protocol = "HTTPSPROXY" // TLS, PROXY, HTTP, TCP
	ProtocolTCP        Protocol = "TCP"        // TCP
	ProtocolTLS        Protocol = "TLS"        // TLS, TCP
	ProtocolUDP        Protocol = "UDP"        // accepted by the schema, stands for no stack
)

// ProtocolLayer is one layer of a protocol stack.
//
// +kubebuilder:validation:Enum=HTTP;PROXY;TLS;TCP;UDP
type ProtocolLayer string

// The layers that a protocol stack is made of.
const (
	LayerHTTP  ProtocolLayer = "HTTP"
	LayerProxy ProtocolLayer = "PROXY"
	LayerTLS   ProtocolLayer = "TLS"
	LayerTCP   ProtocolLayer = "TCP"
	LayerUDP   ProtocolLayer = "UDP"
)

// SecurityModel says how a request is known to be secure.
//
// +kubebuilder:validation:Enum=XFP;SECURE;INSECURE
type SecurityModel string

// The security models.
const (
	SecurityModelXFP      SecurityModel = "XFP"
	SecurityModelSecure   SecurityModel = "SECURE"
	SecurityModelInsecure SecurityModel = "INSECURE"
)

// HostBinding says which Hosts a Listener serves.
type HostBinding struct {
	// By namespace. Default: the Hosts in the Listener's own.
	// +optional
	Namespace NamespaceBinding `json:"namespace,omitempty"`

	// By label: every one of `matchLabels` must be on the Host.
	// `matchExpressions` are not supported, and a Listener with them is not
	// accepted.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// NamespaceBinding selects Hosts by their namespace.
type NamespaceBinding struct {
	// `SELF` serves the Hosts in the Listener's own namespace, `ALL` those
	// of every namespace. `SELECTOR` is reserved and selects nothing. Default:
	// `SELF`.
	// +optional
	From NamespaceFrom `json:"from,omitempty"`
}

// NamespaceFrom says which namespaces are searched for Hosts.
//
// +kubebuilder:validation:Enum=SELF;ALL;SELECTOR
type NamespaceFrom string

// Where Hosts are searched.
const (
	NamespaceFromSelf     NamespaceFrom = "SELF"
	NamespaceFromAll      NamespaceFrom = "ALL"
	NamespaceFromSelector NamespaceFrom = "SELECTOR" // reserved upstream, selects nothing
)

// Listener opens a port. Nothing is served without one: every Host and
// TCPMapping reaches clients through the Listeners that bind it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Port",type=integer,JSONPath=`.spec.port`
// +kubebuilder:printcolumn:name="Protocol",type=string,JSONPath=`.spec.protocol`
// +kubebuilder:printcolumn:name="Stack",type=string,JSONPath=`.spec.protocolStack`
// +kubebuilder:printcolumn:name="Security",type=string,JSONPath=`.spec.securityModel`
// +kubebuilder:printcolumn:name="L7Depth",type=integer,JSONPath=`.spec.l7Depth`,priority=1
// +kubebuilder:printcolumn:name="StatsPrefix",type=string,JSONPath=`.spec.statsPrefix`,priority=1
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Listener struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ListenerSpec `json:"spec,omitempty"`
	Status Status       `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (l *Listener) GetAmbassadorID() AmbassadorID { return l.Spec.AmbassadorID }

// GetConditions implements [Object].
func (l *Listener) GetConditions() *[]metav1.Condition { return &l.Status.Conditions }

// GetInstances implements [Object].
func (l *Listener) GetInstances() *[]InstanceStatus { return &l.Status.Instances }

// ListenerList is a list of Listeners.
//
// +kubebuilder:object:root=true
type ListenerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Listener `json:"items"`
}
