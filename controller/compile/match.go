package compile

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// headerForwardedProto carries the scheme the client used; Envoy sets it unless a trusted proxy did.
const headerForwardedProto = "x-forwarded-proto"

// regexMatcher matches a whole text.
func regexMatcher(pattern string) *matcherv3.RegexMatcher {
	return &matcherv3.RegexMatcher{Regex: pattern}
}

func exactMatcher(text string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: text}}
}

func exactMatchers(texts []string) []*matcherv3.StringMatcher {
	var matchers []*matcherv3.StringMatcher
	for _, text := range texts {
		matchers = append(matchers, exactMatcher(text))
	}
	return matchers
}

func safeRegexMatcher(pattern string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regexMatcher(pattern)}}
}

// hostnameMatcher matches a hostname glob in any case.
func hostnameMatcher(glob string) *matcherv3.StringMatcher {
	matcher := &matcherv3.StringMatcher{IgnoreCase: true}
	switch {
	case strings.HasPrefix(glob, "*"):
		matcher.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: glob[1:]}
	case strings.HasSuffix(glob, "*"):
		matcher.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: glob[:len(glob)-1]}
	default:
		matcher.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: glob}
	}
	return matcher
}

// isSecure matches requests that reached the outermost trusted proxy over HTTPS.
var isSecure = headerMatcher(headerForwardedProto, exactMatcher("https"))

func headerMatcher(name string, value *matcherv3.StringMatcher) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 name,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: value},
	}
}

// matchRequests says what a request must be like to take a member's route. share is the cumulative percentage of the
// group's requests that it and those before it take; cluster names the runtime key that can shift it.
func matchRequests(match *routev3.RouteMatch, g *group, m *mapping, v variant, share int, cluster string) {
	matchPath(match, g, m)
	match.Headers, match.QueryParameters = headerMatchers(m.headers, v), queryMatchers(m.query)
	if share < 100 {
		match.RuntimeFraction = fraction(share)
		if cluster != "" {
			match.RuntimeFraction.RuntimeKey = "routing.traffic_shift." + cluster
		}
	}
}

// matchPath says what the path of a request must be like. Whether it is a prefix, exact or a regular expression is said
// by the Mapping that opened the group, as in Emissary: those after it may leave it out.
func matchPath(match *routev3.RouteMatch, g *group, m *mapping) {
	switch prefix := m.spec.Prefix; {
	case g.first().spec.PrefixRegex:
		match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regexMatcher(prefix)}
	case g.first().spec.PrefixExact:
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: prefix}
	default:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: prefix}
	}
	caseSensitive := m.spec.CaseSensitive
	if caseSensitive == nil {
		caseSensitive = g.shared.CaseSensitive
	}
	if caseSensitive != nil && !*caseSensitive {
		match.CaseSensitive = wrapperspb.Bool(false)
	}
}

func headerMatchers(conditions []condition, v variant) []*routev3.HeaderMatcher {
	var matchers []*routev3.HeaderMatcher
	dropsProto := v.byProto && (v.secureOnly || slices.ContainsFunc(conditions, besidesProto))
	for _, header := range conditions {
		switch {
		case dropsProto && strings.EqualFold(header.name, headerForwardedProto):
			// The securityModel XFP decides by this header itself; Emissary drops such a condition there, unless the route
			// for what is not secure would be left without any.
		case header.regex:
			matchers = append(matchers, headerMatcher(header.name, safeRegexMatcher(header.value)))
		case header.name != headerAuthority:
			matchers = append(matchers, headerMatcher(header.name, exactMatcher(header.value)))
		case !v.hostKnown && header.value != "*":
			matchers = append(matchers, headerMatcher(header.name, hostnameMatcher(header.value)))
		}
	}
	if v.secureOnly {
		matchers = append(matchers, isSecure)
	}
	return matchers
}

// besidesProto tells conditions on other headers than x-forwarded-proto. The hostname * is none.
func besidesProto(c condition) bool {
	everyHost := c.name == headerAuthority && c.value == "*" && !c.regex
	return !everyHost && !strings.EqualFold(c.name, headerForwardedProto)
}

func queryMatchers(conditions []condition) []*routev3.QueryParameterMatcher {
	var matchers []*routev3.QueryParameterMatcher
	for _, parameter := range conditions {
		value := exactMatcher(parameter.value)
		if parameter.regex {
			value = safeRegexMatcher(parameter.value)
		}
		matchers = append(matchers, &routev3.QueryParameterMatcher{
			Name:                         parameter.name,
			QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{StringMatch: value},
		})
	}
	return matchers
}

func fraction(percent int) *corev3.RuntimeFractionalPercent {
	return &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{
		Numerator: uint32(percent), Denominator: typev3.FractionalPercent_HUNDRED,
	}}
}
