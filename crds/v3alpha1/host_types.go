package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HostSpec is one host name that is served, and how.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.tlsSecret) && has(self.tls) && has(self.tlsContext))",message="tls and tlsContext exclude each other: keep the settings here or name a TLSContext that has them"
type HostSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Host name to serve: a name, `*`, or a glob with one star at its start
	// or end, such as `*.example.com`. Requests for it come here, by SNI and
	// by the Host header. Default: `*`.
	// +optional
	Hostname string `json:"hostname,omitempty"`

	// Labels that a Mapping must carry to be served by this Host. A Mapping
	// with a `hostname` must match by hostname as well.
	// +optional
	MappingSelector *metav1.LabelSelector `json:"mappingSelector,omitempty"`

	// Deprecated: old name of `mappingSelector`.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// Secret (type `kubernetes.io/tls`) with the certificate and key that
	// TLS is terminated with. Without it, the Host is served in cleartext
	// only; while the Secret is missing or broken, the Host is not served at
	// all rather than in cleartext.
	// +optional
	TLSSecret *SecretReference `json:"tlsSecret,omitempty"`

	// TLSContext in the same namespace whose TLS settings apply. Needs
	// `tlsSecret`; excludes `tls`.
	// +optional
	TLSContext *LocalReference `json:"tlsContext,omitempty"`

	// TLS settings for this Host alone. Needs `tlsSecret`; excludes `tlsContext`.
	// +optional
	TLS *HostTLS `json:"tls,omitempty"`

	// What to do with requests by how they arrive. Default: redirect those
	// that did not arrive over TLS.
	// +optional
	RequestPolicy *RequestPolicy `json:"requestPolicy,omitempty"`

	// Accepted for compatibility. Certificates are not ordered by ACME here:
	// let cert-manager write the Secret that `tlsSecret` names.
	// +optional
	ACMEProvider *ACMEProvider `json:"acmeProvider,omitempty"`

	// Accepted for compatibility; has no effect.
	// +optional
	PreviewURL *PreviewURL `json:"previewUrl,omitempty"`
}

// HostTLS is the TLS settings of one Host: those of a TLSContext, but for the
// hosts and the secret.
type HostTLS struct {
	// Path of a certificate chain in the controller's pod, in PEM form.
	// +optional
	CertChainFile string `json:"cert_chain_file,omitempty"`

	// Path of the certificate's private key in the controller's pod, in PEM form.
	// +optional
	PrivateKeyFile string `json:"private_key_file,omitempty"`

	// Secret with the CA certificate (`tls.crt`) that client certificates
	// are checked against.
	// +optional
	CASecret string `json:"ca_secret,omitempty"`

	// Path of the CA certificate in the controller's pod, in PEM form.
	// +optional
	CACertChainFile string `json:"cacert_chain_file,omitempty"`

	// Secret with the list of revoked client certificates (`crl.pem`).
	// +optional
	CRLSecret string `json:"crl_secret,omitempty"`

	// Protocols to offer by ALPN, separated by commas: `h2,http/1.1` for
	// HTTP/2 over TLS. Default: none, which means HTTP/1.1.
	// +optional
	ALPNProtocols string `json:"alpn_protocols,omitempty"`

	// Whether clients must show a certificate. Default: `false`.
	// +optional
	CertRequired *bool `json:"cert_required,omitempty"`

	// Oldest TLS version to accept: `v1.0`, `v1.1`, `v1.2` or `v1.3`.
	// Default: Envoy's, `v1.2`.
	// +optional
	MinTLSVersion string `json:"min_tls_version,omitempty"`

	// Newest TLS version to accept: `v1.0`, `v1.1`, `v1.2` or `v1.3`.
	// Default: Envoy's, `v1.3`.
	// +optional
	MaxTLSVersion string `json:"max_tls_version,omitempty"`

	// Cipher suites to accept, up to TLS 1.2, by their OpenSSL names.
	// Default: Envoy's.
	// +optional
	CipherSuites []string `json:"cipher_suites,omitempty"`

	// Elliptic curves to accept. Default: Envoy's.
	// +optional
	ECDHCurves []string `json:"ecdh_curves,omitempty"`

	// Accepted for compatibility; has no effect. See `requestPolicy`.
	// +optional
	RedirectCleartextFrom *int `json:"redirect_cleartext_from,omitempty"`

	// Server name to send when originating TLS.
	// +optional
	SNI string `json:"sni,omitempty"`
}

// RequestPolicy says what to do with requests by how they arrive.
type RequestPolicy struct {
	// Requests that did not arrive over TLS, as the Listener's
	// `securityModel` tells. Default: redirect them.
	// +optional
	Insecure InsecureRequestPolicy `json:"insecure,omitempty"`
}

// InsecureRequestPolicy says what to do with requests that are not secure.
type InsecureRequestPolicy struct {
	// `Redirect` to the same URL with https, `Route` as if they were secure,
	// or `Reject`. Default: `Redirect`.
	// +optional
	Action InsecureAction `json:"action,omitempty"`

	// Accepted for compatibility; has no effect. Add a Listener for the port.
	// +optional
	AdditionalPort *int `json:"additionalPort,omitempty"`
}

// InsecureAction is what to do with a request that is not secure.
//
// +kubebuilder:validation:Enum=Redirect;Reject;Route
type InsecureAction string

// What can be done with a request that is not secure.
const (
	InsecureActionRedirect InsecureAction = "Redirect"
	InsecureActionReject   InsecureAction = "Reject"
	InsecureActionRoute    InsecureAction = "Route"
)

// ACMEProvider describes an ACME account. It is accepted and not acted on.
type ACMEProvider struct {
	// URL of the ACME directory, or `none`.
	// +optional
	Authority string `json:"authority,omitempty"`

	// Mail address of the account.
	// +optional
	Email string `json:"email,omitempty"`

	// Secret with the private key of the account.
	// +optional
	PrivateKeySecret *LocalReference `json:"privateKeySecret,omitempty"`

	// Registration document of the account.
	// +optional
	Registration string `json:"registration,omitempty"`
}

// PreviewURL is accepted and not acted on.
type PreviewURL struct {
	// Whether previews are on. Default: `false`.
	// +optional
	Enabled bool `json:"enabled,omitempty"`

	// Kind of preview URL.
	// +optional
	// +kubebuilder:validation:Enum=Path
	Type string `json:"type,omitempty"`
}

// HostStatus is what the controller reports about a Host.
type HostStatus struct {
	Status `json:",inline"`

	// Where the certificate comes from.
	// +optional
	// +kubebuilder:validation:Enum=Unknown;None;Other;ACME
	TLSCertificateSource string `json:"tlsCertificateSource,omitempty"`

	// `Ready` when Envoy serves the Host, `Pending` while it is on its way,
	// `Error` when it cannot. Says less than `conditions`; kept for what
	// reads Emissary's status.
	// +optional
	// +kubebuilder:validation:Enum=Initial;Pending;Ready;Error
	State string `json:"state,omitempty"`

	// Last ACME phase that was completed.
	// +optional
	PhaseCompleted HostPhase `json:"phaseCompleted,omitempty"`

	// ACME phase that is under way.
	// +optional
	PhasePending HostPhase `json:"phasePending,omitempty"`

	// What is wrong, while `state` is `Error`.
	// +optional
	ErrorReason string `json:"errorReason,omitempty"`

	// Since when, while `state` is `Error`.
	// +optional
	ErrorTimestamp *metav1.Time `json:"errorTimestamp,omitempty"`

	// How long until the next try, while `state` is `Error`.
	// +optional
	ErrorBackoff string `json:"errorBackoff,omitempty"`
}

// HostPhase is a step in ordering a certificate by ACME.
//
// +kubebuilder:validation:Enum=NA;DefaultsFilled;ACMEUserPrivateKeyCreated;ACMEUserRegistered;ACMECertificateChallenge
type HostPhase string

// Host is a host name that is served, with its certificate, and with what
// happens to requests that arrive in cleartext.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Hostname",type=string,JSONPath=`.spec.hostname`
// +kubebuilder:printcolumn:name="TLS Secret",type=string,JSONPath=`.spec.tlsSecret.name`
// +kubebuilder:printcolumn:name="Insecure",type=string,JSONPath=`.spec.requestPolicy.insecure.action`,priority=1
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].reason`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Host struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   HostSpec   `json:"spec,omitempty"`
	Status HostStatus `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (h *Host) GetAmbassadorID() AmbassadorID { return h.Spec.AmbassadorID }

// GetConditions implements [Object].
func (h *Host) GetConditions() *[]metav1.Condition { return &h.Status.Conditions }

// GetInstances implements [Object].
func (h *Host) GetInstances() *[]InstanceStatus { return &h.Status.Instances }

// HostList is a list of Hosts.
//
// +kubebuilder:object:root=true
type HostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Host `json:"items"`
}
