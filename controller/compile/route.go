package compile

import (
	"cmp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"terraform-provider-emissary/controller/compile/matchtree"
	"terraform-provider-emissary/controller/compile/partition"
	"terraform-provider-emissary/crds/v3alpha1"
)

// memberRoute is the route of one Mapping. Its variants differ in what they match and in whether they redirect to
// HTTPS.
type memberRoute struct {
	group   *group
	mapping *mapping
	share   int
	// cluster is where requests go, empty when they must not go anywhere, and shadow where copies of them do.
	cluster, shadow string
	variants        []madeVariant // one, as a rule: a map for each would be larger than the route
}

// madeVariant is a variant as it was made.
type madeVariant struct {
	variant variant
	entry   *matchtree.Entry
}

// variant is what the place of a route in a virtual host makes of it.
type variant struct {
	// secureOnly adds the condition that the request came by HTTPS.
	secureOnly bool
	// redirect sends the client to HTTPS instead of doing what the Mapping says.
	redirect bool
	// byProto is set where the securityModel looks at x-forwarded-proto.
	byProto bool
	// hostKnown leaves out the hostname, which the virtual host has made sure of.
	hostKnown bool
}

// routesOf returns the routes of a group, in the order they are tried in. They are made when the first Host asks for
// them.
func (c *Compiler) routesOf(g *group) []*memberRoute {
	if !g.compiled {
		c.clusters.user = g
		g.routes, g.compiled = c.memberRoutes(g), true
		c.clusters.user = nil
		g.paths = pathsOf(g)
	}
	return g.routes
}

// pathsOf is what is known of the paths that the routes of a group match.
func pathsOf(g *group) (paths partition.Range) {
	for i, member := range g.routes {
		var match routev3.RouteMatch
		matchPath(&match, g, member.mapping)
		own := partition.Range{}
		if literal, only := matchtree.Literal(&match); only {
			own = partition.Exactly(literal)
		} else if literal != "" {
			own = partition.StartingWith(literal)
		}
		if i == 0 {
			paths = own
		} else {
			paths = paths.Union(own)
		}
	}
	return paths
}

func (c *Compiler) memberRoutes(g *group) []*memberRoute {
	if g.redirect != nil {
		return []*memberRoute{{group: g, mapping: g.redirect, share: 100}}
	}
	if len(g.members) == 0 {
		return nil
	}
	weights := make([]*int, len(g.members))
	for i, m := range g.members {
		weights[i] = m.spec.Weight
	}
	order, shares, over := cumulativeWeights(weights)
	if over > 100 {
		for _, m := range g.members {
			m.report.warn(ReasonConflict, "the weights of the Mappings that match the same requests add up to %d: "+
				"what is beyond 100 gets no traffic", over)
		}
	}
	shadow := ""
	if g.shadow != nil && !g.shadow.upstream.broken {
		shadow = c.clusterFor(g.shadow, "shadow")
	}
	routes := make([]*memberRoute, 0, len(order))
	for i, member := range order {
		r := &memberRoute{group: g, mapping: g.members[member], share: shares[i], shadow: shadow}
		if !r.mapping.upstream.broken {
			r.cluster = c.clusterFor(r.mapping, r.mapping.spec.ClusterTag)
		}
		routes = append(routes, r)
	}
	return routes
}

// unavailable answers in place of a service that must not be talked to as things are.
var unavailable = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 503}}

// toHTTPS redirects a request to the same URL with the scheme https.
var toHTTPS = &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{
	SchemeRewriteSpecifier: &routev3.RedirectAction_HttpsRedirect{HttpsRedirect: true},
}}

// variant returns the route as it stands in a virtual host of a certain kind. Routes are shared by virtual hosts of the
// same kind.
func (r *memberRoute) variant(c *Compiler, v variant) *matchtree.Entry {
	for _, made := range r.variants {
		if made.variant == v {
			return made.entry
		}
	}
	route := c.decorated(r.group, r.mapping)
	matchRequests(route.Match, r.group, r.mapping, v, r.share, r.cluster)
	switch {
	case v.redirect:
		route.Action, route.TypedPerFilterConfig = toHTTPS, nil
		c.bypassAuth(route)
	case r.mapping == r.group.redirect:
		route.Action = &routev3.Route_Redirect{Redirect: redirectAction(r.mapping)}
		c.bypassAuth(route)
	case r.cluster == "":
		route.Action = unavailable
	default:
		route.Action = &routev3.Route_Route{Route: c.routeAction(r)}
	}
	entry := matchtree.NewEntry(route)
	if r.variants == nil {
		r.variants = make([]madeVariant, 0, 2) // what a Host makes of a route at most
	}
	r.variants = append(r.variants, madeVariant{v, entry})
	return entry
}

// acmeChallenge is where certificate authorities look for the answer to a challenge. It is always routed: there may be
// no certificate yet.
const acmeChallenge = "/.well-known/acme-challenge/"

func (r *memberRoute) answersACME() bool {
	first := r.group.first().spec
	return first.Prefix == acmeChallenge && !first.PrefixRegex && !first.PrefixExact
}

// decorated starts a route with what does not depend on its action. What it matches is empty yet, and allocated with it.
func (c *Compiler) decorated(g *group, m *mapping) *routev3.Route {
	shared := g.shared
	made := &struct {
		routev3.Route
		match routev3.RouteMatch
	}{}
	route := &made.Route
	*route = routev3.Route{
		Match:                   &made.match,
		Name:                    m.ref.Namespace + "/" + m.ref.Name,
		RequestHeadersToAdd:     headersToAdd(c.requestHeaders(shared, m)),
		RequestHeadersToRemove:  shared.RemoveRequestHeaders,
		ResponseHeadersToAdd:    headersToAdd(shared.AddResponseHeaders),
		ResponseHeadersToRemove: shared.RemoveResponseHeaders,
	}
	if shared.CORS != nil {
		perFilter(route, filterCORS, packed(corsPolicy(shared.CORS)))
	}
	c.authorizeRoute(route, m)
	return route
}

// perFilter sets a filter's configuration for one route.
func perFilter(route *routev3.Route, filter string, config *anypb.Any) {
	if route.TypedPerFilterConfig == nil {
		route.TypedPerFilterConfig = map[string]*anypb.Any{}
	}
	route.TypedPerFilterConfig[filter] = config
}

// requestHeaders are the headers to add to requests, Linkerd's destination among them where it is asked for.
func (c *Compiler) requestHeaders(shared *v3alpha1.MappingSpec, m *mapping) map[string]v3alpha1.AddedHeader {
	linkerd := m.spec.AddLinkerdHeaders
	if linkerd == nil {
		linkerd = c.module.addLinkerdHeaders
	}
	if !isTrue(linkerd) || m.everyHost {
		return shared.AddRequestHeaders
	}
	return united(shared.AddRequestHeaders, map[string]v3alpha1.AddedHeader{"l5d-dst-override": {Value: m.service.hostPort()}})
}

// routeAction builds how a request is sent to a Mapping's service.
func (c *Compiler) routeAction(r *memberRoute) *routev3.RouteAction {
	spec, shared := r.mapping.spec, r.group.shared
	action := &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: r.cluster},
		Timeout:          c.requestTimeout(spec),
		IdleTimeout:      optionalMilliseconds(spec.IdleTimeoutMs),
		Priority:         routingPriority(shared.Priority),
		RetryPolicy:      retryPolicy(shared.RetryPolicy),
		UpgradeConfigs:   upgrades(shared),
		HashPolicy:       hashPolicy(shared.LoadBalancer),
		RateLimits:       c.rateLimits(shared),
	}
	switch {
	case shared.RegexRewrite != nil:
		action.RegexRewrite = substitute(shared.RegexRewrite)
	case spec.RegexRewrite != nil:
		// The group's last Mapping has none. It has taken the place of rewrite all the same, as in Emissary.
	case spec.Rewrite == nil:
		action.PrefixRewrite = "/"
	default:
		action.PrefixRewrite = *spec.Rewrite
	}
	switch {
	case spec.HostRewrite != "":
		action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: spec.HostRewrite}
	case spec.AutoHostRewrite != nil:
		action.HostRewriteSpecifier = &routev3.RouteAction_AutoHostRewrite{AutoHostRewrite: optionalBool(spec.AutoHostRewrite)}
	}
	if r.shadow != "" {
		percent := 100
		if weight := r.group.shadow.spec.Weight; weight != nil {
			percent = min(max(*weight, 0), 100)
		}
		action.RequestMirrorPolicies = []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: r.shadow, RuntimeFraction: fraction(percent)}}
	}
	return action
}

// requestTimeout is how long a request may take; 0 turns the limit off.
func (c *Compiler) requestTimeout(spec *v3alpha1.MappingSpec) *durationpb.Duration {
	if spec.TimeoutMs != nil {
		return milliseconds(*spec.TimeoutMs)
	}
	return milliseconds(c.module.requestTimeoutMs)
}

// redirectAction builds the answer of a host_redirect Mapping. Its service is the host to redirect to; a scheme in
// front of it becomes the new scheme, and a bare name is qualified as that of any service, as in Emissary.
func redirectAction(m *mapping) *routev3.RedirectAction {
	spec := m.spec
	action := &routev3.RedirectAction{HostRedirect: m.service.authority()}
	if scheme, _, found := strings.Cut(spec.Service, "://"); found {
		action.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: strings.ToLower(scheme)}
	}
	switch {
	case spec.PathRedirect != "":
		action.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: spec.PathRedirect}
	case spec.PrefixRedirect != "":
		action.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: spec.PrefixRedirect}
	case spec.RegexRedirect != nil:
		action.PathRewriteSpecifier = &routev3.RedirectAction_RegexRewrite{RegexRewrite: substitute(spec.RegexRedirect)}
	}
	if spec.RedirectResponseCode != nil {
		action.ResponseCode = redirectCodes[*spec.RedirectResponseCode]
	}
	return action
}

var redirectCodes = map[int]routev3.RedirectAction_RedirectResponseCode{
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

// isLogicalDNS and isStrictDNS read dns_type, in any case.
func isLogicalDNS(dnsType string) bool { return strings.EqualFold(dnsType, "logical_dns") }
func isStrictDNS(dnsType string) bool {
	return strings.EqualFold(cmp.Or(dnsType, "strict_dns"), "strict_dns")
}
