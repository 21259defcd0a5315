package matchtree

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// TestShape shows what trees look like: each key with the routes to try, known by their place in the list.
func TestShape(t *testing.T) {
	t.Parallel()
	insensitive := func(match *routev3.RouteMatch) *routev3.RouteMatch {
		match.CaseSensitive = falseValue
		return match
	}
	with := func(header string, match *routev3.RouteMatch) *routev3.RouteMatch {
		match.Headers = append(match.Headers, exactHeader(header, "a"))
		return match
	}
	tests := map[string]struct {
		matches []*routev3.RouteMatch
		want    string
		few     int
	}{
		"a prefix takes all there is below it": {
			matchList(prefixMatch("/a/b/"), prefixMatch("/a/"), prefixMatch("/")),
			"/:2 /a/:1 /a/b/:0", 0,
		},
		"a shorter prefix may come first": {
			matchList(prefixMatch("/a/"), prefixMatch("/a/b/"), prefixMatch("/")),
			"/:2 /a/:0", 0,
		},
		"a route with a condition leaves the rest to others": {
			matchList(with("x-a", prefixMatch("/a/")), prefixMatch("/")),
			"/:1 /a/:0,1", 0,
		},
		"one that asks as much or more is never reached": {
			matchList(with("x-a", prefixMatch("/a/")), with("x-a", with("x-b", prefixMatch("/"))), with("x-a", prefixMatch("/"))),
			"/:1,2 /a/:0", 0,
		},
		"an exact path leaves what is below it to others": {
			matchList(exactMatch("/a"), prefixMatch("/")),
			"/:1 /a:0,1", 0,
		},
		"an exact path is not below itself": {
			matchList(exactMatch("/a"), prefixMatch("/a/b"), with("x-a", prefixMatch("/"))),
			"/:2 /a:0,2 /a/b:1", 0,
		},
		"a regular expression is where its literal is, and below": {
			matchList(regexMatch("/a/[0-9]+"), regexMatch("/b/[0-9]+"), prefixMatch("/a/b/"), prefixMatch("/c/"), prefixMatch("/")),
			"/:4 /a/:0,4 /a/b/:0,2 /b/:1,4 /c/:3", 0,
		},
		"one without a literal is everywhere": {
			matchList(regexMatch(".*/x"), prefixMatch("/a/"), prefixMatch("/b/")),
			":0 /a/:0,1 /b/:0,2", 0,
		},
		"one that is never reached is not": {
			matchList(prefixMatch("/a/"), prefixMatch("/b/"), regexMatch(".*/x")),
			":2 /a/:0 /b/:1", 0,
		},
		"a caseless prefix is where one of its spellings may be": {
			matchList(insensitive(prefixMatch("/a/b")), prefixMatch("/A/"), prefixMatch("/a/B/c"), prefixMatch("/c/"), prefixMatch("/")),
			"/:0,4 /A/:0,1 /c/:3", 0,
		},
		"many copies are made at a shorter key": {
			matchList(regexMatch(".*1"), regexMatch(".*2"), regexMatch(".*3"), regexMatch(".*4"),
				prefixMatch("/a1/"), prefixMatch("/a2/"), prefixMatch("/b/"), prefixMatch("/")),
			":0,1,2,3 /:0,1,2,3,6,7 /a:0,1,2,3,4,5,7", 0,
		},
		"few routes share a shorter key": {
			matchList(prefixMatch("/a1/"), prefixMatch("/a2/"), prefixMatch("/b1/"), prefixMatch("/b2/"), prefixMatch("/")),
			"/:4 /a:0,1,4 /b:2,3,4", 3,
		},
		"no key has a query": {
			matchList(prefixMatch("/a?b"), exactMatch("/a?c"), prefixMatch("/b"), prefixMatch("/")),
			"/:3 /a:0,1,3 /b:2", 0,
		},
		"no key ends within a character": {
			matchList(regexMatch(".*1"), regexMatch(".*2"), regexMatch(".*3"), regexMatch(".*4"), prefixMatch("é"), prefixMatch("è")),
			":0,1,2,3,4,5", 0,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var routes []*routev3.Route
			for place, match := range tt.matches {
				routes = append(routes, answering(place, match))
			}
			if diff := cmp.Diff(tt.want, shape(t, routes, tt.few)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func shape(t *testing.T, routes []*routev3.Route, few int) string {
	t.Helper()
	entries := entriesOf(routes)
	if !prepare(entries) {
		t.Fatal("a route cannot be in a tree")
	}
	b := newBuilder(entries, few)
	b.build()
	keys := map[string]string{}
	for _, n := range b.nodes {
		keys[n.key] = strings.ReplaceAll(strings.Trim(fmt.Sprint(n.routes), "[]"), " ", ",")
	}
	var text []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		text = append(text, key+":"+keys[key])
	}
	return strings.Join(text, " ")
}

// TestSize bounds what large tables come to.
func TestSize(t *testing.T) {
	t.Parallel()
	const n = 10000
	all := func(nth func(i int) *routev3.RouteMatch) []*routev3.RouteMatch {
		var matches []*routev3.RouteMatch
		for i := range n {
			matches = append(matches, nth(i))
		}
		return matches
	}
	secure := func(match *routev3.RouteMatch) *routev3.RouteMatch {
		match.Headers = []*routev3.HeaderMatcher{exactHeader("x-forwarded-proto", "https")}
		return match
	}
	prefixes := func(i int) *routev3.RouteMatch { return prefixMatch(fmt.Sprintf("/mapping-%05d/", i)) }
	tests := map[string]struct {
		matches []*routev3.RouteMatch
		// most is how many routes the tree may have, copies included; longest how many a request may have to try.
		most, longest int
	}{
		"prefixes":                {append(all(prefixes), prefixMatch("/")), n + n/10 + 1, 11},
		"prefixes over TLS only":  {append(all(func(i int) *routev3.RouteMatch { return secure(prefixes(i)) }), secure(prefixMatch("/"))), n + n/10 + 1, 11},
		"exact paths":             {append(all(func(i int) *routev3.RouteMatch { return exactMatch(fmt.Sprintf("/exact-%05d", i)) }), prefixMatch("/")), n + n/10 + 1, 11},
		"patterns with literals":  {append(all(func(i int) *routev3.RouteMatch { return regexMatch(fmt.Sprintf("/regex-%05d/.*", i)) }), prefixMatch("/")), n + n/10 + 1, 11},
		"caseless prefixes first": {append(all(caselessEveryTenth), prefixMatch("/")), n + n/10 + 1, n/10 + 1},
		"patterns without first":  {append(all(patternEveryHundredth), prefixMatch("/")), (1 + copiesPerRoute) * n, n/100 + 101},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var routes []*routev3.Route
			for place, match := range tt.matches {
				routes = append(routes, answering(place, match))
			}
			_, matcher := Build(entriesOf(routes))
			if matcher == nil {
				t.Fatal("the routes stayed a list")
			}
			tree := read(t, matcher)
			if size := tree.size(); size > tt.most {
				t.Errorf("the tree has %d routes, want at most %d", size, tt.most)
			}
			for key, routes := range tree.keys {
				if len(routes) > tt.longest {
					t.Errorf("%d routes to try at %q, want at most %d", len(routes), key, tt.longest)
				}
			}
		})
	}
}

// caselessEveryTenth is a table of prefixes of which every tenth may be spelled in any case.
func caselessEveryTenth(i int) *routev3.RouteMatch {
	if i%10 != 0 {
		return prefixMatch(fmt.Sprintf("/mapping-%05d/", i))
	}
	match := prefixMatch(fmt.Sprintf("/Caseless-%05d/", i))
	match.CaseSensitive = falseValue
	return match
}

// patternEveryHundredth is a table that starts with patterns that may match every path.
func patternEveryHundredth(i int) *routev3.RouteMatch {
	if i < 100 {
		return regexMatch(fmt.Sprintf(".*/pattern-%05d", i))
	}
	return prefixMatch(fmt.Sprintf("/mapping-%05d/", i))
}

func TestBuildLeavesLists(t *testing.T) {
	t.Parallel()
	segment := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/a"}}
	tests := map[string][]*routev3.Route{
		"none":                     nil,
		"few":                      table(fewRoutes-1, "plain"),
		"a path specifier unknown": append(table(2*fewRoutes, "plain"), answering(0, segment)),
		"one key for all":          slices.Repeat([]*routev3.Route{answering(0, regexMatch("/.*"))}, 2*fewRoutes),
	}
	for name, routes := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, matcher := Build(entriesOf(routes))
			if matcher != nil {
				t.Error("the routes became a tree")
			}
			if !slices.Equal(got, routes) {
				t.Error("the list is not the routes as they were given")
			}
		})
	}
}

func TestLiteralPrefix(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"/a/b":         "/a/b",
		"/a/.*":        "/a/",
		"^/a/[0-9]+$":  "/a/",
		"(/a)(?:/b)c*": "/a/b",
		`/a\.b.`:       "/a.b",
		`\Q/a.b\E.*`:   "/a.b",
		"/a|/b":        "/",
		"/ab|/ac":      "/a",
		"/a|b":         "",
		"/a?":          "/",
		"/a{2}":        "/aa",
		"/(?i)a":       "/",
		"(?i)/a":       "/",
		"/[aA]b":       "/",
		"/[a]b":        "/ab",
		"/é":           "/",
		".*/a":         "",
		"|/a":          "",
		"":             "",
		`/a\C`:         "", // RE2 only: any byte
		"/a(":          "",
	}
	for pattern, want := range tests {
		if got := literalPrefix(pattern); got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}
