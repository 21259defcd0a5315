package compile

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// authorization is what the AuthServices of an install ask for.
type authorization struct {
	// denied is set when an AuthService cannot be asked: everything but the probes is refused then.
	denied bool
	config *extauthzv3.ExtAuthz
}

// defaultAuthTimeoutMs is how long an AuthService may take to answer.
const defaultAuthTimeoutMs = 5000

// readAuthServices merges the AuthServices of this install into one, whose requests are spread over all services; nil
// when there is none. One without auth_service is no AuthService at all: the API refuses such an object.
func (c *Compiler) readAuthServices() *authorization {
	var specs []*v3alpha1.AuthServiceSpec
	var refs []store.Ref
	auth := &authorization{}
	for _, object := range c.store.AuthServices() {
		if !c.member(object) {
			continue
		}
		ref, report := c.ledger.open(object)
		if object.Spec.AuthService == "" {
			report.refuse(ReasonInvalid, "auth_service is required: give the service that authorizes requests")
			continue
		}
		if err := checkAuthService(&object.Spec); err != nil {
			c.refuseAuth(ref, auth, err)
			continue
		}
		specs, refs = append(specs, &object.Spec), append(refs, ref)
	}
	if len(specs) == 0 || auth.denied {
		if auth.denied {
			return auth
		}
		return nil
	}
	c.noteAuthConflicts(refs, specs)
	merged := mergeAuth(specs)
	cluster, err := c.authCluster(refs, specs, merged)
	if err != nil {
		c.refuseAuth(refs[0], auth, err)
		return auth
	}
	auth.config = c.authFilter(merged, cluster)
	return auth
}

// refuseAuth refuses an AuthService and with it all requests: an install that wanted them authorized must not serve
// them because of a mistake.
func (c *Compiler) refuseAuth(ref store.Ref, auth *authorization, err error) {
	auth.denied = true
	c.refuseService(ref, fmt.Errorf("%w; every request but the probes is refused until this is corrected", err))
}

func checkAuthService(spec *v3alpha1.AuthServiceSpec) error {
	if spec.Proto != "" {
		if err := checkOneOf("proto", spec.Proto, "http", "grpc"); err != nil {
			return err
		}
	}
	if spec.Proto == "grpc" && spec.ProtocolVersion != "v3" {
		return fmt.Errorf("protocol_version: a grpc AuthService needs v3")
	}
	for _, list := range []struct {
		field string
		names []string
	}{
		{"allowed_request_headers", spec.AllowedRequestHeaders},
		{"allowed_authorization_headers", spec.AllowedAuthorizationHeaders},
	} {
		for _, name := range list.names {
			if err := checkHeaderName(list.field, name); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedKeys(spec.AddAuthHeaders) {
		if err := firstError(
			checkEditableHeader("add_auth_headers", name),
			checkTemplate("add_auth_headers."+name, spec.AddAuthHeaders[name]),
		); err != nil {
			return err
		}
	}
	if body := spec.IncludeBody; body != nil {
		if err := checkAboveZero("include_body.max_bytes", &body.MaxBytes); err != nil {
			return err
		}
	}
	if status := spec.StatusOnError; status != nil && status.Code != nil {
		if _, known := typev3.StatusCode_name[int32(min(*status.Code, math.MaxInt32))]; !known || *status.Code < 200 {
			return fmt.Errorf("status_on_error.code: %d is no HTTP status", *status.Code)
		}
	}
	if err := checkHeaderValue("path_prefix", spec.PathPrefix); err != nil {
		return err
	}
	if err := checkCircuitBreakers(spec.CircuitBreakers); err != nil {
		return err
	}
	return checkNotNegative("timeout_ms", spec.TimeoutMs)
}

// noteAuthConflicts tells AuthServices that what they set is decided by another one.
func (c *Compiler) noteAuthConflicts(refs []store.Ref, specs []*v3alpha1.AuthServiceSpec) {
	for i := 1; i < len(specs); i++ {
		if prefix := specs[i].PathPrefix; prefix != "" {
			set := slices.IndexFunc(specs, func(spec *v3alpha1.AuthServiceSpec) bool { return spec.PathPrefix != "" })
			if specs[set].PathPrefix != prefix {
				c.ledger[refs[i]].warn(ReasonConflict, "path_prefix differs from that of %s, which is used", refs[set])
			}
		}
		if specs[i].Proto != specs[0].Proto {
			c.ledger[refs[0]].warn(ReasonConflict, "proto differs from that of %s, which is used", refs[i])
		}
	}
}

// mergeAuth makes one AuthService of several, as Emissary does: path_prefix is the first one that is set, the allowed headers are
// those of all, and of everything else the last one that sets it counts.
func mergeAuth(specs []*v3alpha1.AuthServiceSpec) *v3alpha1.AuthServiceSpec {
	merged := *specs[0]
	for _, spec := range specs[1:] {
		merged.AllowedRequestHeaders = slices.Concat(merged.AllowedRequestHeaders, spec.AllowedRequestHeaders)
		merged.PathPrefix = cmp.Or(merged.PathPrefix, spec.PathPrefix)
		merged.AllowedAuthorizationHeaders = slices.Concat(merged.AllowedAuthorizationHeaders, spec.AllowedAuthorizationHeaders)
		merged.Proto = cmp.Or(spec.Proto, merged.Proto)
		override(&merged.TimeoutMs, spec.TimeoutMs)
		override(&merged.IncludeBody, spec.IncludeBody)
		override(&merged.AllowRequestBody, spec.AllowRequestBody)
		override(&merged.FailureModeAllow, spec.FailureModeAllow)
		override(&merged.StatusOnError, spec.StatusOnError)
		override(&merged.AddLinkerdHeaders, spec.AddLinkerdHeaders)
		if spec.AddAuthHeaders != nil {
			merged.AddAuthHeaders = spec.AddAuthHeaders
		}
	}
	return &merged
}

// authCluster makes the one cluster of the AuthServices, with the connection settings of the first.
func (c *Compiler) authCluster(refs []store.Ref, specs []*v3alpha1.AuthServiceSpec, merged *v3alpha1.AuthServiceSpec) (string, error) {
	u, err := c.externalService(refs[0], specs[0].AuthService, specs[0].TLS)
	if err != nil {
		return "", err
	}
	for i, spec := range specs[1:] {
		other, err := c.externalService(refs[i+1], spec.AuthService, spec.TLS)
		if err != nil {
			return "", err
		}
		c.checkService(c.ledger[refs[i+1]], other)
		u.Others = append(u.Others, other.Service)
	}
	u.Marker = "auth"
	u.GRPC = merged.Proto == "grpc"
	u.StatsName = specs[0].StatsName
	u.CircuitBreakers = specs[0].CircuitBreakers
	if u.CircuitBreakers == nil {
		u.CircuitBreakers = c.module.circuitBreakers
	}
	name := c.cluster(c.ledger[refs[0]], u)
	for _, ref := range refs {
		c.ledger[ref].uses(ResourceID{ClusterType, name})
	}
	return name, nil
}

// Headers that Emissary always sends to an HTTP AuthService, and always takes from its answer.
var (
	authRequestHeaders = []string{"authorization", "cookie", "from", "proxy-authorization", "user-agent", "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-proto"}
	authResponseHeaders = []string{"authorization", "location", "proxy-authenticate", "set-cookie", "www-authenticate"}
)

func (c *Compiler) authFilter(spec *v3alpha1.AuthServiceSpec, cluster string) *extauthzv3.ExtAuthz {
	timeout := milliseconds(valueOr(spec.TimeoutMs, defaultAuthTimeoutMs))
	filter := &extauthzv3.ExtAuthz{
		TransportApiVersion: corev3.ApiVersion_V3,
		FailureModeAllow:    isTrue(spec.FailureModeAllow),
		// Headers the AuthService adds take part in routing.
		ClearRouteCache: true,
		WithRequestBody: requestBody(spec),
	}
	if status := spec.StatusOnError; status != nil && status.Code != nil {
		filter.StatusOnError = &typev3.HttpStatus{Code: typev3.StatusCode(*status.Code)}
	}
	if spec.Proto == "grpc" {
		filter.Services = &extauthzv3.ExtAuthz_GrpcService{GrpcService: grpcService(cluster, timeout)}
		return filter
	}
	filter.AllowedHeaders = headerNames(authRequestHeaders, spec.AllowedRequestHeaders)
	answer := headerNames(authResponseHeaders, spec.AllowedAuthorizationHeaders)
	service := &extauthzv3.HttpService{
		ServerUri: &corev3.HttpUri{
			Uri:              authURI(spec.AuthService),
			HttpUpstreamType: &corev3.HttpUri_Cluster{Cluster: cluster},
			Timeout:          timeout,
		},
		AuthorizationResponse: &extauthzv3.AuthorizationResponse{AllowedUpstreamHeaders: answer, AllowedClientHeaders: answer},
	}
	if prefix := strings.TrimPrefix(spec.PathPrefix, "/"); prefix != "" {
		service.PathPrefix = "/" + prefix
	}
	headers := maps.Clone(spec.AddAuthHeaders)
	if isTrue(spec.AddLinkerdHeaders) || spec.AddLinkerdHeaders == nil && isTrue(c.module.addLinkerdHeaders) {
		target, _ := parseService(spec.AuthService, spec.TLS != "")
		headers = map[string]string{"l5d-dst-override": target.hostPort()}
		maps.Copy(headers, spec.AddAuthHeaders)
	}
	if len(headers) > 0 {
		service.AuthorizationRequest = &extauthzv3.AuthorizationRequest{}
		for _, name := range sortedKeys(headers) {
			service.AuthorizationRequest.HeadersToAdd = append(service.AuthorizationRequest.HeadersToAdd,
				&corev3.HeaderValue{Key: name, Value: headers[name]})
		}
	}
	filter.Services = &extauthzv3.ExtAuthz_HttpService{HttpService: service}
	return filter
}

// authURI is required and only its scheme and host matter, as the Host header.
func authURI(service string) string {
	if strings.Contains(service, "://") {
		return service
	}
	return "http://" + service
}

// requestBody says how much of the body the AuthService gets; allow_request_body is the old way to say 4096 bytes.
func requestBody(spec *v3alpha1.AuthServiceSpec) *extauthzv3.BufferSettings {
	switch {
	case spec.IncludeBody != nil:
		return &extauthzv3.BufferSettings{MaxRequestBytes: uint32(spec.IncludeBody.MaxBytes), AllowPartialMessage: spec.IncludeBody.AllowPartial}
	case isTrue(spec.AllowRequestBody):
		return &extauthzv3.BufferSettings{MaxRequestBytes: 4096, AllowPartialMessage: true}
	}
	return nil
}

// headerNames matches header names in any case, each once.
func headerNames(lists ...[]string) *matcherv3.ListStringMatcher {
	var names []string
	for _, list := range lists {
		for _, name := range list {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	matcher := &matcherv3.ListStringMatcher{}
	for _, name := range slices.Compact(names) {
		pattern := exactMatcher(name)
		pattern.IgnoreCase = true
		matcher.Patterns = append(matcher.Patterns, pattern)
	}
	return matcher
}

// denyScript answers every request but the probes with 500, in place of an AuthService that cannot be asked.
const denyScript = `
function envoy_on_request(request_handle)
  local path = request_handle:headers():get(':path')
  if path == '/ambassador/v0/check_alive' or path == '/ambassador/v0/check_ready' then
    return
  end
  request_handle:respond({[':status'] = '500', ['content-type'] = 'application/json'},
    '{"message": "the AuthService is misconfigured; see its status for more information", "status_code": 500}\n')
end
`

// addAuthFilter adds the filter that asks the AuthService, or refuses everything.
func (c *Compiler) addAuthFilter(add func(name string, config proto.Message)) {
	switch {
	case c.authorization == nil:
	case c.authorization.denied:
		add(filterDeny, luaScript(denyScript))
	default:
		add(filterExtAuthz, c.authorization.config)
	}
}

// authorizeRoute sets what a Mapping changes about authorization: bypass_auth, or more context for the AuthService.
func (c *Compiler) authorizeRoute(route *routev3.Route, m *mapping) {
	switch {
	case isTrue(m.spec.BypassAuth):
		c.bypassAuth(route)
	case c.authorization != nil && len(m.spec.AuthContextExtensions) > 0:
		perFilter(route, filterExtAuthz, packed(&extauthzv3.ExtAuthzPerRoute{
			Override: &extauthzv3.ExtAuthzPerRoute_CheckSettings{
				CheckSettings: &extauthzv3.CheckSettings{ContextExtensions: m.spec.AuthContextExtensions},
			},
		}))
	}
}

var unauthorized = packed(&extauthzv3.ExtAuthzPerRoute{Override: &extauthzv3.ExtAuthzPerRoute_Disabled{Disabled: true}})

// bypassAuth keeps the AuthService out of a route: redirects need no authorization.
func (c *Compiler) bypassAuth(route *routev3.Route) {
	if c.authorization != nil {
		perFilter(route, filterExtAuthz, unauthorized)
	}
}
