package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MappingSpec says which requests to take, where to send them, and what to
// change on the way.
type MappingSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Path prefix that a request must have, as plain text: `/api` takes
	// `/api`, `/api/x` and `/apiary`; `/api/` does not take `/api`. See
	// `prefix_exact` and `prefix_regex` for other ways to read it.
	Prefix string `json:"prefix"`

	// Read `prefix` as an RE2 regular expression that must match the whole
	// path. Wins over `prefix_exact`. Default: `false`.
	// +optional
	PrefixRegex bool `json:"prefix_regex,omitempty"`

	// Read `prefix` as the whole path. Default: `false`.
	// +optional
	PrefixExact bool `json:"prefix_exact,omitempty"`

	// Whether letter case counts in `prefix`. Has no effect on regular
	// expressions, which can say `(?i)`. Default: `true`.
	// +optional
	CaseSensitive *bool `json:"case_sensitive,omitempty"`

	// Host name that a request must be for: a name, `*`, or a glob with one
	// star at its start or end, such as `*.example.com`. The Mapping is
	// served by the Hosts whose own hostname overlaps with it; without
	// `hostname`, by the Hosts whose `mappingSelector` matches its labels.
	// +optional
	Hostname string `json:"hostname,omitempty"`

	// Host name that a request must be for, exactly, or as a regular
	// expression with `host_regex`. Deprecated: use `hostname`, which wins
	// when both are set.
	// +optional
	Host string `json:"host,omitempty"`

	// Read `host` as an RE2 regular expression, for requests of any Host; it
	// has no effect on `hostname`. Deprecated: use `hostname`. Default:
	// `false`.
	// +optional
	HostRegex bool `json:"host_regex,omitempty"`

	// HTTP method that a request must have, such as `GET`.
	// +optional
	Method string `json:"method,omitempty"`

	// Read `method` as an RE2 regular expression, such as `GET|HEAD`.
	// Default: `false`.
	// +optional
	MethodRegex bool `json:"method_regex,omitempty"`

	// Headers that a request must have, by name, with exactly this value.
	// +optional
	Headers map[string]string `json:"headers,omitempty"`

	// Headers that a request must have, by name, with a value that matches
	// this RE2 regular expression as a whole. `.*` asks only that it is there.
	// +optional
	RegexHeaders map[string]string `json:"regex_headers,omitempty"`

	// Query parameters that a request must have, by name, with exactly this value.
	// +optional
	QueryParameters map[string]string `json:"query_parameters,omitempty"`

	// Query parameters that a request must have, by name, with a value that
	// matches this RE2 regular expression as a whole.
	// +optional
	RegexQueryParameters map[string]string `json:"regex_query_parameters,omitempty"`

	// Rank among Mappings that could take the same request: higher first.
	// Mappings of equal precedence are ordered by length of prefix, then by
	// how much they ask of headers and query parameters. Default: 0.
	// +optional
	Precedence *int `json:"precedence,omitempty"`

	// Envoy priority of the route, `default` or `high`: which circuit
	// breaker limits its requests count against. Default: `default`.
	// +optional
	Priority string `json:"priority,omitempty"`

	// Where requests go: `[scheme://]service[.namespace][:port]`. `https://`
	// originates TLS. Without a namespace it is the Mapping's; without a
	// port, 80, or 443 with TLS. The resolver looks it up. For
	// `host_redirect` it is the host to redirect to.
	Service string `json:"service"`

	// Name of the resolver that finds the service's addresses:
	// `kubernetes-service` (the Service's cluster IP), `kubernetes-endpoint`
	// or `endpoint` (its pods, which `load_balancer` needs), or the name of
	// a resolver object. Default: the `ambassador` Module's `resolver`, or
	// `kubernetes-service`.
	// +optional
	Resolver string `json:"resolver,omitempty"`

	// Name of the TLSContext whose certificates and settings to originate
	// TLS to the service with. Implies TLS even without `https://`.
	// +optional
	TLS string `json:"tls,omitempty"`

	// Share of the requests that this Mapping takes, in percent, among the
	// Mappings that match the same requests. Those without a weight share
	// what is left. `0` takes none. Default: an equal share.
	// +optional
	Weight *int `json:"weight,omitempty"`

	// Send the service a copy of the requests that the other Mappings take
	// (`weight` percent of them) and throw its answers away. Default: `false`.
	// +optional
	Shadow *bool `json:"shadow,omitempty"`

	// Speak HTTP/2 to the service, as gRPC needs. Default: `false`.
	// +optional
	GRPC *bool `json:"grpc,omitempty"`

	// How to choose among the service's endpoints. Needs an endpoint
	// resolver. Default: the `ambassador` Module's, or round robin.
	// +optional
	LoadBalancer *LoadBalancer `json:"load_balancer,omitempty"`

	// Limits on what the service may have in flight. Default: the
	// `ambassador` Module's, or Envoy's.
	// +optional
	CircuitBreakers []CircuitBreaker `json:"circuit_breakers,omitempty"`

	// Active health checks of the service's endpoints. Need an endpoint resolver.
	// +optional
	// +kubebuilder:validation:MinItems=1
	HealthChecks []HealthCheck `json:"health_checks,omitempty"`

	// TCP keepalive on connections to the service. Default: the
	// `ambassador` Module's, or the operating system's.
	// +optional
	KeepAlive *KeepAlive `json:"keepalive,omitempty"`

	// How a service that is looked up in DNS is resolved: `strict_dns` uses
	// every address of the answer, `logical_dns` the first. Default: `strict_dns`.
	// +optional
	DNSType string `json:"dns_type,omitempty"`

	// Look the service up again when its DNS record expires, instead of at a
	// fixed rate. Default: `false`.
	// +optional
	RespectDNSTTL *bool `json:"respect_dns_ttl,omitempty"`

	// Whether IPv4 addresses of the service are used. Default: the
	// `ambassador` Module's, or `true`.
	// +optional
	EnableIPv4 *bool `json:"enable_ipv4,omitempty"`

	// Whether IPv6 addresses of the service are used. Default: the
	// `ambassador` Module's, or `false`.
	// +optional
	EnableIPv6 *bool `json:"enable_ipv6,omitempty"`

	// Time to connect to the service, in milliseconds. Default: 3000.
	// +optional
	ConnectTimeoutMs *int `json:"connect_timeout_ms,omitempty"`

	// Time after which an idle connection to the service is closed, in
	// milliseconds. Default: the `ambassador` Module's; without that, and
	// for `0`, Envoy's, one hour.
	// +optional
	ClusterIdleTimeoutMs *int `json:"cluster_idle_timeout_ms,omitempty"`

	// Age at which a connection to the service is drained and closed, in
	// milliseconds. `0` means never. Default: the `ambassador` Module's, or never.
	// +optional
	ClusterMaxConnectionLifetimeMs *int `json:"cluster_max_connection_lifetime_ms,omitempty"`

	// Keeps this Mapping's cluster apart from those of other Mappings to the
	// same service, and goes into the cluster's name.
	// +optional
	ClusterTag string `json:"cluster_tag,omitempty"`

	// Name of the cluster in Envoy's statistics. Default: the service, with
	// everything but letters and digits replaced by `_`.
	// +optional
	StatsName string `json:"stats_name,omitempty"`

	// What to put in place of the matched prefix before the request goes to
	// the service. The empty string leaves the path as it is. Default: `/`.
	// +optional
	Rewrite *string `json:"rewrite,omitempty"`

	// Rewrite the path with a regular expression. Takes the place of `rewrite`.
	// +optional
	RegexRewrite *RegexSubstitution `json:"regex_rewrite,omitempty"`

	// Host header to send to the service. Default: the client's.
	// +optional
	HostRewrite string `json:"host_rewrite,omitempty"`

	// Send the service's own host name in the Host header. Works for
	// services looked up in DNS. Default: `false`.
	// +optional
	AutoHostRewrite *bool `json:"auto_host_rewrite,omitempty"`

	// Time for the service to answer in full, in milliseconds, then the
	// client gets 504. `0` means no limit. Default: the `ambassador`
	// Module's `cluster_request_timeout_ms`, or 3000.
	// +optional
	TimeoutMs *int `json:"timeout_ms,omitempty"`

	// Time in which nothing may pass in either direction before the request
	// is ended, in milliseconds. `0` means no limit. Default: Envoy's, five minutes.
	// +optional
	IdleTimeoutMs *int `json:"idle_timeout_ms,omitempty"`

	// When to send a failed request again. Default: the `ambassador`
	// Module's, or never.
	// +optional
	RetryPolicy *RetryPolicy `json:"retry_policy,omitempty"`

	// Cross-origin resource sharing. Default: the `ambassador` Module's, or off.
	// +optional
	CORS *CORS `json:"cors,omitempty"`

	// Headers to add to the request, by name.
	// +optional
	AddRequestHeaders map[string]AddedHeader `json:"add_request_headers,omitempty"`

	// Headers to add to the response, by name.
	// +optional
	AddResponseHeaders map[string]AddedHeader `json:"add_response_headers,omitempty"`

	// Names of headers to take out of the request.
	// +optional
	RemoveRequestHeaders []string `json:"remove_request_headers,omitempty"`

	// Names of headers to take out of the response.
	// +optional
	RemoveResponseHeaders []string `json:"remove_response_headers,omitempty"`

	// Add the `l5d-dst-override` header that Linkerd routes by. Default: the
	// `ambassador` Module's, or `false`.
	// +optional
	AddLinkerdHeaders *bool `json:"add_linkerd_headers,omitempty"`

	// Protocols that a client may upgrade to, in any letter case, such as
	// `websocket`. After the upgrade the connection is passed through.
	// +optional
	AllowUpgrade []string `json:"allow_upgrade,omitempty"`

	// The same as `allow_upgrade: [websocket]`. Deprecated: use `allow_upgrade`.
	// Default: `false`.
	// +optional
	UseWebsocket *bool `json:"use_websocket,omitempty"`

	// Let these requests through without asking the AuthService. Default: `false`.
	// +optional
	BypassAuth *bool `json:"bypass_auth,omitempty"`

	// Key-value pairs that the AuthService gets along with each request (gRPC only).
	// +optional
	AuthContextExtensions map[string]string `json:"auth_context_extensions,omitempty"`

	// What the RateLimitService counts these requests by, per domain.
	// +optional
	Labels LabelDomains `json:"labels,omitempty"`

	// Answer with a redirect to the host in `service`. Default: `false`.
	// +optional
	HostRedirect *bool `json:"host_redirect,omitempty"`

	// Path to redirect to. Wins over `prefix_redirect` and
	// `regex_redirect`. Used with `host_redirect`.
	// +optional
	PathRedirect string `json:"path_redirect,omitempty"`

	// What to put in place of the matched prefix in the redirect. Wins over
	// `regex_redirect`. Used with `host_redirect`.
	// +optional
	PrefixRedirect string `json:"prefix_redirect,omitempty"`

	// Rewrite the path in the redirect with a regular expression. Used with
	// `host_redirect`.
	// +optional
	RegexRedirect *RegexSubstitution `json:"regex_redirect,omitempty"`

	// Status code of the redirect. Used with `host_redirect`. Default: 301.
	// +optional
	// +kubebuilder:validation:Enum=301;302;303;307;308
	RedirectResponseCode *int `json:"redirect_response_code,omitempty"`

	MappingLegacy `json:",inline"`
}

// MappingStatus is what the controller reports about a Mapping.
type MappingStatus struct {
	Status `json:",inline"`

	// `Running` when Envoy serves the Mapping, `Inactive` when it cannot.
	// Says less than `conditions`; kept for what reads Emissary's status.
	// +optional
	// +kubebuilder:validation:Enum={"","Inactive","Running"}
	State string `json:"state,omitempty"`

	// Why the Mapping is `Inactive`.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// Mapping routes requests to a service: those whose host, path, method,
// headers and query parameters it matches.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Hostname",type=string,JSONPath=`.spec.hostname`
// +kubebuilder:printcolumn:name="Prefix",type=string,JSONPath=`.spec.prefix`
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.service`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].reason`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Mapping struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   MappingSpec   `json:"spec,omitempty"`
	Status MappingStatus `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (m *Mapping) GetAmbassadorID() AmbassadorID { return m.Spec.AmbassadorID }

// GetConditions implements [Object].
func (m *Mapping) GetConditions() *[]metav1.Condition { return &m.Status.Conditions }

// GetInstances implements [Object].
func (m *Mapping) GetInstances() *[]InstanceStatus { return &m.Status.Instances }

// MappingList is a list of Mappings.
//
// +kubebuilder:object:root=true
type MappingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Mapping `json:"items"`
}
