package partition

import (
	"slices"
	"strings"
)

// sorted is a set of items in two orders: by where their hosts begin, and by where their paths do.
type sorted struct {
	byHost, byPath []*Item
	weight         int
}

func newSorted(items []Item) sorted {
	set := sorted{byHost: make([]*Item, len(items))}
	for i := range items {
		set.byHost[i] = &items[i]
		set.weight += items[i].Weight
	}
	set.byPath = slices.Clone(set.byHost)
	slices.SortFunc(set.byHost, func(a, b *Item) int { return strings.Compare(a.Hosts.From, b.Hosts.From) })
	slices.SortFunc(set.byPath, func(a, b *Item) int { return strings.Compare(a.Paths.From, b.Paths.From) })
	return set
}

// by is the order that a cut looks at.
func (s sorted) by(host bool) []*Item {
	if host {
		return s.byHost
	}
	return s.byPath
}

// cuts are the places where a cut can be around the item that brings the weight before it to aim: before it and those
// that start where it does, and after them.
func (s sorted) cuts(byHost bool, aim int) (cuts []string) {
	cut, items := &node{byHost: byHost}, s.by(byHost)
	start := func(i int) string { return cut.of(&items[i].Area).From }
	search := func(text string) int {
		i, _ := slices.BinarySearchFunc(items, text, func(item *Item, text string) int { return strings.Compare(cut.of(&item.Area).From, text) })
		return i
	}
	middle, before := 0, 0
	for before+items[middle].Weight <= aim && middle < len(items)-1 {
		before += items[middle].Weight
		middle++
	}
	for _, i := range []int{search(start(middle)), search(start(middle) + "\x00")} {
		if i == 0 || i == len(items) {
			continue
		}
		if at := separator(start(i-1), start(i)); at != "" {
			cuts = append(cuts, at)
		}
	}
	return cuts
}

// sides is what of a set has requests below a cut and from it on; an item may be on both.
type sides struct{ below, from, itemsBelow, itemsFrom int }

// count weighs what has requests on either side of a cut.
func (s sorted) count(cut *node) (n sides) {
	for _, item := range s.byHost {
		text := cut.of(&item.Area)
		if text.below(cut.at) {
			n.below += item.Weight
			n.itemsBelow++
		}
		if text.above(cut.at) {
			n.from += item.Weight
			n.itemsFrom++
		}
	}
	return n
}

// divide makes a set of what is on either side of a cut that was counted.
func (s sorted) divide(cut *node, n sides) (below, from sorted) {
	pick := func(items []*Item) (below, from []*Item) {
		below, from = make([]*Item, 0, n.itemsBelow), make([]*Item, 0, n.itemsFrom)
		for _, item := range items {
			text := cut.of(&item.Area)
			if text.below(cut.at) {
				below = append(below, item)
			}
			if text.above(cut.at) {
				from = append(from, item)
			}
		}
		return below, from
	}
	below.byHost, from.byHost = pick(s.byHost)
	below.byPath, from.byPath = pick(s.byPath)
	below.weight, from.weight = n.below, n.from
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
