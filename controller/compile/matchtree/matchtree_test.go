package matchtree

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
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
	few := []int{0, 1, 4, fewRoutes}[d.IntN(4)]
	routes := d.routes(t, few+1+d.IntN(60))
	_, matcher := build(entriesOf(routes), few)
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
