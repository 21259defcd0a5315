// Package partition splits a large route table into parts that Envoy can take one at a time.
//
// Envoy rebuilds a RouteConfiguration as a whole for any change in it: about 7 µs for each virtual host and 4.5 µs for
// each route (1.40, measured), 70 ms at 10,000. A table beyond a size is therefore cut, by host or by path, until its
// parts are small. Each part is a RouteConfiguration of its own, and a request finds its part by the key of Envoy's
// scoped routes. A change then costs the part it is in, however many others there are.
//
// Cuts only say where a request is looked for. A route is in every part that could hold a request for it, so that the
// answer never depends on the cuts.
package partition

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// Tree is a partition of all requests. It does not change.
type Tree struct {
	root  *node
	parts []Part
}

// Part is one part of a partition.
type Part struct {
	// Name is made from the Area: the same area has the same name in every partition.
	Name string
	Area Area
}

// node is a cut, or a part when below is nil.
type node struct {
	byHost      bool
	at          string
	below, from *node
	part        int
}

const (
	// overlap bounds how much a cut may put on both of its sides, as a share of all.
	overlap = 0.15
	// gain is how much smaller the larger side must be for a cut to be worth it.
	gain = 0.75
)

// Split cuts until no part weighs more than target, or no cut helps.
func Split(items []Item, target int) *Tree {
	t := &Tree{}
	t.root = t.split(newSorted(items), Area{}, target)
	return t
}

func (t *Tree) split(items sorted, area Area, target int) *node {
	if items.weight > target {
		if cut, sides := bestCut(items, target); cut != nil {
			below, from := items.divide(cut, sides)
			lower, upper := area, area
			if cut.byHost {
				lower.Hosts.To, upper.Hosts.From = cut.at, cut.at
			} else {
				lower.Paths.To, upper.Paths.From = cut.at, cut.at
			}
			cut.below, cut.from = t.split(below, lower, target), t.split(from, upper, target)
			return cut
		}
	}
	t.parts = append(t.parts, Part{Name: nameOf(area), Area: area})
	return &node{part: len(t.parts) - 1}
}

func nameOf(area Area) string {
	return Hash(area.Hosts.From, area.Hosts.To, area.Paths.From, area.Paths.To)
}

// Hash is a name of eight characters, for some texts: 48 bits of them.
func Hash(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// bestCut finds the cut with the smallest larger side; nil when none is worth it. Where it can, it leaves a whole number
// of full parts below, so that there are as few of them as possible.
func bestCut(items sorted, target int) (best *node, of sides) {
	n := items.weight
	parts := (n + target - 1) / target
	aim := n * (parts / 2) / parts
	smallest := int(gain * float64(n))
	for _, byHost := range []bool{true, false} {
		for _, at := range items.cuts(byHost, aim) {
			cut := &node{byHost: byHost, at: at}
			counted := items.count(cut)
			below, from := counted.below, counted.from
			if larger := max(below, from); larger <= smallest && below+from <= n+int(overlap*float64(n)) {
				best, of, smallest = cut, counted, larger
			}
		}
		if best != nil && smallest <= n-aim+1 {
			break // no other cut is better
		}
	}
	return best, of
}

// of is the range of an area that a cut looks at.
func (n *node) of(area *Area) Range {
	if n.byHost {
		return area.Hosts
	}
	return area.Paths
}

// Parts lists the parts, from the lowest area to the highest.
func (t *Tree) Parts() []Part { return t.parts }

// Largest is what the part that weighs most does.
func (t *Tree) Largest(items []Item) (largest int) {
	sizes := make([]int, len(t.parts))
	var overlapping []int
	for i := range items {
		overlapping = t.Overlapping(overlapping[:0], items[i].Area)
		for _, part := range overlapping {
			sizes[part] += items[i].Weight
			largest = max(largest, sizes[part])
		}
	}
	return largest
}

// Overlapping appends to a list the index of every part that an area has requests in.
func (t *Tree) Overlapping(list []int, area Area) []int {
	return t.root.overlapping(list, &area)
}

func (n *node) overlapping(list []int, area *Area) []int {
	if n.below == nil {
		return append(list, n.part)
	}
	if n.of(area).below(n.at) {
		list = n.below.overlapping(list, area)
	}
	if n.of(area).above(n.at) {
		list = n.from.overlapping(list, area)
	}
	return list
}

// Name is made from the parts: the same cuts have the same name.
func (t *Tree) Name() string {
	names := make([]string, len(t.parts))
	for i, part := range t.parts {
		names[i] = part.Name
	}
	return Hash(names...)
}

// ByHost reports whether any cut looks at the host.
func (t *Tree) ByHost() bool { return t.root.anyByHost() }

func (n *node) anyByHost() bool {
	return n.below != nil && (n.byHost || n.below.anyByHost() || n.from.anyByHost())
}

// CEL is an expression for the name of a request's part, for Envoy's CEL formatter. It costs less than a microsecond. It
// has no spaces, for Envoy bounds the length of a header's value.
func (t *Tree) CEL(name func(Part) string) string {
	return t.render(t.root, "(%s<'%s'?%s:%s)", "request.host", "request.url_path", name)
}

// Lua is the same for a script with the variables host and path.
func (t *Tree) Lua(name func(Part) string) string {
	return t.render(t.root, "(%s < '%s' and %s or %s)", "host", "path", name)
}

func (t *Tree) render(n *node, choice, host, path string, name func(Part) string) string {
	if n.below == nil {
		return "'" + name(t.parts[n.part]) + "'"
	}
	attribute := path
	if n.byHost {
		attribute = host
	}
	return fmt.Sprintf(choice, attribute, n.at, t.render(n.below, choice, host, path, name), t.render(n.from, choice, host, path, name))
}
