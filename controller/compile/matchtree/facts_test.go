package matchtree

import (
	"maps"
	"slices"
	"testing"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// TestEnvoyFacts asks a real Envoy for each fact that trees rest on. A host has one or more routes, the first of which
// is named 0, and is asked for one path; want is the route that answers.
func TestEnvoyFacts(t *testing.T) {
	t.Parallel()
	insensitive := func(match *routev3.RouteMatch) *routev3.RouteMatch {
		match.CaseSensitive = falseValue
		return match
	}
	never := prefixMatch("/a")
	never.Headers = []*routev3.HeaderMatcher{exactHeader("x-a", "a")}
	facts := map[string]struct {
		matches []*routev3.RouteMatch
		// keys makes a tree by hand: the routes at each key.
		keys   map[string][]int
		target string
		want   string
	}{
		"a prefix is compared without the query":    {matches: matchList(prefixMatch("/a?b")), target: "/a?b", want: ""},
		"a prefix without query leaves it alone":    {matches: matchList(prefixMatch("/a")), target: "/a?b", want: "0"},
		"a prefix is no segment":                    {matches: matchList(prefixMatch("/a")), target: "/ab", want: "0"},
		"an empty prefix takes every path":          {matches: matchList(prefixMatch("")), target: "/a", want: "0"},
		"a path is compared without the query":      {matches: matchList(exactMatch("/a")), target: "/a?b", want: "0"},
		"a path with a query is never found":        {matches: matchList(exactMatch("/a?b")), target: "/a?b", want: ""},
		"a pattern is compared without the query":   {matches: matchList(regexMatch("/a")), target: "/a?b", want: "0"},
		"a pattern with a query is never found":     {matches: matchList(regexMatch(`/a\?b`)), target: "/a?b", want: ""},
		"a pattern must match to the end":           {matches: matchList(regexMatch("/a")), target: "/ab", want: ""},
		"a pattern must match from the start":       {matches: matchList(regexMatch("a")), target: "/a", want: ""},
		"alternatives are held together":            {matches: matchList(regexMatch("/a|/b")), target: "/bc", want: ""},
		"a prefix may be caseless":                  {matches: matchList(insensitive(prefixMatch("/aB"))), target: "/AbC", want: "0"},
		"a path may be caseless":                    {matches: matchList(insensitive(exactMatch("/aB"))), target: "/Ab?c", want: "0"},
		"a pattern is never caseless":               {matches: matchList(insensitive(regexMatch("/a"))), target: "/A", want: ""},
		"the longest key is found":                  {matches: matchList(prefixMatch("/"), prefixMatch("/")), keys: map[string][]int{"/": {0}, "/a": {1}}, target: "/ab", want: "1"},
		"keys are compared with the query":          {matches: matchList(prefixMatch("/"), prefixMatch("/")), keys: map[string][]int{"/": {0}, "/a?b": {1}}, target: "/a?b", want: "1"},
		"there is no way back to a shorter key":     {matches: matchList(prefixMatch("/"), never), keys: map[string][]int{"/": {0}, "/a": {1}}, target: "/a", want: ""},
		"the first of a key's routes answers":       {matches: matchList(prefixMatch("/"), never, prefixMatch("/a")), keys: map[string][]int{"/": {0}, "/a": {1, 2}}, target: "/a", want: "2"},
		"the routes without a key are for no key":   {matches: matchList(prefixMatch("/"), prefixMatch("/a")), keys: map[string][]int{"": {0}, "/a": {1}}, target: "/b", want: "0"},
		"and not for one whose routes do not match": {matches: matchList(prefixMatch("/"), never), keys: map[string][]int{"": {0}, "/a": {1}}, target: "/a", want: ""},
	}
	config := &routev3.RouteConfiguration{}
	names := slices.Sorted(maps.Keys(facts))
	for i, name := range names {
		fact := facts[name]
		virtual := &routev3.VirtualHost{Name: hostname(i), Domains: []string{hostname(i)}}
		for place, match := range fact.matches {
			virtual.Routes = append(virtual.Routes, answering(place, match))
		}
		if fact.keys != nil {
			virtual.Matcher, virtual.Routes = byHand(t, virtual.Routes, fact.keys), nil
		}
		config.VirtualHosts = append(config.VirtualHosts, virtual)
	}
	c := startEnvoy(t, map[string]*routev3.RouteConfiguration{"facts": config}).client(t, "facts")
	for i, name := range names {
		if got := c.get(t, hostname(i), request{target: facts[name].target}); got != facts[name].want {
			t.Errorf("%s: for %s Envoy takes route %q, want %q", name, facts[name].target, got, facts[name].want)
		}
	}
}

func matchList(matches ...*routev3.RouteMatch) []*routev3.RouteMatch { return matches }

// byHand makes a matcher with the given routes at each key.
func byHand(t *testing.T, routes []*routev3.Route, keys map[string][]int) *matcherv3.Matcher {
	t.Helper()
	entries := entriesOf(routes)
	if !prepare(entries) {
		t.Fatal("a route cannot be in a tree")
	}
	b := newBuilder(entries, 0)
	for key, places := range keys {
		n := node{key: key}
		for _, place := range places {
			n.routes = append(n.routes, int32(place))
		}
		b.nodes = append(b.nodes, n)
	}
	return b.matcher()
}
