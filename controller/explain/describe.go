package explain

import (
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// matchText says what a request must be like to take a route: "prefix /cart/, header x-version is "2"".
func matchText(match *routev3.RouteMatch) string {
	parts := []string{pathText(match)}
	for _, header := range match.Headers {
		_, name := subjectOf(header)
		parts = append(parts, name+" "+headerText(header))
	}
	for _, parameter := range match.QueryParameters {
		parts = append(parts, "query parameter "+parameter.Name+" "+parameterText(parameter))
	}
	return strings.Join(parts, ", ")
}

// subjectOf tells what a header matcher is about, and names the header. Pseudo-headers go by their field of a Mapping.
func subjectOf(m *routev3.HeaderMatcher) (subject, name string) {
	switch strings.ToLower(m.Name) {
	case ":authority", "host":
		return subjectHostname, "hostname"
	case ":method":
		return subjectMethod, "method"
	case forwardedProto:
		return subjectSecurity, forwardedProto
	default:
		return subjectHeader, "header " + m.Name
	}
}

func pathText(match *routev3.RouteMatch) string {
	text := ""
	switch specifier := match.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		text = "prefix " + specifier.Prefix
	case *routev3.RouteMatch_Path:
		text = "path " + specifier.Path
	case *routev3.RouteMatch_PathSeparatedPrefix:
		text = "prefix " + specifier.PathSeparatedPrefix + " up to a slash"
	case *routev3.RouteMatch_SafeRegex:
		return "regular expression " + specifier.SafeRegex.GetRegex()
	default:
		return "a path matcher that is not known here"
	}
	if match.CaseSensitive != nil && !match.CaseSensitive.Value {
		text += " in any case"
	}
	return text
}

func headerText(m *routev3.HeaderMatcher) string {
	if want, ok := m.HeaderMatchSpecifier.(*routev3.HeaderMatcher_PresentMatch); ok {
		if want.PresentMatch != m.InvertMatch {
			return "is present"
		}
		return "is absent"
	}
	if m.GetStringMatch() == nil && !m.InvertMatch {
		return "is present"
	}
	if m.InvertMatch {
		return "not " + patternText(m.GetStringMatch())
	}
	return patternText(m.GetStringMatch())
}

func parameterText(m *routev3.QueryParameterMatcher) string {
	if m.GetStringMatch() == nil {
		return "is present"
	}
	return patternText(m.GetStringMatch())
}

func patternText(m *matcherv3.StringMatcher) string {
	switch pattern := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return fmt.Sprintf("is %q", pattern.Exact)
	case *matcherv3.StringMatcher_Prefix:
		return fmt.Sprintf("starts with %q", pattern.Prefix)
	case *matcherv3.StringMatcher_Suffix:
		return fmt.Sprintf("ends with %q", pattern.Suffix)
	case *matcherv3.StringMatcher_Contains:
		return fmt.Sprintf("has %q in it", pattern.Contains)
	default:
		return "matches " + m.GetSafeRegex().GetRegex()
	}
}
