package compile

import (
	"encoding/json"
	"fmt"
	"maps"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// httpSettings are the keys of the ambassador Module that configure how HTTP connections are handled.
type httpSettings struct {
	useRemoteAddress      bool
	serverName            string
	idleTimeoutMs         *int
	maxRequestHeadersKB   *int
	enableHTTP10          bool
	allowChunkedLength    bool
	preserveRequestID     bool
	mergeSlashes          looseBool
	stripMatchingPort     looseBool
	rejectEscapedSlashes  looseBool
	suppressEnvoyHeaders  looseBool
	underscores           string
	forwardClientCert     string
	setClientCert         *clientCertDetails
	properCase            bool
	connectionBufferLimit *int

	log     accessLog
	filters filterSettings
}

// clientCertDetails says what of a client's certificate x-forwarded-client-cert carries.
type clientCertDetails struct {
	Subject *bool `json:"subject"`
	Cert    bool  `json:"cert"`
	Chain   bool  `json:"chain"`
	DNS     bool  `json:"dns"`
	URI     bool  `json:"uri"`
}

func defaultHTTPSettings() httpSettings {
	return httpSettings{useRemoteAddress: true, serverName: "envoy", log: defaultAccessLog()}
}

func (s *httpSettings) keys() map[string]func(json.RawMessage) error {
	keys := map[string]func(json.RawMessage) error{
		"allow_chunked_length":                 into(&s.allowChunkedLength),
		"buffer_limit_bytes":                   checked(&s.connectionBufferLimit, notNegative),
		"enable_http10":                        into(&s.enableHTTP10),
		"forward_client_cert_details":          checked(&s.forwardClientCert, checkEnum(hcmv3.HttpConnectionManager_ForwardClientCertDetails_value)),
		"headers_with_underscores_action":      checked(&s.underscores, checkEnum(corev3.HttpProtocolOptions_HeadersWithUnderscoresAction_value)),
		"listener_idle_timeout_ms":             checked(&s.idleTimeoutMs, notNegative),
		"max_request_headers_kb":               checked(&s.maxRequestHeadersKB, checkHeadersKB),
		"merge_slashes":                        into(&s.mergeSlashes),
		"preserve_external_request_id":         into(&s.preserveRequestID),
		"proper_case":                          into(&s.properCase),
		"reject_requests_with_escaped_slashes": into(&s.rejectEscapedSlashes),
		"server_name":                          checked(&s.serverName, func(name string) error { return checkHeaderValue("value", name) }),
		"set_current_client_cert_details":      into(&s.setClientCert),
		"strip_matching_host_port":             into(&s.stripMatchingPort),
		"suppress_envoy_headers":               into(&s.suppressEnvoyHeaders),
		"use_remote_address":                   into(&s.useRemoteAddress),
	}
	maps.Copy(keys, s.log.keys())
	maps.Copy(keys, s.filters.keys())
	return keys
}

// checkEnum checks the name of a protobuf enum value.
func checkEnum(values map[string]int32) func(string) error {
	return func(name string) error {
		if _, known := values[name]; !known {
			return fmt.Errorf("%q is not one of Envoy's values", name)
		}
		return nil
	}
}

func checkHeadersKB(kb *int) error {
	if kb != nil && (*kb < 1 || *kb > 8192) {
		return fmt.Errorf("%d is out of range: give 1 to 8192", *kb)
	}
	return nil
}

// connectionManager builds the HTTP connection manager of a filter chain that takes its routes from a table.
func (c *Compiler) connectionManager(l *listener, routes *table) *hcmv3.HttpConnectionManager {
	s := &c.module.http
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix:                l.statsPrefix,
		HttpFilters:               c.httpFilters,
		AccessLog:                 c.accessLogs,
		NormalizePath:             wrapperspb.Bool(true),
		UseRemoteAddress:          wrapperspb.Bool(s.useRemoteAddress),
		XffNumTrustedHops:         uint32(l.l7Depth),
		ServerName:                s.serverName,
		MergeSlashes:              bool(s.mergeSlashes),
		StripMatchingHostPort:     bool(s.stripMatchingPort),
		PreserveExternalRequestId: s.preserveRequestID,
		CommonHttpProtocolOptions: s.commonOptions(),
		HttpProtocolOptions:       s.http1Options(),
		MaxRequestHeadersKb:       optionalUint32(s.maxRequestHeadersKB),
	}
	if s.rejectEscapedSlashes {
		manager.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_REJECT_REQUEST
	}
	if s.forwardClientCert != "" {
		manager.ForwardClientCertDetails = hcmv3.HttpConnectionManager_ForwardClientCertDetails(
			hcmv3.HttpConnectionManager_ForwardClientCertDetails_value[s.forwardClientCert])
	}
	if details := s.setClientCert; details != nil {
		manager.SetCurrentClientCertDetails = &hcmv3.HttpConnectionManager_SetCurrentClientCertDetails{
			Subject: optionalBool(details.Subject), Cert: details.Cert, Chain: details.Chain, Dns: details.DNS, Uri: details.URI,
		}
	}
	if l.http2MaxStreams != nil {
		manager.Http2ProtocolOptions = &corev3.Http2ProtocolOptions{MaxConcurrentStreams: wrapperspb.UInt32(uint32(*l.http2MaxStreams))}
	}
	if l.http3 {
		manager.CodecType = hcmv3.HttpConnectionManager_HTTP3
		manager.Http3ProtocolOptions = &corev3.Http3ProtocolOptions{}
	}
	c.trace(manager)
	routes.connect(manager)
	return manager
}

func (s *httpSettings) commonOptions() *corev3.HttpProtocolOptions {
	idle := aboveZero(s.idleTimeoutMs)
	if idle == nil && s.underscores == "" {
		return nil
	}
	return &corev3.HttpProtocolOptions{
		IdleTimeout: idle,
		HeadersWithUnderscoresAction: corev3.HttpProtocolOptions_HeadersWithUnderscoresAction(
			corev3.HttpProtocolOptions_HeadersWithUnderscoresAction_value[s.underscores]),
	}
}

func (s *httpSettings) http1Options() *corev3.Http1ProtocolOptions {
	format := s.headerKeyFormat()
	if format == nil && !s.enableHTTP10 && !s.allowChunkedLength {
		return nil
	}
	return &corev3.Http1ProtocolOptions{AcceptHttp_10: s.enableHTTP10, AllowChunkedLength: s.allowChunkedLength, HeaderKeyFormat: format}
}

// headerKeyFormat says how header names are spelt in HTTP/1; nil leaves them in lower case.
func (s *httpSettings) headerKeyFormat() *corev3.Http1ProtocolOptions_HeaderKeyFormat {
	if !s.properCase {
		return nil
	}
	return &corev3.Http1ProtocolOptions_HeaderKeyFormat{
		HeaderFormat: &corev3.Http1ProtocolOptions_HeaderKeyFormat_ProperCaseWords_{
			ProperCaseWords: &corev3.Http1ProtocolOptions_HeaderKeyFormat_ProperCaseWords{},
		},
	}
}
