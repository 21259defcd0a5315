package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TLSContextSpec is a set of certificates and TLS settings.
type TLSContextSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Host names that the context is meant for. A Host that uses the context
	// should be among them, and a TCPMapping finds its context by them.
	// +optional
	Hosts []string `json:"hosts,omitempty"`

	// Secret with the certificate and key (`tls.crt`, `tls.key`): the one to
	// terminate TLS with, or the one to show when originating it. Written
	// `name` or, unless `secret_namespacing` is off, `name.namespace`.
	// +optional
	Secret string `json:"secret,omitempty"`

	// Path of a certificate chain in the controller's pod, in PEM form.
	// Needs `private_key_file`; instead of `secret`.
	// +optional
	CertChainFile string `json:"cert_chain_file,omitempty"`

	// Path of the certificate's private key in the controller's pod, in PEM form.
	// +optional
	PrivateKeyFile string `json:"private_key_file,omitempty"`

	// Secret with the CA certificate (`tls.crt`) that the other side is
	// checked against.
	// +optional
	CASecret string `json:"ca_secret,omitempty"`

	// Path of the CA certificate in the controller's pod, in PEM form.
	// +optional
	CACertChainFile string `json:"cacert_chain_file,omitempty"`

	// Secret with the list of revoked certificates (`crl.pem`).
	// +optional
	CRLSecret string `json:"crl_secret,omitempty"`

	// Protocols to offer by ALPN, separated by commas: `h2,http/1.1` for
	// HTTP/2 over TLS. Default: none, which means HTTP/1.1.
	// +optional
	ALPNProtocols string `json:"alpn_protocols,omitempty"`

	// Whether clients must show a certificate. Default: `false`.
	// +optional
	CertRequired *bool `json:"cert_required,omitempty"`

	// Oldest TLS version to accept. Default: Envoy's, `v1.2` when terminating.
	// +optional
	// +kubebuilder:validation:Enum="v1.0";"v1.1";"v1.2";"v1.3"
	MinTLSVersion string `json:"min_tls_version,omitempty"`

	// Newest TLS version to accept. Default: Envoy's, `v1.3` when terminating.
	// +optional
	// +kubebuilder:validation:Enum="v1.0";"v1.1";"v1.2";"v1.3"
	MaxTLSVersion string `json:"max_tls_version,omitempty"`

	// Cipher suites to accept, up to TLS 1.2, by their OpenSSL names.
	// Default: Envoy's.
	// +optional
	CipherSuites []string `json:"cipher_suites,omitempty"`

	// Elliptic curves to accept. Default: Envoy's.
	// +optional
	ECDHCurves []string `json:"ecdh_curves,omitempty"`

	// Whether a dot in the name of a secret separates name and namespace, at
	// the last dot. Default: the `ambassador` Module's
	// `defaults.tls_secret_namespacing`, or `true`.
	// +optional
	SecretNamespacing *bool `json:"secret_namespacing,omitempty"`

	// Accepted for compatibility; has no effect. See `requestPolicy` of a Host.
	// +optional
	RedirectCleartextFrom *int `json:"redirect_cleartext_from,omitempty"`

	// Server name to send when originating TLS.
	// +optional
	SNI string `json:"sni,omitempty"`
}

// TLSContext is a set of TLS settings with a name: for terminating TLS (a
// Host names it in `tlsContext`) or for originating it (a Mapping names it in
// `tls`).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Hosts",type=string,JSONPath=`.spec.hosts`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.spec.secret`
// +kubebuilder:printcolumn:name="Min TLS",type=string,JSONPath=`.spec.min_tls_version`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TLSContext struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TLSContextSpec `json:"spec,omitempty"`
	Status Status         `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (t *TLSContext) GetAmbassadorID() AmbassadorID { return t.Spec.AmbassadorID }

// GetConditions implements [Object].
func (t *TLSContext) GetConditions() *[]metav1.Condition { return &t.Status.Conditions }

// GetInstances implements [Object].
func (t *TLSContext) GetInstances() *[]InstanceStatus { return &t.Status.Instances }

// TLSContextList is a list of TLSContexts.
//
// +kubebuilder:object:root=true
type TLSContextList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TLSContext `json:"items"`
}
