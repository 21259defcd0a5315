package v3alpha1

// LoadBalancer says how an endpoint is chosen for each request.
//
// +kubebuilder:validation:XValidation:rule="[has(self.cookie), has(self.header), has(self.source_ip)].filter(x, x).size() <= 1",message="set only one of cookie, header and source_ip"
type LoadBalancer struct {
	// `round_robin`, `least_request` (the endpoint with fewer requests in
	// flight of two picked at random), or one of the consistent hashes
	// `ring_hash` and `maglev`, which keep a client on one endpoint and need
	// exactly one of `cookie`, `header` and `source_ip`.
	// +kubebuilder:validation:Enum=round_robin;ring_hash;maglev;least_request
	Policy string `json:"policy"`

	// Hash a cookie.
	// +optional
	Cookie *LoadBalancerCookie `json:"cookie,omitempty"`

	// Hash the request header of this name.
	// +optional
	Header string `json:"header,omitempty"`

	// Hash the client's address. Default: `false`.
	// +optional
	SourceIP *bool `json:"source_ip,omitempty"`
}

// LoadBalancerCookie names the cookie that keeps a client on one endpoint.
type LoadBalancerCookie struct {
	// Name of the cookie.
	Name string `json:"name"`

	// Path of the cookie, when Envoy makes it.
	// +optional
	Path string `json:"path,omitempty"`

	// How long the cookie lives, such as `600s`. When set, Envoy makes the
	// cookie for clients that come without; `0s` is a session cookie.
	// Default: only cookies that are there are used.
	// +optional
	TTL string `json:"ttl,omitempty"`
}

// HealthCheck probes every endpoint of a service, so that those which fail
// get no requests.
type HealthCheck struct {
	// What to ask an endpoint: `http` or `grpc`.
	HealthCheck HealthCheckRequest `json:"health_check"`

	// Time to wait for the answer, such as `3s`. Default: `3s`.
	// +optional
	Timeout string `json:"timeout,omitempty"`

	// Time between two probes, such as `5s`. Default: `5s`.
	// +optional
	Interval string `json:"interval,omitempty"`

	// Failures in a row that take an endpoint out. A 503 takes it out at
	// once. Default: 2.
	// +optional
	UnhealthyThreshold *int `json:"unhealthy_threshold,omitempty"`

	// Successes in a row that bring an endpoint back. Default: 1.
	// +optional
	HealthyThreshold *int `json:"healthy_threshold,omitempty"`
}

// HealthCheckRequest is the probe: exactly one of its fields.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type HealthCheckRequest struct {
	// Probe with an HTTP request.
	// +optional
	HTTP *HTTPHealthCheck `json:"http,omitempty"`

	// Probe with the gRPC health checking protocol.
	// +optional
	GRPC *GRPCHealthCheck `json:"grpc,omitempty"`
}

// HTTPHealthCheck is a probe by HTTP.
type HTTPHealthCheck struct {
	// Path to ask for.
	Path string `json:"path"`

	// Host header to send. Default: the name of the cluster.
	// +optional
	Hostname string `json:"hostname,omitempty"`

	// Headers to add to the probe, by name.
	// +optional
	AddRequestHeaders map[string]AddedHeader `json:"add_request_headers,omitempty"`

	// Names of headers to take out of the probe.
	// +optional
	RemoveRequestHeaders []string `json:"remove_request_headers,omitempty"`

	// Status codes that count as success. Default: 200.
	// +optional
	ExpectedStatuses []StatusRange `json:"expected_statuses,omitempty"`
}

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct {
	// First status code of the range.
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=599
	Min int `json:"min"`

	// Last status code of the range.
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=599
	Max int `json:"max"`
}

// GRPCHealthCheck is a probe by the gRPC health checking protocol.
type GRPCHealthCheck struct {
	// Name of the gRPC service to ask about.
	UpstreamName string `json:"upstream_name"`

	// Value of `:authority` to send. Default: the name of the cluster.
	// +optional
	Authority string `json:"authority,omitempty"`
}

// KeepAlive sets TCP keepalive on upstream connections.
type KeepAlive struct {
	// Unanswered probes after which a connection is dead. Default: the
	// operating system's (9 on Linux).
	// +optional
	Probes *int `json:"probes,omitempty"`

	// Seconds without traffic before the first probe. Default: the operating
	// system's (7200 on Linux).
	// +optional
	IdleTime *int `json:"idle_time,omitempty"`

	// Seconds between probes. Default: the operating system's (75 on Linux).
	// +optional
	Interval *int `json:"interval,omitempty"`
}

// RetryPolicy says when a failed request is sent again.
type RetryPolicy struct {
	// What counts as failed: `5xx`, `gateway-error` (502, 503 and 504),
	// `connect-failure`, `retriable-4xx` (409), `refused-stream` or
	// `retriable-status-codes`. A policy without it does nothing and is
	// reported.
	// +optional
	// +kubebuilder:validation:Enum="5xx";gateway-error;connect-failure;retriable-4xx;refused-stream;retriable-status-codes
	RetryOn string `json:"retry_on,omitempty"`

	// How many times to send it again. Default: 1.
	// +optional
	NumRetries *int `json:"num_retries,omitempty"`

	// Time for each try, such as `0.5s`, within the Mapping's own timeout.
	// Default: the Mapping's timeout.
	// +optional
	PerTryTimeout string `json:"per_try_timeout,omitempty"`
}

// CORS answers browsers that ask whether a page from another origin may call.
type CORS struct {
	// Origins that may call, such as `https://app.example.com`; `*` allows all.
	// +optional
	Origins []string `json:"origins,omitempty"`

	// Methods that they may use.
	// +optional
	Methods []string `json:"methods,omitempty"`

	// Request headers that they may send.
	// +optional
	Headers []string `json:"headers,omitempty"`

	// Whether they may send cookies and credentials. Default: `false`.
	// +optional
	Credentials *bool `json:"credentials,omitempty"`

	// Response headers that the page may read.
	// +optional
	ExposedHeaders []string `json:"exposed_headers,omitempty"`

	// Seconds for which the browser may remember the answer, such as `"86400"`.
	// +optional
	MaxAge string `json:"max_age,omitempty"`

	// Whether the origins were one comma-separated string in
	// getambassador.io/v2. Only conversion between API versions reads it.
	// +optional
	V2CommaSeparatedOrigins *bool `json:"v2CommaSeparatedOrigins,omitempty"`
}
