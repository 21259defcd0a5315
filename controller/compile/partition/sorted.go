package partition

import (
	"slices"
	"strings"
)

// sorted is a set of routes in two orders: by where their hosts begin, and by where their paths do.
type sorted struct{ byHost, byPath []*Area }

func newSorted(routes []Area) sorted {
	all := make([]*Area, len(routes))
	for i := range routes {
		all[i] = &routes[i]
	}
	set := sorted{byHost: all, byPath: slices.Clone(all)}
	slices.SortFunc(set.byHost, func(a, b *Area) int { return strings.Compare(a.Hosts.From, b.Hosts.From) })
	slices.SortFunc(set.byPath, func(a, b *Area) int { return strings.Compare(a.Paths.From, b.Paths.From) })
	return set
}

func (s sorted) len() int { return len(s.byHost) }

// by is the order that a cut looks at.
func (s sorted) by(host bool) []*Area {
	if host {
		return s.byHost
	}
	return s.byPath
}

// cuts are the places where a cut can be around a route: before it and those that start where it does, and after them.
func (s sorted) cuts(byHost bool, aim int) (cuts []string) {
	cut, routes := &node{byHost: byHost}, s.by(byHost)
	start := func(i int) string { return cut.of(routes[i]).From }
	search := func(text string) int {
		i, _ := slices.BinarySearchFunc(routes, text, func(route *Area, text string) int { return strings.Compare(cut.of(route).From, text) })
		return i
	}
	for _, i := range []int{search(start(aim)), search(start(aim) + "\x00")} {
		if i == 0 || i == len(routes) {
			continue
		}
		if at := separator(start(i-1), start(i)); at != "" {
			cuts = append(cuts, at)
		}
	}
	return cuts
}

// count tells how many routes have requests on either side of a cut.
func (s sorted) count(cut *node) (below, from int) {
	for _, route := range s.byHost {
		if cut.of(route).below(cut.at) {
			below++
		}
		if cut.of(route).above(cut.at) {
			from++
		}
	}
	return below, from
}

// divide makes a set of the routes on either side of a cut.
func (s sorted) divide(cut *node) (below, from sorted) {
	lower, upper := s.count(cut)
	pick := func(routes []*Area) (below, from []*Area) {
		below, from = make([]*Area, 0, lower), make([]*Area, 0, upper)
		for _, route := range routes {
			if cut.of(route).below(cut.at) {
				below = append(below, route)
			}
			if cut.of(route).above(cut.at) {
				from = append(from, route)
			}
		}
		return below, from
	}
	below.byHost, from.byHost = pick(s.byHost)
	below.byPath, from.byPath = pick(s.byPath)
	return below, from
}

// separator is the shortest text above a and not above b that an expression can hold as it is; empty when there is none.
func separator(a, b string) string {
	for i := range len(b) {
		if !plain(b[i]) {
			return ""
		}
		if b[:i+1] > a {
			return b[:i+1]
		}
	}
	return ""
}

// plain tells characters that mean nothing special in Envoy's format strings and CEL's literals.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/-._~:", c) >= 0
}
