package matchtree

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// TestSameAnswer compares, for random routes and requests, the tree's answer with that of the list.
func TestSameAnswer(t *testing.T) {
	t.Parallel()
	trees := 0
	for seed := range uint64(3000) {
		trees += compareAnswers(t, seed, 20)
	}
	if trees < 2000 {
		t.Errorf("only %d of 3000 lists became trees: the test has lost its object", trees)
	}
}

// FuzzSameAnswer is TestSameAnswer with seeds that the fuzzer chooses.
func FuzzSameAnswer(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compareAnswers(t, seed, 100) })
}

// compareAnswers returns 1 where the routes became a tree, else 0.
func compareAnswers(t *testing.T, seed uint64, requests int) int {
	t.Helper()
	d := roll(seed)
	routes := d.routes(t, fewRoutes+1+d.IntN(60))
	_, matcher := Build(entriesOf(routes))
	if matcher == nil {
		return 0
	}
	tree := read(t, matcher)
	if size := tree.size(); size > (1+copiesPerRoute)*len(routes) {
		t.Errorf("seed %d: %d routes became %d", seed, len(routes), size)
	}
	for range requests {
		r := d.request(routes)
		if want, got := scan(routes, r), tree.find(r); got != want {
			t.Errorf("seed %d: %s %v: the list answers %q, the tree %q", seed, r.target, r.headers, want, got)
		}
	}
	return 1
}

// TestSameBytes builds every tree twice, with entries used before and with new ones.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		routes := roll(seed).routes(t, 60)
		virtual := func(entries []*Entry) string {
			list, matcher := Build(entries)
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&routev3.VirtualHost{Routes: list, Matcher: matcher})
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		entries := entriesOf(routes)
		first := virtual(entries)
		if virtual(entries) != first || virtual(entriesOf(routes)) != first {
			t.Errorf("seed %d: the same routes make different bytes", seed)
		}
	}
}

// BenchmarkBuild builds the tree of a host again after one of its routes changed.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{100, 300, 1000, 10000} {
		for _, kind := range []string{"plain", "pairs", "mixed"} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				entries := entriesOf(table(n, kind))
				Build(entries)
				changed := 0
				b.ReportAllocs()
				for b.Loop() {
					entries[changed] = NewEntry(entries[changed].Route())
					changed = (changed + 1) % len(entries)
					if _, matcher := Build(entries); matcher == nil {
						b.Fatal("no tree")
					}
				}
			})
		}
	}
}

// table is a host's table with n prefixes and a catch-all: plain, in pairs, or mixed with ten regular expressions that
// have no literal, as many others as a tenth of the prefixes, and a few case-insensitive ones.
func table(n int, kind string) []*routev3.Route {
	var routes []*routev3.Route
	add := func(match *routev3.RouteMatch) {
		if kind == "pairs" {
			secure := proto.CloneOf(match)
			secure.Headers = []*routev3.HeaderMatcher{exactHeader("x-forwarded-proto", "https")}
			routes = append(routes, answering(len(routes), secure))
		}
		routes = append(routes, answering(len(routes), match))
	}
	if kind == "mixed" {
		for i := range 10 {
			add(regexMatch(fmt.Sprintf(".*/special-%d", i)))
			match := prefixMatch(fmt.Sprintf("/Any-Case-%d/", i))
			match.CaseSensitive = falseValue
			add(match)
		}
		for i := range n / 10 {
			add(regexMatch(fmt.Sprintf("/regex-%05d/[^/]+", i)))
		}
	}
	for i := range n {
		add(prefixMatch(fmt.Sprintf("/mapping-%05d/", i)))
	}
	add(prefixMatch("/"))
	return routes
}
