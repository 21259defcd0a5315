package partition

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// hosts and prefixes are the two shapes of large tables.
func hosts(n int) (routes []Item) {
	for i := range n {
		routes = append(routes, Item{Area{Hosts: Exactly(fmt.Sprintf("h%05d.example.com", i))}, 1})
	}
	return append(routes, Item{Weight: 1})
}

func prefixes(n int) (routes []Item) {
	for i := range n {
		routes = append(routes, Item{Area{Hosts: Exactly("example.com"), Paths: StartingWith(fmt.Sprintf("/m%05d/", i))}, 1})
	}
	return append(routes, Item{Area{Hosts: Exactly("example.com"), Paths: StartingWith("/")}, 1})
}

func TestSplit(t *testing.T) {
	t.Parallel()
	both := append(hosts(5000), prefixes(5000)...)
	undividable := slices.Repeat([]Item{{Weight: 1}}, 1000)
	tests := map[string]struct {
		routes []Item
		// parts at least, and the most routes in any.
		parts, largest int
	}{
		"few":                     {hosts(100), 1, 101},
		"hosts":                   {hosts(10000), 79, 129},
		"prefixes":                {prefixes(10000), 79, 129},
		"both":                    {both, 79, 129},
		"wildcards only":          {undividable, 1, 1000},
		"the same path only":      {[]Item{{Area{Paths: Exactly("/")}, 1}, {Area{Paths: Exactly("/")}, 1}}, 1, 2},
		"one is as heavy as many": {append(hosts(100), Item{Area{Hosts: Exactly("z")}, 100}), 2, 101},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := Split(test.routes, 128)
			sizes := make([]int, len(tree.Parts()))
			for _, route := range test.routes {
				for _, part := range tree.Overlapping(nil, route.Area) {
					sizes[part] += route.Weight
				}
			}
			largest := 0
			for _, size := range sizes {
				largest = max(largest, size)
			}
			if len(sizes) < test.parts || largest > test.largest {
				t.Errorf("%d parts of at most %d routes, want at least %d of at most %d", len(sizes), largest, test.parts, test.largest)
			}
			names := map[string]bool{}
			for i, part := range tree.Parts() {
				if names[part.Name] {
					t.Errorf("two parts are called %s", part.Name)
				}
				names[part.Name] = true
				for _, other := range tree.Overlapping(nil, part.Area) {
					if other != i {
						t.Errorf("part %d %+v reaches into part %d %+v", i, part.Area, other, tree.Parts()[other].Area)
					}
				}
			}
		})
	}
}

// Whatever the cuts are, a request finds the routes that match it in its part.
func TestEveryRouteIsWhereItsRequestsAre(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet string, most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteByte(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	span := func(value string) Range {
		switch random.IntN(8) {
		case 0:
			return Range{}
		case 1, 2:
			return Exactly(value)
		}
		return StartingWith(value)
	}
	for range 200 {
		var routes []Item
		for range 1 + random.IntN(60) {
			routes = append(routes, Item{Area{Hosts: span(text("ab\xff", 4)), Paths: span("/" + text("ab/'\xff", 5))}, 1 + random.IntN(3)})
		}
		tree := Split(routes, 1+random.IntN(8))
		for range 200 {
			host, path := text("ab\xff", 5), "/"+text("ab/'\xff", 6)
			request := Area{Exactly(host), Exactly(path)}
			located := tree.locate(host, path)
			for _, route := range routes {
				if !route.Overlaps(request) {
					continue
				}
				if !slices.Contains(tree.Overlapping(nil, route.Area), located) {
					t.Fatalf("a request for %q %q is looked for in part %d, where its route %+v is not", host, path, located, route)
				}
			}
			if !tree.Parts()[located].Area.Overlaps(request) {
				t.Fatalf("a request for %q %q is looked for in %+v", host, path, tree.Parts()[located].Area)
			}
		}
	}
}

func TestCEL(t *testing.T) {
	t.Parallel()
	tree := Split([]Item{
		{Area{Hosts: Exactly("a.com")}, 1},
		{Area{Hosts: Exactly("b.com"), Paths: StartingWith("/x")}, 1},
		{Area{Hosts: Exactly("b.com"), Paths: StartingWith("/y")}, 1},
	}, 1)
	want := "(request.host<'b'?'part':(request.url_path<'/y'?'part':'part'))"
	if got := tree.CEL(func(Part) string { return "part" }); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// locate returns the index of the part a request belongs to, by the cuts alone. Host is in lower case, path without its
// query.
func (t *Tree) locate(host, path string) (part int) {
	n := t.root
	for n.below != nil {
		text := path
		if n.byHost {
			text = host
		}
		if text < n.at {
			n = n.below
		} else {
			n = n.from
		}
	}
	return n.part
}
