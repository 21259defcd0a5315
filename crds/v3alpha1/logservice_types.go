package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// LogServiceSpec says which service gets the access log and what is in it.
type LogServiceSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// The service that takes the log: `[scheme://]service[.namespace][:port]`.
	// +optional
	Service string `json:"service,omitempty"`

	// What is logged: `http` requests or `tcp` connections.
	// +optional
	// +kubebuilder:validation:Enum=tcp;http
	Driver string `json:"driver,omitempty"`

	// What to log besides the usual (`http` only).
	// +optional
	DriverConfig *LogServiceDriverConfig `json:"driver_config,omitempty"`

	// Seconds after which buffered entries are sent. Default: 1.
	// +optional
	FlushIntervalTime *int `json:"flush_interval_time,omitempty"`

	// Bytes of buffered entries after which they are sent. Default: 16384.
	// +optional
	FlushIntervalByteSize *int `json:"flush_interval_byte_size,omitempty"`

	// Speak HTTP/2 to the service, as the protocol needs. Default: `false`.
	// +optional
	GRPC *bool `json:"grpc,omitempty"`

	// Version of the protocol. Only `v3` exists in today's Envoy, and it has
	// to be written.
	// +optional
	// +kubebuilder:validation:Enum=v2;v3
	ProtocolVersion string `json:"protocol_version,omitempty"`

	// Name of the cluster in Envoy's statistics. Default: the service, with
	// everything but letters and digits replaced by `_`.
	// +optional
	StatsName string `json:"stats_name,omitempty"`
}

// LogServiceDriverConfig says what is logged besides the usual.
type LogServiceDriverConfig struct {
	// Headers to log.
	// +optional
	AdditionalLogHeaders []LogServiceHeader `json:"additional_log_headers,omitempty"`
}

// LogServiceHeader is a header to log, and where it is looked for.
type LogServiceHeader struct {
	// Name of the header.
	// +optional
	HeaderName string `json:"header_name,omitempty"`

	// Whether to log it from the request. Default: `true`.
	// +optional
	DuringRequest *bool `json:"during_request,omitempty"`

	// Whether to log it from the response. Default: `true`.
	// +optional
	DuringResponse *bool `json:"during_response,omitempty"`

	// Whether to log it from the response's trailers. Default: `true`.
	// +optional
	DuringTrailer *bool `json:"during_trailer,omitempty"`
}

// LogService sends Envoy's access log to a service, by Envoy's gRPC access log
// protocol.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.spec.service`
// +kubebuilder:printcolumn:name="Driver",type=string,JSONPath=`.spec.driver`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type LogService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   LogServiceSpec `json:"spec,omitempty"`
	Status Status         `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (l *LogService) GetAmbassadorID() AmbassadorID { return l.Spec.AmbassadorID }

// GetConditions implements [Object].
func (l *LogService) GetConditions() *[]metav1.Condition { return &l.Status.Conditions }

// GetInstances implements [Object].
func (l *LogService) GetInstances() *[]InstanceStatus { return &l.Status.Instances }

// LogServiceList is a list of LogServices.
//
// +kubebuilder:object:root=true
type LogServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LogService `json:"items"`
}
