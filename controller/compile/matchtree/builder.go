package matchtree

import (
	"cmp"
	"slices"
	"sort"
	"unicode/utf8"
)

// copiesPerRoute bounds how much of a tree are copies. A route without a literal prefix, or one with conditions that
// comes first by precedence, can match under every key, and 100 of them under 10,000 keys would be a million routes.
// A key therefore carries at most this many copies of other keys' routes for each route of its own. Where it would
// carry more, its routes are left to a shorter key, one where the paths branch, which carries the copies once for all
// of them. A tree so never has more than 1 + copiesPerRoute times the routes of the list; a request tries a few routes
// more, where it has many to try anyway.
//
// Measured on Envoy 1.40 with 10,000 prefixes under 10 regular expressions without a literal, where a list costs 269 us
// of processor time for a request and 28 MiB: a bound of 1 gives 19 us and 25 MiB, 3 gives 17 us and 50 MiB, and a key
// for each prefix 17 us and 271 MiB. A copy costs 2 KiB, more for a regular expression.
const copiesPerRoute = 3

// maxCovers bounds how many routes a route is compared with to find out that it cannot be reached. With more it may be
// kept though it cannot be reached, which changes no answer.
const maxCovers = 8

// builder makes the nodes of a tree. Routes are known by their place in the order.
type builder struct {
	entries []*Entry
	// few is how many routes are not worth keys of their own.
	few int
	// sorted are the routes by literal, then in order.
	sorted []int32
	nodes  []node
	// arena holds the lists of the nodes and of the branches under way; children is the stack of the latter.
	arena    []int32
	children []child
}

// child is where a branch goes on: a key that may become a node, and its routes that have none yet.
type child struct {
	key   string
	fresh []int32
}

// node is a key and the routes to try there, in order.
type node struct {
	key    string
	routes []int32
}

func newBuilder(entries []*Entry, few int) *builder {
	b := &builder{
		entries: entries, few: few,
		sorted: make([]int32, 0, len(entries)), arena: make([]int32, 0, 4*len(entries)),
	}
	for i := range entries {
		b.sorted = append(b.sorted, int32(i))
	}
	slices.SortFunc(b.sorted, func(i, j int32) int {
		return cmp.Or(cmp.Compare(entries[i].literal, entries[j].literal), cmp.Compare(i, j))
	})
	return b
}

// build makes the nodes. Every path starts with the empty key.
func (b *builder) build() {
	rest := b.branch(b.sorted, nil)
	if !b.cut(b.common(b.sorted), nil, rest) {
		b.cut("", nil, rest)
	}
}

// common is what the literals of a run of routes have in common.
func (b *builder) common(run []int32) string {
	first, last := b.entries[run[0]].literal, b.entries[run[len(run)-1]].literal
	n := 0
	for n < len(first) && n < len(last) && first[n] == last[n] {
		n++
	}
	return first[:n]
}

// branch makes the nodes below what a run of routes has in common, those with the longest keys first. inherited are the
// routes with shorter literals that may match there too. It returns the routes that got no node, which are to be tried
// at a shorter key: those that are few together are not worth a key of their own.
func (b *builder) branch(run, inherited []int32) []int32 {
	key := b.common(run)
	own := sort.Search(len(run), func(i int) bool { return len(b.entries[run[i]].literal) > len(key) })
	if own == len(run) {
		return run
	}
	below, _ := b.merge(key, inherited, run[:own], len(inherited))
	first, together := len(b.children), own
	for rest := run[own:]; len(rest) > 0; {
		next := b.entries[rest[0]].literal[len(key)]
		n := sort.Search(len(rest), func(i int) bool { return b.entries[rest[i]].literal[len(key)] > next })
		fresh := b.branch(rest[:n], below)
		b.children = append(b.children, child{b.common(rest[:n]), fresh})
		together += len(fresh)
		rest = rest[n:]
	}
	children := b.children[first:]
	b.children = b.children[:first]
	if together > b.few {
		for i := range children {
			if b.cut(children[i].key, below, children[i].fresh) {
				children[i].fresh = nil
			}
		}
	}
	start := len(b.arena)
	b.arena = append(b.arena, run[:own]...)
	for _, c := range children {
		b.arena = append(b.arena, c.fresh...)
	}
	fresh := b.arena[start:len(b.arena):len(b.arena)]
	slices.Sort(fresh)
	return fresh
}

// cut makes a node unless it would have to carry too many copies.
func (b *builder) cut(key string, inherited, fresh []int32) bool {
	most := copiesPerRoute * len(fresh)
	start := len(b.arena)
	routes, copies := b.merge(key, inherited, fresh, most)
	if copies > most || !utf8.ValidString(key) { // where paths branch may be within a character
		b.arena = b.arena[:start]
		return false
	}
	if copies < len(routes) {
		b.nodes = append(b.nodes, node{key, routes})
	}
	return true
}

// merge lists in order what a request has to try whose path starts with key: the inherited routes that can match it
// and the fresh ones, without those that are never reached because one before them takes all of their requests. It
// also returns how many are inherited, and stops when these are more than most.
func (b *builder) merge(key string, inherited, fresh []int32, most int) ([]int32, int) {
	start, copies := len(b.arena), 0
	var covers [maxCovers]*Entry
	n := 0
next:
	for copies <= most && len(inherited)+len(fresh) > 0 {
		var i int32
		isCopy := len(fresh) == 0 || len(inherited) > 0 && inherited[0] < fresh[0]
		if isCopy {
			i, inherited = inherited[0], inherited[1:]
		} else {
			i, fresh = fresh[0], fresh[1:]
		}
		e := b.entries[i]
		if isCopy && !e.canMatch(key) {
			continue
		}
		for _, cover := range covers[:n] {
			if e.implies(cover) {
				continue next
			}
		}
		b.arena = append(b.arena, i)
		if isCopy {
			copies++
		}
		if !e.covers(key) {
			continue
		}
		if len(e.conditions) == 0 {
			break
		}
		if n < maxCovers {
			covers[n] = e
			n++
		}
	}
	return b.arena[start:len(b.arena):len(b.arena)], copies
}
