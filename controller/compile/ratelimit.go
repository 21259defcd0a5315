package compile

import (
	"cmp"
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ratelimitconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/ratelimit/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ratelimit/v3"
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// defaultRateLimitTimeoutMs is how long a RateLimitService may take to answer.
const defaultRateLimitTimeoutMs = 20

// readRateLimitServices builds the rate limit filter; nil when there is no usable RateLimitService, or more than one.
func (c *Compiler) readRateLimitServices() *ratelimitv3.RateLimit {
	var chosen *v3alpha1.RateLimitService
	var ref store.Ref
	for _, object := range c.store.RateLimitServices() {
		if !c.member(object) {
			continue
		}
		this, report := c.ledger.open(object)
		spec := &object.Spec
		switch {
		case spec.Service == "":
			report.refuse(ReasonInvalid, "service is required: give the rate limit service")
		case spec.ProtocolVersion != "v3":
			report.refuse(ReasonInvalid, "protocol_version: %q is not supported: set v3", cmp.Or(spec.ProtocolVersion, "v2"))
		case checkNotNegative("timeout_ms", spec.TimeoutMs) != nil:
			report.refuse(ReasonInvalid, "%v", checkNotNegative("timeout_ms", spec.TimeoutMs))
		case chosen != nil:
			report.refuse(ReasonConflict, "there can be one RateLimitService per install: %s exists; neither is used", ref)
			c.ledger[ref].refuse(ReasonConflict, "there can be one RateLimitService per install: %s exists; neither is used", this)
			return nil
		default:
			chosen, ref = object, this
		}
	}
	if chosen == nil {
		return nil
	}
	return c.rateLimitFilter(ref, &chosen.Spec)
}

func (c *Compiler) rateLimitFilter(ref store.Ref, spec *v3alpha1.RateLimitServiceSpec) *ratelimitv3.RateLimit {
	u, err := c.externalService(ref, spec.Service, spec.TLS)
	if err != nil {
		c.refuseService(ref, err)
		return nil
	}
	u.Marker, u.GRPC, u.StatsName = "ratelimit", true, spec.StatsName
	cluster := c.cluster(c.ledger[ref], u)
	return &ratelimitv3.RateLimit{
		Domain:                         cmp.Or(spec.Domain, c.module.defaultLabelDomain),
		RequestType:                    "both",
		Timeout:                        milliseconds(valueOr(spec.TimeoutMs, defaultRateLimitTimeoutMs)),
		FailureModeDeny:                isTrue(spec.FailureModeDeny),
		RateLimitedAsResourceExhausted: spec.GRPC != nil && isTrue(spec.GRPC.UseResourceExhaustedCode),
		RateLimitService: &ratelimitconfigv3.RateLimitServiceConfig{
			GrpcService: grpcService(cluster, nil), TransportApiVersion: corev3.ApiVersion_V3,
		},
	}
}

// addRateLimitFilter adds the filter that asks the RateLimitService.
func (c *Compiler) addRateLimitFilter(add func(name string, config proto.Message)) {
	if c.rateLimit != nil {
		add("envoy.filters.http.ratelimit", c.rateLimit)
	}
}

// checkLabels reports labels that make no descriptor.
func checkLabels(domains v3alpha1.LabelDomains) error {
	for _, domain := range sortedKeys(domains) {
		for _, group := range domains[domain] {
			if len(group) != 1 {
				return fmt.Errorf("labels.%s: a group has %d names, 1 is allowed: start a new list item for each group", domain, len(group))
			}
			for name, labels := range group {
				for _, label := range labels {
					if err := checkLabel("labels."+domain+"."+name, label); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func checkLabel(field string, label v3alpha1.Label) error {
	if countTrue(label.SourceCluster != nil, label.DestinationCluster != nil, label.RequestHeaders != nil,
		label.RemoteAddress != nil, label.GenericKey != nil) != 1 {
		return fmt.Errorf("%s: each label is exactly one of source_cluster, destination_cluster, request_headers, remote_address, generic_key", field)
	}
	if header := label.RequestHeaders; header != nil {
		if header.Key == "" {
			return fmt.Errorf("%s.request_headers.key is required", field)
		}
		return checkHeaderName(field+".request_headers.header_name", header.HeaderName)
	}
	if label.GenericKey != nil && label.GenericKey.Value == "" {
		return fmt.Errorf("%s.generic_key.value is required", field)
	}
	return nil
}

// rateLimits turns the labels of the RateLimitService's domain into descriptors, one for each group, the Module's
// default labels first.
func (c *Compiler) rateLimits(shared *v3alpha1.MappingSpec) []*routev3.RateLimit {
	if c.rateLimit == nil {
		return nil
	}
	domain := c.rateLimit.Domain
	defaults := c.module.defaultLabels[domain].Defaults
	if len(shared.Labels) == 0 && len(defaults) > 0 && domain == c.module.defaultLabelDomain {
		return []*routev3.RateLimit{{Actions: labelActions(defaults)}}
	}
	var limits []*routev3.RateLimit
	for _, group := range shared.Labels[domain] {
		for _, labels := range group {
			if actions := append(labelActions(defaults), labelActions(labels)...); len(actions) > 0 {
				limits = append(limits, &routev3.RateLimit{Actions: actions})
			}
		}
	}
	return limits
}

func labelActions(labels []v3alpha1.Label) []*routev3.RateLimit_Action {
	var actions []*routev3.RateLimit_Action
	for _, label := range labels {
		action := &routev3.RateLimit_Action{}
		switch {
		case label.SourceCluster != nil:
			action.ActionSpecifier = &routev3.RateLimit_Action_SourceCluster_{SourceCluster: &routev3.RateLimit_Action_SourceCluster{}}
		case label.DestinationCluster != nil:
			action.ActionSpecifier = &routev3.RateLimit_Action_DestinationCluster_{DestinationCluster: &routev3.RateLimit_Action_DestinationCluster{}}
		case label.RemoteAddress != nil:
			action.ActionSpecifier = &routev3.RateLimit_Action_RemoteAddress_{RemoteAddress: &routev3.RateLimit_Action_RemoteAddress{}}
		case label.RequestHeaders != nil:
			action.ActionSpecifier = &routev3.RateLimit_Action_RequestHeaders_{RequestHeaders: &routev3.RateLimit_Action_RequestHeaders{
				HeaderName: label.RequestHeaders.HeaderName, DescriptorKey: label.RequestHeaders.Key,
			}}
		case label.GenericKey != nil:
			generic := &routev3.RateLimit_Action_GenericKey{DescriptorValue: label.GenericKey.Value}
			if key := label.GenericKey.Key; key != "generic_key" {
				generic.DescriptorKey = key
			}
			action.ActionSpecifier = &routev3.RateLimit_Action_GenericKey_{GenericKey: generic}
		}
		actions = append(actions, action)
	}
	return actions
}
