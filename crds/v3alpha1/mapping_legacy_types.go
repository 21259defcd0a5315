package v3alpha1

// MappingLegacy holds the fields of a Mapping that are accepted and do not
// change how requests are routed: those of other products, and those that
// only conversion between API versions reads.
type MappingLegacy struct {
	// Where the service's OpenAPI document is found. For developer portals;
	// does not change routing.
	// +optional
	Docs *MappingDocs `json:"docs,omitempty"`

	// Accepted for compatibility; has no effect.
	// +optional
	Modules []UntypedObject `json:"modules,omitempty"`

	// Accepted for compatibility; has no effect.
	// +optional
	EnvoyOverride *UntypedObject `json:"envoy_override,omitempty"`

	// Accepted for compatibility; has no effect.
	// +optional
	OutlierDetection string `json:"outlier_detection,omitempty"`

	// Accepted for compatibility; has no effect.
	// +optional
	BypassErrorResponseOverrides *bool `json:"bypass_error_response_overrides,omitempty"`

	// Other bodies for error responses. Accepted for compatibility; has no effect.
	// +optional
	// +kubebuilder:validation:MinItems=1
	ErrorResponseOverrides []ErrorResponseOverride `json:"error_response_overrides,omitempty"`

	// How `tls` was spelled in getambassador.io/v2. Only conversion between
	// API versions reads it.
	// +optional
	V2ExplicitTLS *V2ExplicitTLS `json:"v2ExplicitTLS,omitempty"`

	// Which `regex_headers` were `true` in getambassador.io/v2. Only
	// conversion between API versions reads it.
	// +optional
	V2BoolHeaders []string `json:"v2BoolHeaders,omitempty"`

	// Which `regex_query_parameters` were `true` in getambassador.io/v2.
	// Only conversion between API versions reads it.
	// +optional
	V2BoolQueryParameters []string `json:"v2BoolQueryParameters,omitempty"`
}

// MappingDocs tells a developer portal about the service behind a Mapping.
type MappingDocs struct {
	// Path of the OpenAPI document on the service.
	// +optional
	Path string `json:"path,omitempty"`

	// URL of the OpenAPI document, where it is not on the service.
	// +optional
	URL string `json:"url,omitempty"`

	// Leave the service out of the portal. Default: `false`.
	// +optional
	Ignored *bool `json:"ignored,omitempty"`

	// Name to show for the service.
	// +optional
	DisplayName string `json:"display_name,omitempty"`

	// Time to wait for the document, in milliseconds. Default: whatever reads
	// it decides.
	// +optional
	TimeoutMs *int `json:"timeout_ms,omitempty"`
}

// ErrorResponseOverride is another body for responses with one status code.
type ErrorResponseOverride struct {
	// Status code of the responses.
	// +kubebuilder:validation:Minimum=400
	// +kubebuilder:validation:Maximum=599
	OnStatusCode int `json:"on_status_code"`

	// Body to send instead.
	Body ErrorResponseOverrideBody `json:"body"`
}

// ErrorResponseOverrideBody is the body of an overridden error response.
type ErrorResponseOverrideBody struct {
	// Text, which may contain Envoy's substitution commands.
	// +optional
	TextFormat *string `json:"text_format,omitempty"`

	// JSON object, whose values may contain Envoy's substitution commands.
	// +optional
	JSONFormat map[string]string `json:"json_format,omitempty"`

	// Text from a file in the controller's pod.
	// +optional
	TextFormatSource *ErrorResponseTextFormatSource `json:"text_format_source,omitempty"`

	// Content type of the text. Default: `text/plain`.
	// +optional
	ContentType string `json:"content_type,omitempty"`
}

// ErrorResponseTextFormatSource is the file that the text comes from.
type ErrorResponseTextFormatSource struct {
	// Path of the file.
	// +optional
	Filename string `json:"filename,omitempty"`
}
