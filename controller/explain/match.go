package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// What a condition is about.
const (
	subjectPath     = "path"
	subjectHostname = "hostname"
	subjectMethod   = "method"
	subjectHeader   = "header"
	subjectQuery    = "query parameter"
	subjectSecurity = "security"
)

// condition is a part of a route's match that a request does not meet.
type condition struct {
	subject string
	why     string
}

// unmet lists what keeps a request from a route, in the order a person looks at it: the path first. There is nothing
// when the route matches. The fraction of the requests that a route takes is no condition.
func unmet(match *routev3.RouteMatch, r *received) []condition {
	var list []condition
	if !r.pathMatches(match) {
		list = append(list, condition{subjectPath, fmt.Sprintf("%s does not match %s", pathText(match), r.pathOnly())})
	}
	for _, header := range match.Headers {
		values := r.header(header.Name)
		if r.headerMatches(header, values) {
			continue
		}
		subject, name := subjectOf(header)
		why := name + " " + difference(values, headerText(header))
		if subject == subjectSecurity {
			why = "the request is not secure: " + why
		}
		list = append(list, condition{subject, why})
	}
	for _, parameter := range match.QueryParameters {
		if values := r.query(parameter.Name); !r.parameterMatches(parameter, values) {
			list = append(list, condition{subjectQuery, "query parameter " + parameter.Name + " " + difference(values, parameterText(parameter))})
		}
	}
	return list
}

// difference says what a value is and what it should be.
func difference(values []string, want string) string {
	if len(values) == 0 {
		return "is absent, wanted: " + want
	}
	return fmt.Sprintf("is %q, wanted: %s", strings.Join(values, ", "), want)
}

func (s *received) pathMatches(match *routev3.RouteMatch) bool {
	path := s.pathOnly()
	ignoreCase := match.CaseSensitive != nil && !match.CaseSensitive.Value
	switch specifier := match.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		return hasPrefix(path, specifier.Prefix, ignoreCase)
	case *routev3.RouteMatch_Path:
		return equal(path, specifier.Path, ignoreCase)
	case *routev3.RouteMatch_PathSeparatedPrefix:
		prefix := specifier.PathSeparatedPrefix
		return equal(path, prefix, ignoreCase) || hasPrefix(path, prefix+"/", ignoreCase)
	case *routev3.RouteMatch_SafeRegex:
		return s.expressions.match(specifier.SafeRegex.GetRegex(), path)
	default:
		return false
	}
}

// headerMatches compares a header as Envoy does since 1.39: one value that matches is enough. One that is absent matches
// only a condition about its presence, inverted or not.
func (s *received) headerMatches(m *routev3.HeaderMatcher, values []string) bool {
	if want, ok := m.HeaderMatchSpecifier.(*routev3.HeaderMatcher_PresentMatch); ok {
		return (len(values) > 0 == want.PresentMatch) != m.InvertMatch
	}
	if len(values) == 0 {
		if !m.TreatMissingHeaderAsEmpty {
			return false
		}
		values = []string{""}
	}
	return slices.ContainsFunc(values, func(value string) bool {
		return m.GetStringMatch() == nil || s.textMatches(m.GetStringMatch(), value)
	}) != m.InvertMatch
}

func (s *received) parameterMatches(m *routev3.QueryParameterMatcher, values []string) bool {
	if want, ok := m.QueryParameterMatchSpecifier.(*routev3.QueryParameterMatcher_PresentMatch); ok {
		return len(values) > 0 == want.PresentMatch
	}
	return len(values) > 0 && (m.GetStringMatch() == nil || s.textMatches(m.GetStringMatch(), values[0]))
}

func (s *received) textMatches(m *matcherv3.StringMatcher, value string) bool {
	switch pattern := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return equal(value, pattern.Exact, m.IgnoreCase)
	case *matcherv3.StringMatcher_Prefix:
		return hasPrefix(value, pattern.Prefix, m.IgnoreCase)
	case *matcherv3.StringMatcher_Suffix:
		return len(value) >= len(pattern.Suffix) && equal(value[len(value)-len(pattern.Suffix):], pattern.Suffix, m.IgnoreCase)
	case *matcherv3.StringMatcher_Contains:
		if m.IgnoreCase {
			return strings.Contains(strings.ToLower(value), strings.ToLower(pattern.Contains))
		}
		return strings.Contains(value, pattern.Contains)
	case *matcherv3.StringMatcher_SafeRegex:
		return s.expressions.match(pattern.SafeRegex.GetRegex(), value)
	default:
		return false
	}
}

// equal compares as Envoy does: without regard to case only for ASCII letters.
func equal(a, b string, ignoreCase bool) bool {
	if ignoreCase {
		return lowerASCII(a) == lowerASCII(b)
	}
	return a == b
}

func hasPrefix(text, prefix string, ignoreCase bool) bool {
	return len(text) >= len(prefix) && equal(text[:len(prefix)], prefix, ignoreCase)
}

func lowerASCII(text string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, text)
}

// expressions keeps regular expressions compiled, by their text.
type expressions struct{ compiled sync.Map }

// match reports whether an expression matches a whole text. Go's syntax is RE2's, as Envoy's is; the compiler lets no
// expression pass that cannot be read.
func (e *expressions) match(expression, text string) bool {
	known, ok := e.compiled.Load(expression)
	if !ok {
		compiled, err := regexp.Compile(`\A(?:` + expression + `)\z`)
		if err != nil {
			return false
		}
		known, _ = e.compiled.LoadOrStore(expression, compiled)
	}
	compiled, ok := known.(*regexp.Regexp)
	return ok && compiled.MatchString(text)
}

// percent is the part of the requests a fraction lets through.
func percent(fraction *corev3.RuntimeFractionalPercent) float64 {
	if fraction == nil {
		return 100
	}
	perUnit := map[typev3.FractionalPercent_DenominatorType]float64{
		typev3.FractionalPercent_HUNDRED: 1, typev3.FractionalPercent_TEN_THOUSAND: 100, typev3.FractionalPercent_MILLION: 10000,
	}
	value := fraction.GetDefaultValue()
	return min(float64(value.GetNumerator())/perUnit[value.GetDenominator()], 100)
}
