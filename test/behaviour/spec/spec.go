// Package spec owns the behaviour case format: a folder with the Kubernetes objects a controller is given
// (manifests.yaml), the requests to send with what must come back (expect.yaml), and optionally the
// controller's environment (case.yaml). A case may go on while the controller runs: manifests.2.yaml
// replaces the objects, and expect.2.yaml says what must come of that.
//
// The format is strict: an unknown key in a probe is an error, so that a misspelt expectation can never
// pass by being ignored.
package spec

// Case is one behaviour case, read from one folder.
type Case struct {
	// Name is the folder's name.
	Name string
	// Dir is the folder's path.
	Dir string
	// Env is the controller's environment from case.yaml. AMBASSADOR_ID and AMBASSADOR_NAMESPACE are
	// always set, to "default" unless the case says otherwise.
	Env map[string]string
	// Steps are what the controller is given, one after the other, and what must hold then. There is at
	// least one.
	Steps []Step
	// Certificates is the PEM test material shared by the cases beside this one (certs.yaml), by file
	// name: "ca.crt", "client.crt", "client.key". Empty where there is no such file.
	Certificates map[string][]byte
}

// Step is one state of the objects.
type Step struct {
	// Objects are the documents of manifests.yaml in file order. They are kept untyped: a case may hold
	// objects that no schema accepts.
	Objects []map[string]any
	// Probes are the entries of expect.yaml in file order.
	Probes []Probe
}

// Probe is one request and what must come of it. A probe without a request states a fact about the
// configuration as a whole (a rejected resource).
type Probe struct {
	Request *Request `json:"request"`
	Expect  Expect   `json:"expect"`
	// Source says who asserts this behaviour; Note explains it. Neither has an effect.
	Source string `json:"source"`
	Note   string `json:"note"`
	// PeerArtifact marks a quirk of the peer that another implementation may justly not copy: the probe
	// is sent and reported, and does not count.
	PeerArtifact bool `json:"peer_artifact"`
}

// Request is what the client sends.
type Request struct {
	ListenerPort int    `json:"listener_port"`
	Scheme       string `json:"scheme"` // http or https; empty means http
	Host         string `json:"host"`
	// Path goes on the wire exactly as written, query included.
	Path    string             `json:"path"`
	Method  string             `json:"method"` // empty means GET
	Headers map[string]Strings `json:"headers"`
	// SNI is the TLS server name: nil means Host without its port, "" means none is sent.
	SNI    *string `json:"sni"`
	TLSMin Text    `json:"tls_min"` // "1.0" … "1.3", with or without a leading "v" or "TLSv"
	TLSMax Text    `json:"tls_max"`
	ALPN   Strings `json:"alpn"`
	// ClientCert presents the corpus's client certificate. It may be true or the certificate's name.
	ClientCert Flag `json:"client_cert"`
	// Upgrade is the protocol of an Upgrade request, "websocket" as a rule.
	Upgrade string `json:"upgrade"`
	// ProxyProtocol sends a PROXY header before anything else.
	ProxyProtocol *ProxyProtocol `json:"proxy_protocol"`
}

// ProxyProtocol is the PROXY header a client sends. In YAML it is true, a version ("v1", "v2"), a source
// address, or a map of both.
type ProxyProtocol struct {
	Version int    // 1 or 2
	Source  string // "address" or "address:port" of the original client
}

// Expect is what must hold; every key that is given counts.
type Expect struct {
	// RouteTo names the backend that answered, "service.namespace:port".
	RouteTo Text `json:"route_to"`
	Status  int  `json:"status"`
	// Absent is a 404 from the gateway itself.
	Absent bool `json:"absent"`
	// Closed is no listener, no matching filter chain, or a refused handshake.
	Closed bool `json:"closed"`
	// Redirect is the exact Location.
	Redirect Text `json:"redirect"`

	// What the backend saw.
	PathUpstream          *string            `json:"path_upstream"`
	HostUpstream          *string            `json:"host_upstream"`
	HeadersUpstream       map[string]Strings `json:"headers_upstream"`
	HeadersUpstreamAbsent []string           `json:"headers_upstream_absent"`

	// What the client got.
	HeadersDownstream        map[string]Strings `json:"headers_downstream"`
	HeadersDownstreamAbsent  []string           `json:"headers_downstream_absent"`
	HeadersDownstreamPresent []string           `json:"headers_downstream_present"`

	// Weights is each backend's share of the answers; "404" is the share the gateway answered itself.
	Weights   map[string]float64 `json:"weights"`
	Samples   int                `json:"samples"`
	Tolerance float64            `json:"tolerance"`

	UpstreamTLS *bool    `json:"upstream_tls"`
	UpstreamSNI Nullable `json:"upstream_sni"`
	CertCN      Nullable `json:"cert_cn"`
	TLSVersion  Text     `json:"tls_version"`
	ALPN        Nullable `json:"alpn"` // null: no protocol was negotiated

	// MirrorTo names a backend that must receive a copy of the request.
	MirrorTo Text `json:"mirror_to"`
	// Attempts is how many times the answering backend saw the request.
	Attempts int `json:"attempts"`
	// DistinctEndpoints is how many endpoints answered over Samples requests.
	DistinctEndpoints int `json:"distinct_endpoints"`
	// Endpoint is the "ip:port" that answered.
	Endpoint Text `json:"endpoint"`

	// Route and Cluster are facts of the matched route and of the cluster it goes to, in Envoy's terms.
	Route   map[string]any `json:"route"`
	Cluster map[string]any `json:"cluster"`

	// RejectedResource is "Kind/name" or "Kind/name.namespace" of an object that is reported as bad.
	RejectedResource string `json:"rejected_resource"`
}
