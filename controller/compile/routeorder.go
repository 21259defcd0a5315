package compile

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// routeWeight is what Emissary orders routes by, the heaviest first: precedence, then the length of the path, then how
// much is asked of headers and of query parameters, then the texts themselves so that the order is total. A regular
// expression weighs what its text weighs; hostname and method weigh in as the headers :authority and :method.
type routeWeight struct {
	precedence                           int
	prefixLength, headersSize, querySize int
	prefix                               string
	keys                                 []string
}

func newRouteWeight(m *mapping) routeWeight {
	w := routeWeight{prefixLength: utf8.RuneCountInString(m.spec.Prefix), prefix: m.spec.Prefix}
	if m.spec.Precedence != nil {
		w.precedence = *m.spec.Precedence
	}
	for _, header := range m.headers {
		w.headersSize += header.size()
		w.keys = append(w.keys, header.key())
	}
	for _, parameter := range m.query {
		w.querySize += parameter.size()
		w.keys = append(w.keys, parameter.key())
	}
	return w
}

// size is what a condition weighs; one without a value counts as "*".
func (c condition) size() int {
	size := utf8.RuneCountInString(c.name) + utf8.RuneCountInString(c.shown())
	if c.regex {
		size++
	}
	return size
}

func (c condition) key() string { return c.name + "-" + c.shown() }

func (c condition) shown() string { return cmp.Or(c.value, "*") }

// compare orders weights; the route with the greater one is tried first.
func (w *routeWeight) compare(other *routeWeight) int {
	switch {
	case w.precedence != other.precedence:
		return cmp.Compare(w.precedence, other.precedence)
	case w.prefixLength != other.prefixLength:
		return cmp.Compare(w.prefixLength, other.prefixLength)
	case w.headersSize != other.headersSize:
		return cmp.Compare(w.headersSize, other.headersSize)
	case w.querySize != other.querySize:
		return cmp.Compare(w.querySize, other.querySize)
	case w.prefix != other.prefix:
		return strings.Compare(w.prefix, other.prefix)
	}
	return slices.Compare(w.keys, other.keys)
}

// compareRoutes orders groups the way their routes are tried: by descending weight, and among equals the one loaded last
// first, as Emissary's reversed stable sort does.
func compareRoutes(a, b *group) int {
	if a == b {
		return 0
	}
	if order := b.weight().compare(a.weight()); order != 0 {
		return order
	}
	return compareLoaded(b.first(), a.first())
}

// inRouteOrder sorts groups the way their routes are tried.
func inRouteOrder(groups []*group) []*group {
	slices.SortFunc(groups, compareRoutes)
	return groups
}
