package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TracingServiceSpec says which backend gets traces, of what, and with what in them.
type TracingServiceSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// What the backend speaks. `lightstep` is accepted by the schema and no
	// longer works: LightStep takes `opentelemetry`.
	// +kubebuilder:validation:Enum=lightstep;zipkin;datadog;opentelemetry
	Driver string `json:"driver"`

	// The backend: `service[.namespace][:port]`.
	Service string `json:"service"`

	// How many requests are traced. Default: all.
	// +optional
	Sampling *TraceSampling `json:"sampling,omitempty"`

	// Request headers to put on each trace, as tags. Deprecated: use
	// `custom_tags`, which wins.
	// +optional
	TagHeaders []string `json:"tag_headers,omitempty"`

	// Tags to put on each trace.
	// +optional
	CustomTags []TracingCustomTag `json:"custom_tags,omitempty"`

	// Settings of the driver.
	// +optional
	Config *TraceConfig `json:"config,omitempty"`

	// Name of the cluster in Envoy's statistics. Default: the service, with
	// everything but letters and digits replaced by `_`.
	// +optional
	StatsName string `json:"stats_name,omitempty"`
}

// TraceSampling says how many requests are traced, in percent.
type TraceSampling struct {
	// Of the requests whose client asks for a trace (`x-client-trace-id`),
	// in percent. Default: 100.
	// +optional
	Client *int `json:"client,omitempty"`

	// Of all other requests, in percent. Default: 100.
	// +optional
	Random *int `json:"random,omitempty"`

	// Of all requests, after the other two have been applied, in percent.
	// Default: 100.
	// +optional
	Overall *int `json:"overall,omitempty"`
}

// TracingCustomTag is a tag on each trace: its name and one place that its
// value comes from.
type TracingCustomTag struct {
	// Name of the tag.
	Tag string `json:"tag"`

	// A fixed value.
	// +optional
	Literal *TracingTagLiteral `json:"literal,omitempty"`

	// The value of one of Envoy's environment variables.
	// +optional
	Environment *TracingTagEnvironment `json:"environment,omitempty"`

	// The value of a request header.
	// +optional
	Header *TracingTagHeader `json:"request_header,omitempty"`
}

// TracingTagLiteral is a fixed value.
type TracingTagLiteral struct {
	// The value.
	Value string `json:"value"`
}

// TracingTagEnvironment is the value of an environment variable.
type TracingTagEnvironment struct {
	// Name of the variable.
	Name string `json:"name"`

	// Value where the variable is not set. Default: the tag is left out.
	// +optional
	DefaultValue *string `json:"default_value,omitempty"`
}

// TracingTagHeader is the value of a request header.
type TracingTagHeader struct {
	// Name of the header.
	Name string `json:"name"`

	// Value where the header is not there. Default: the tag is left out.
	// +optional
	DefaultValue *string `json:"default_value,omitempty"`
}

// TraceConfig is the settings of the tracing drivers.
type TraceConfig struct {
	// Accepted for compatibility; has no effect (`lightstep`).
	// +optional
	AccessTokenFile string `json:"access_token_file,omitempty"`

	// Accepted for compatibility; has no effect: traces go to `service`.
	// +optional
	CollectorCluster string `json:"collector_cluster,omitempty"`

	// Path that traces are posted to (`zipkin`). Default: `/api/v2/spans`.
	// +optional
	CollectorEndpoint string `json:"collector_endpoint,omitempty"`

	// How traces are encoded (`zipkin`): `HTTP_JSON` or `HTTP_PROTO`.
	// `HTTP_JSON_V1` is accepted by the schema and no longer works.
	// Default: `HTTP_JSON`.
	// +optional
	// +kubebuilder:validation:Enum=HTTP_JSON_V1;HTTP_JSON;HTTP_PROTO
	CollectorEndpointVersion string `json:"collector_endpoint_version,omitempty"`

	// Host header to send to the backend (`zipkin`, `datadog`). Default: the
	// host in `service`.
	// +optional
	CollectorHostname string `json:"collector_hostname,omitempty"`

	// Accepted for compatibility; has no effect (`lightstep`).
	// +optional
	PropagationModes []PropagationMode `json:"propagation_modes,omitempty"`

	// Use 128-bit trace ids (`zipkin`). Default: `true`.
	// +optional
	TraceID128Bit *bool `json:"trace_id_128bit,omitempty"`

	// Let client and server share one span (`zipkin`). Default: `true`.
	// +optional
	SharedSpanContext *bool `json:"shared_span_context,omitempty"`

	// Name that traces carry (`datadog`, `opentelemetry`). Default: `ambassador`.
	// +optional
	ServiceName string `json:"service_name,omitempty"`
}

// PropagationMode is a way to hand a trace on.
//
// +kubebuilder:validation:Enum=ENVOY;LIGHTSTEP;B3;TRACE_CONTEXT
type PropagationMode string

// TracingService sends a trace of each request to a tracing backend. An
// instance uses one.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Driver",type=string,JSONPath=`.spec.driver`
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.service`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TracingService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TracingServiceSpec `json:"spec,omitempty"`
	Status Status             `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (t *TracingService) GetAmbassadorID() AmbassadorID { return t.Spec.AmbassadorID }

// GetConditions implements [Object].
func (t *TracingService) GetConditions() *[]metav1.Condition { return &t.Status.Conditions }

// GetInstances implements [Object].
func (t *TracingService) GetInstances() *[]InstanceStatus { return &t.Status.Instances }

// TracingServiceList is a list of TracingServices.
//
// +kubebuilder:object:root=true
type TracingServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TracingService `json:"items"`
}
