package compile

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"terraform-provider-emissary/crds/v3alpha1"
)

// The functions below translate one policy of a Mapping each. Their input was checked.

// headersToAdd lists headers by name. They are appended to what is there unless append is false.
func headersToAdd(headers map[string]v3alpha1.AddedHeader) []*corev3.HeaderValueOption {
	var options []*corev3.HeaderValueOption
	for _, name := range sortedKeys(headers) {
		header := headers[name]
		option := &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: name, Value: header.Value},
			AppendAction: corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD,
		}
		if header.Append != nil && !*header.Append {
			option.AppendAction = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		}
		options = append(options, option)
	}
	return options
}

func routingPriority(priority string) corev3.RoutingPriority {
	if strings.EqualFold(priority, "high") {
		return corev3.RoutingPriority_HIGH
	}
	return corev3.RoutingPriority_DEFAULT
}

func retryPolicy(retry *v3alpha1.RetryPolicy) *routev3.RetryPolicy {
	if retry == nil {
		return nil
	}
	policy := &routev3.RetryPolicy{RetryOn: retry.RetryOn, NumRetries: optionalUint32(retry.NumRetries)}
	if retry.PerTryTimeout != "" {
		timeout, _ := parseDuration("per_try_timeout", retry.PerTryTimeout)
		policy.PerTryTimeout = durationpb.New(timeout)
	}
	return policy
}

// upgrades lists the protocols a connection may be upgraded to, each once: Envoy refuses a second one in any case.
func upgrades(shared *v3alpha1.MappingSpec) []*routev3.RouteAction_UpgradeConfig {
	protocols := shared.AllowUpgrade
	if isTrue(shared.UseWebsocket) {
		protocols = append(slices.Clone(protocols), "websocket")
	}
	var configs []*routev3.RouteAction_UpgradeConfig
	for i, protocol := range protocols {
		same := func(other string) bool { return strings.EqualFold(protocol, other) }
		if !slices.ContainsFunc(protocols[:i], same) {
			configs = append(configs, &routev3.RouteAction_UpgradeConfig{UpgradeType: protocol})
		}
	}
	return configs
}

// hashPolicy says what ring_hash and maglev choose an endpoint by.
func hashPolicy(lb *v3alpha1.LoadBalancer) []*routev3.RouteAction_HashPolicy {
	if lb == nil || lb.Policy != "ring_hash" && lb.Policy != "maglev" {
		return nil
	}
	policy := &routev3.RouteAction_HashPolicy{}
	switch {
	case lb.Cookie != nil:
		cookie := &routev3.RouteAction_HashPolicy_Cookie{Name: lb.Cookie.Name, Path: lb.Cookie.Path}
		if lb.Cookie.TTL != "" {
			ttl, _ := parseDuration("ttl", lb.Cookie.TTL)
			cookie.Ttl = durationpb.New(ttl)
		}
		policy.PolicySpecifier = &routev3.RouteAction_HashPolicy_Cookie_{Cookie: cookie}
	case lb.Header != "":
		policy.PolicySpecifier = &routev3.RouteAction_HashPolicy_Header_{
			Header: &routev3.RouteAction_HashPolicy_Header{HeaderName: lb.Header},
		}
	default:
		policy.PolicySpecifier = &routev3.RouteAction_HashPolicy_ConnectionProperties_{
			ConnectionProperties: &routev3.RouteAction_HashPolicy_ConnectionProperties{SourceIp: isTrue(lb.SourceIP)},
		}
	}
	return []*routev3.RouteAction_HashPolicy{policy}
}

func substitute(s *v3alpha1.RegexSubstitution) *matcherv3.RegexMatchAndSubstitute {
	return &matcherv3.RegexMatchAndSubstitute{Pattern: regexMatcher(s.Pattern), Substitution: s.Substitution}
}

// corsPolicy allows origins as they are written; "*" allows all.
func corsPolicy(cors *v3alpha1.CORS) *corsv3.CorsPolicy {
	return &corsv3.CorsPolicy{
		AllowMethods:     strings.Join(cors.Methods, ", "),
		AllowHeaders:     strings.Join(cors.Headers, ", "),
		ExposeHeaders:    strings.Join(cors.ExposedHeaders, ", "),
		MaxAge:           cors.MaxAge,
		AllowCredentials: optionalBool(cors.Credentials),

		AllowOriginStringMatch: exactMatchers(cors.Origins),
	}
}

// tcpKeepalive translates the idle time before probes start, the time between them (both in seconds) and how many may
// go unanswered.
func tcpKeepalive(idle, interval, probes *int) *corev3.TcpKeepalive {

	return &corev3.TcpKeepalive{KeepaliveTime: optionalUint32(idle), KeepaliveInterval: optionalUint32(interval), KeepaliveProbes: optionalUint32(probes)}
}
