package matchtree

import (
	"math/rand/v2"
	"regexp/syntax"
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// pieces are what random paths are made of: few, so that they nest and collide.
var pieces = []string{"/", "/", "a", "b", "A", "ab", "/a", "/B/", "-", "é", "%2F", ";", "."}

// patterns are what random regular expressions are made of; some have alternatives, flags, classes and assertions.
var patterns = []string{
	"/", "a", "b", ".*", "[ab]", "(?i:a)", "(a|b)", "a?", "b+", `\.`, "[^/]*", "(?:/a|/b)", "/a", "^/", "$", "|/a", "é", "[Aa]",
	`\Q/a\E`, "(/a)", "a{2}", "(?s:.)", "x*", `\?`,
}

// dice draws routes and requests from a seed.
type dice struct{ *rand.Rand }

func roll(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0))} }

func (d dice) in(n int) bool { return d.IntN(n) == 0 }

func (d dice) path(most int) string {
	var path strings.Builder
	if !d.in(12) {
		path.WriteByte('/')
	}
	for range d.IntN(most + 1) {
		path.WriteString(pieces[d.IntN(len(pieces))])
	}
	if d.in(40) {
		path.WriteString("?a=1")
	}
	return path.String()
}

func (d dice) pattern() string {
	for {
		var pattern strings.Builder
		if !d.in(4) {
			pattern.WriteString(d.path(2))
		}
		for range 1 + d.IntN(3) {
			pattern.WriteString(patterns[d.IntN(len(patterns))])
		}
		if _, err := syntax.Parse(pattern.String(), syntax.Perl); err == nil {
			return pattern.String()
		}
	}
}

// routes draws a list in which order says nothing about length, as with precedence. Every second list has the pairs
// that a Host makes which redirects to HTTPS.
func (d dice) routes(t testing.TB, count int) []*routev3.Route {
	pairs, regexes := d.in(2), 2+d.IntN(8)
	var routes []*routev3.Route
	for len(routes) < count {
		match := d.match(regexes)
		if !pairs {
			routes = append(routes, answering(len(routes), match))
			continue
		}
		secure := &routev3.RouteMatch{
			PathSpecifier: match.PathSpecifier, CaseSensitive: match.CaseSensitive,
			Headers: append([]*routev3.HeaderMatcher{exactHeader("x-forwarded-proto", "https")}, match.Headers...),
		}
		routes = append(routes, answering(len(routes), secure), answering(len(routes)+1, match))
	}
	for _, route := range routes {
		if err := route.ValidateAll(); err != nil {
			t.Fatal(err)
		}
	}
	return routes
}

func (d dice) match(regexes int) *routev3.RouteMatch {
	match := &routev3.RouteMatch{}
	switch {
	case d.in(regexes):
		match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &envoymatcherv3.RegexMatcher{Regex: d.pattern()}}
	case d.in(4):
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: d.path(5)}
	default:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: d.path(5)}
	}
	if d.in(5) {
		match.CaseSensitive = wrapperspb.Bool(d.in(4))
	}
	for range 2 {
		if d.in(5) {
			match.Headers = append(match.Headers, exactHeader("x-"+d.letter(), d.letter()))
		}
	}
	if d.in(8) {
		match.QueryParameters = []*routev3.QueryParameterMatcher{{
			Name:                         d.letter(),
			QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{StringMatch: exactText(d.letter())},
		}}
	}
	if d.in(8) {
		match.RuntimeFraction = &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{
			Numerator: uint32(100 * d.IntN(2)), Denominator: typev3.FractionalPercent_HUNDRED,
		}}
	}
	return match
}

func (d dice) letter() string { return "ab"[d.IntN(2):][:1] }

// request draws a request near a route of the list.
func (d dice) request(routes []*routev3.Route) request {
	path := d.path(6)
	if match := routes[d.IntN(len(routes))].Match; !d.in(3) {
		path = match.GetPrefix() + match.GetPath()
		if match.GetSafeRegex() != nil {
			path = strings.NewReplacer(".*", "/a", "(", "", ")", "", "?", "", "|", "").Replace(match.GetSafeRegex().Regex)
		}
		if d.in(3) {
			path += pieces[d.IntN(len(pieces))]
		}
		if d.in(6) {
			path = strings.ToUpper(path)
		}
	}
	path = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '#' {
			return '~' // what a request line cannot have
		}
		return r
	}, path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if d.in(3) {
		path += "?" + d.letter() + "=" + d.letter()
	}
	r := request{target: path, headers: map[string]string{}}
	for _, name := range []string{"x-a", "x-b"} {
		if d.in(2) {
			r.headers[name] = d.letter()
		}
	}
	if d.in(2) {
		r.headers["x-forwarded-proto"] = "https"
	}
	return r
}

// answering is a route that answers with its name, which is its place in the list.
func answering(place int, match *routev3.RouteMatch) *routev3.Route {
	name := strconv.Itoa(place)
	return &routev3.Route{Name: name, Match: match, Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
		Status: 200, Body: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: name}},
	}}}
}

func exactHeader(name, value string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: exactText(value)}}
}

func exactText(text string) *envoymatcherv3.StringMatcher {
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: text}}
}

func entriesOf(routes []*routev3.Route) []*Entry {
	entries := make([]*Entry, len(routes))
	for i, route := range routes {
		entries[i] = NewEntry(route)
	}
	return entries
}

var falseValue = wrapperspb.Bool(false)

func prefixMatch(prefix string) *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: prefix}}
}

func regexMatch(pattern string) *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{
		SafeRegex: &envoymatcherv3.RegexMatcher{Regex: pattern},
	}}
}

func exactMatch(path string) *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: path}}
}
