package compile

import (
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/crds/v3alpha1"
)

// protocolOptionsName is where Envoy looks for the HTTP options of a cluster.
const protocolOptionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// protocolOptions says which HTTP an upstream speaks and how long its connections live; nil leaves all to Envoy, which
// speaks HTTP/1.1.
func (c *Compiler) protocolOptions(u *upstream) map[string]*anypb.Any {
	headerCase := c.module.http.headerKeyFormat()
	idle, lifetime := aboveZero(u.IdleTimeoutMs), aboveZero(u.LifetimeMs)
	limited := idle != nil || lifetime != nil
	if !limited && !u.GRPC && headerCase == nil {
		return nil
	}
	options := &httpv3.HttpProtocolOptions{}
	if limited {
		options.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{IdleTimeout: idle, MaxConnectionDuration: lifetime}
	}
	explicit := &httpv3.HttpProtocolOptions_ExplicitHttpConfig{}
	if u.GRPC {
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
			Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		}
	} else {
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
			HttpProtocolOptions: &corev3.Http1ProtocolOptions{HeaderKeyFormat: headerCase},
		}
	}
	options.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: explicit}
	return map[string]*anypb.Any{protocolOptionsName: packed(options)}
}

// aboveZero converts a limit in milliseconds; 0 sets none, as in Emissary, and leaves Envoy's default.
func aboveZero(ms *int) *durationpb.Duration {
	if ms == nil || *ms == 0 {
		return nil
	}
	return milliseconds(*ms)
}

func circuitBreakers(breakers []v3alpha1.CircuitBreaker) *clusterv3.CircuitBreakers {
	if len(breakers) == 0 {
		return nil
	}
	limits := &clusterv3.CircuitBreakers{}
	for _, breaker := range breakers {
		limits.Thresholds = append(limits.Thresholds, &clusterv3.CircuitBreakers_Thresholds{
			Priority:           routingPriority(breaker.Priority),
			MaxConnections:     optionalUint32(breaker.MaxConnections),
			MaxPendingRequests: optionalUint32(breaker.MaxPendingRequests),
			MaxRequests:        optionalUint32(breaker.MaxRequests),
			MaxRetries:         optionalUint32(breaker.MaxRetries),
		})
	}
	return limits
}

// Defaults of active health checks, as documented for Mappings.
const (
	healthCheckTimeout  = "3s"
	healthCheckInterval = "5s"
)

func healthChecks(checks []v3alpha1.HealthCheck) []*corev3.HealthCheck {
	var list []*corev3.HealthCheck
	for i, check := range checks {
		made := &corev3.HealthCheck{
			Timeout:            durationOr(check.Timeout, healthCheckTimeout),
			Interval:           durationOr(check.Interval, healthCheckInterval),
			UnhealthyThreshold: wrapperspb.UInt32(uint32(valueOr(check.UnhealthyThreshold, 2))),
			HealthyThreshold:   wrapperspb.UInt32(uint32(valueOr(check.HealthyThreshold, 1))),
		}
		if len(checks) > 1 {
			made.Name = strconv.Itoa(i + 1) // Envoy wants several told apart
		}
		if grpc := check.HealthCheck.GRPC; grpc != nil {
			made.HealthChecker = &corev3.HealthCheck_GrpcHealthCheck_{
				GrpcHealthCheck: &corev3.HealthCheck_GrpcHealthCheck{ServiceName: grpc.UpstreamName, Authority: grpc.Authority},
			}
		} else {
			made.HealthChecker = httpHealthCheck(check.HealthCheck.HTTP)
		}
		list = append(list, made)
	}
	return list
}

func httpHealthCheck(check *v3alpha1.HTTPHealthCheck) *corev3.HealthCheck_HttpHealthCheck_ {
	http := &corev3.HealthCheck_HttpHealthCheck{
		Path:                   check.Path,
		Host:                   check.Hostname,
		RequestHeadersToAdd:    headersToAdd(check.AddRequestHeaders),
		RequestHeadersToRemove: check.RemoveRequestHeaders,
	}
	for _, statuses := range check.ExpectedStatuses {
		// Envoy's range leaves its end out.
		http.ExpectedStatuses = append(http.ExpectedStatuses, &typev3.Int64Range{Start: int64(statuses.Min), End: int64(statuses.Max) + 1})
	}
	return &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: http}
}

// durationOr reads a checked duration.
func durationOr(text, fallback string) *durationpb.Duration {
	if strings.TrimSpace(text) == "" {
		text = fallback
	}
	duration, _ := parseDuration("", text)
	return durationpb.New(duration)
}
