package compile

import (
	"cmp"
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// tracing is the usable TracingService of an install. It is part of every HTTP connection manager, so that a change
// needs no restart of Envoy.
type tracing struct {
	driver string
	config *hcmv3.HttpConnectionManager_Tracing
}

// readTracingServices builds the tracing of an install; nil when there is no usable TracingService, or more than one.
func (c *Compiler) readTracingServices() *tracing {
	var chosen *v3alpha1.TracingService
	var ref store.Ref
	for _, object := range c.store.TracingServices() {
		if !c.member(object) {
			continue
		}
		this, report := c.ledger.open(object)
		switch err := checkTracingService(&object.Spec); {
		case err != nil:
			report.refuse(ReasonInvalid, "%v", err)
		case chosen != nil:
			report.refuse(ReasonConflict, "there can be one TracingService per install: %s exists; neither is used", ref)
			c.ledger[ref].refuse(ReasonConflict, "there can be one TracingService per install: %s exists; neither is used", this)
			return nil
		default:
			chosen, ref = object, this
		}
	}
	if chosen == nil {
		return nil
	}
	spec := &chosen.Spec
	u, err := c.externalService(ref, spec.Service, "")
	if err != nil {
		c.refuseService(ref, err)
		return nil
	}
	u.Marker, u.StatsName = "tracing", spec.StatsName
	u.GRPC = spec.Driver == "opentelemetry"
	cluster := c.cluster(c.ledger[ref], u)
	config := &hcmv3.HttpConnectionManager_Tracing{Provider: tracer(spec, cluster, u.Service), CustomTags: customTags(spec), SpawnUpstreamSpan: wrapperspb.Bool(true)}
	if sampling := spec.Sampling; sampling != nil {
		config.ClientSampling = percent(sampling.Client)
		config.RandomSampling = percent(sampling.Random)
		config.OverallSampling = percent(sampling.Overall)
	}
	return &tracing{driver: spec.Driver, config: config}
}

func checkTracingService(spec *v3alpha1.TracingServiceSpec) error {
	if spec.Service == "" {
		return fmt.Errorf("service is required: give the collector of traces")
	}
	if err := checkOneOf("driver", spec.Driver, "zipkin", "datadog", "opentelemetry"); err != nil {
		return err
	}
	if config := spec.Config; config != nil && config.CollectorEndpointVersion != "" {
		if err := checkOneOf("config.collector_endpoint_version", config.CollectorEndpointVersion, "HTTP_JSON", "HTTP_PROTO"); err != nil {
			return err
		}
	}
	if sampling := spec.Sampling; sampling != nil {
		for _, share := range []*int{sampling.Client, sampling.Random, sampling.Overall} {
			if share != nil && (*share < 0 || *share > 100) {
				return fmt.Errorf("sampling: %d is no percentage", *share)
			}
		}
	}
	for _, tag := range spec.CustomTags {
		if tag.Tag == "" || countTrue(tag.Literal != nil, tag.Environment != nil, tag.Header != nil) != 1 {
			return fmt.Errorf("custom_tags: each needs a tag and exactly one of literal, environment and request_header")
		}
		if tag.Literal != nil && tag.Literal.Value == "" || tag.Environment != nil && tag.Environment.Name == "" {
			return fmt.Errorf("custom_tags: the tag %s needs a literal.value or an environment.name that is not empty", tag.Tag)
		}
		if tag.Header != nil {
			if err := checkHeaderName("custom_tags.request_header.name", tag.Header.Name); err != nil {
				return err
			}
		}
	}
	for _, name := range spec.TagHeaders {
		if err := checkHeaderName("tag_headers", name); err != nil {
			return err
		}
	}
	return nil
}

// tracer builds the configuration of one of Envoy's tracers.
func tracer(spec *v3alpha1.TracingServiceSpec, cluster string, service serviceName) *tracev3.Tracing_Http {
	config := cmp.Or(spec.Config, &v3alpha1.TraceConfig{})
	var message proto.Message
	switch spec.Driver {
	case "zipkin":
		version := tracev3.ZipkinConfig_HTTP_JSON
		if config.CollectorEndpointVersion == "HTTP_PROTO" {
			version = tracev3.ZipkinConfig_HTTP_PROTO
		}
		message = &tracev3.ZipkinConfig{
			CollectorCluster:         cluster,
			CollectorEndpoint:        cmp.Or(config.CollectorEndpoint, "/api/v2/spans"),
			CollectorEndpointVersion: version,
			CollectorHostname:        cmp.Or(config.CollectorHostname, service.host),
			TraceId_128Bit:           valueOr(config.TraceID128Bit, true),
			SharedSpanContext:        optionalBool(config.SharedSpanContext),
		}
	case "datadog":
		message = &tracev3.DatadogConfig{CollectorCluster: cluster, ServiceName: cmp.Or(config.ServiceName, "ambassador"), CollectorHostname: config.CollectorHostname}
	default:
		message = &tracev3.OpenTelemetryConfig{GrpcService: grpcService(cluster, nil), ServiceName: cmp.Or(config.ServiceName, "ambassador")}
	}
	return &tracev3.Tracing_Http{
		Name:       "envoy.tracers." + spec.Driver,
		ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: packed(message)},
	}
}

// customTags lists the tags of every span; tag_headers is the old way to name request headers.
func customTags(spec *v3alpha1.TracingServiceSpec) []*tracingv3.CustomTag {
	var tags []*tracingv3.CustomTag
	for _, tag := range spec.CustomTags {
		made := &tracingv3.CustomTag{Tag: tag.Tag}
		switch {
		case tag.Literal != nil:
			made.Type = &tracingv3.CustomTag_Literal_{Literal: &tracingv3.CustomTag_Literal{Value: tag.Literal.Value}}
		case tag.Environment != nil:
			made.Type = &tracingv3.CustomTag_Environment_{Environment: &tracingv3.CustomTag_Environment{
				Name: tag.Environment.Name, DefaultValue: valueOr(tag.Environment.DefaultValue, ""),
			}}
		default:
			made.Type = headerTag(tag.Header.Name, valueOr(tag.Header.DefaultValue, ""))
		}
		tags = append(tags, made)
	}
	if len(tags) > 0 {
		return tags
	}
	for _, name := range spec.TagHeaders {
		tags = append(tags, &tracingv3.CustomTag{Tag: name, Type: headerTag(name, "")})
	}
	return tags
}

func headerTag(name, fallback string) *tracingv3.CustomTag_RequestHeader {
	return &tracingv3.CustomTag_RequestHeader{RequestHeader: &tracingv3.CustomTag_Header{Name: name, DefaultValue: fallback}}
}

func percent(share *int) *typev3.Percent {
	if share == nil {
		return nil
	}
	return &typev3.Percent{Value: float64(*share)}
}

// trace adds tracing to a connection manager.
func (c *Compiler) trace(manager *hcmv3.HttpConnectionManager) {
	if c.tracing != nil {
		manager.Tracing = c.tracing.config
		manager.GenerateRequestId = wrapperspb.Bool(true)
	}
}

// trafficDirection makes spans say that they are an entry to other services.
func (c *Compiler) trafficDirection(listener *listenerv3.Listener) {
	if c.tracing != nil {
		listener.TrafficDirection = corev3.TrafficDirection_OUTBOUND
	}
}

// logsDatadog reports whether JSON access logs carry Datadog's identifiers.
func (t *tracing) logsDatadog() bool { return t != nil && t.driver == "datadog" }
