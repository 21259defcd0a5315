package compile

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/controller/compile/partition"
)

// limits are the sizes of route tables, in routes and virtual hosts.
type limits struct {
	// whole is how large a table may be in one piece; Envoy takes about 4 ms to rebuild one of 512.
	whole int
	// part is how much each part of a larger table gets. It may grow to whole before the table is cut anew: that changes
	// the listener, and Envoy then drains its connections.
	part int
	// few is the size below which a table that was cut is put together again.
	few int
}

var defaultLimits = limits{whole: 512, part: 128, few: 256}

// table is the routes of one filter chain. A large one is cut into parts, each a RouteConfiguration of its own.
type table struct {
	listener *listener
	name     string
	place    int
	hosts    map[string]*virtualHost // by hostname
	// tree says which part a request is looked for in; nil when there is one part.
	tree  *partition.Tree
	parts []*part
}

// part is one RouteConfiguration of a table.
type part struct {
	table *table
	name  string
	// hosts are the virtual hosts of the part, by hostname.
	hosts   []*partHost
	message *routev3.RouteConfiguration
	// size counts virtual hosts and groups, and most is what it may grow to.
	size, most int
}

// partHost is what of a virtual host is in a part.
type partHost struct {
	hostname string
	routes   []routed             // in route order
	message  *routev3.VirtualHost // nil when it is to be made
}

// place is where in a table a group is.
type place struct {
	table *table
	host  *virtualHost
	as    routed
	area  partition.Area
}

// newTable lays out the table of a filter chain that serves Hosts, and fills it.
func (c *Compiler) newTable(l *listener, name string, hosts []*host) *table {
	t := &table{listener: l, name: name, place: len(c.tables), hosts: map[string]*virtualHost{}}
	c.tables = append(c.tables, t)
	virtual := byHostname(hosts)
	var places []place
	for _, v := range virtual {
		t.hosts[v.hostname] = v
		for _, h := range v.hosts {
			h.tables = append(h.tables, t)
		}
		for _, r := range v.served() {
			places = append(places, place{table: t, host: v, as: r, area: c.areaOf(v, r.group)})
		}
	}
	t.cut(virtual, places, c.trees[name], c.limits)
	for _, v := range virtual {
		t.overlapping(partition.Area{Hosts: v.requests()}, func(p *part) {
			p.hosts = append(p.hosts, &partHost{hostname: v.hostname})
			p.size++
		})
	}
	for _, p := range places {
		c.put(p)
	}
	for _, p := range t.parts {
		p.most = max(c.limits.whole, 2*p.size)
	}
	return t
}

// areaOf is where a group's requests to a virtual host are.
func (c *Compiler) areaOf(v *virtualHost, g *group) partition.Area {
	c.routesOf(g)
	return partition.Area{Hosts: v.requests(), Paths: g.paths}
}

// placesFor lists where a group belongs in a table: under each hostname of its Hosts, as the first of them that has it.
func (c *Compiler) placesFor(t *table, g *group) (places []place) {
	for _, h := range g.hosts { // ordered by hostname, as those of a virtual host are
		v := t.hosts[h.hostname]
		if v == nil || !slices.Contains(v.hosts, h) || len(places) > 0 && places[len(places)-1].host == v {
			continue
		}
		places = append(places, place{table: t, host: v, as: routed{g, h}, area: c.areaOf(v, g)})
	}
	return places
}

// served lists the groups of a virtual host in route order, each with the first Host that serves it.
func (v *virtualHost) served() []routed {
	var list []routed
	seen := map[*group]bool{}
	for _, h := range v.hosts {
		for _, g := range h.groups {
			if len(v.hosts) == 1 || !seen[g] {
				list = append(list, routed{g, h})
			}
			if len(v.hosts) > 1 {
				seen[g] = true
			}
		}
	}
	if len(v.hosts) > 1 {
		slices.SortFunc(list, compareRouted)
	}
	return list
}

// cut decides on the parts of a table. The cuts of the compilation before are kept as long as they serve: new ones
// change the listener.
func (t *table) cut(virtual []*virtualHost, places []place, before *partition.Tree, limits limits) {
	areas := make([]partition.Area, 0, len(virtual)+len(places))
	for _, v := range virtual {
		areas = append(areas, partition.Area{Hosts: v.requests()})
	}
	for _, p := range places {
		areas = append(areas, p.area)
	}
	switch {
	case before != nil && len(areas) > limits.few && before.Largest(areas) <= limits.whole:
		t.tree = before
	case len(areas) > limits.whole:
		t.tree = partition.Split(areas, limits.part)
	}
	if t.tree == nil || len(t.tree.Parts()) == 1 {
		t.tree, t.parts = nil, []*part{{table: t, name: t.name}}
		return
	}
	for _, p := range t.tree.Parts() {
		t.parts = append(t.parts, &part{table: t, name: t.partName(p)})
	}
}

func (t *table) partName(p partition.Part) string { return t.name + "/" + p.Name }

// overlapping calls visit with each part that an area has requests in.
func (t *table) overlapping(area partition.Area, visit func(*part)) {
	if t.tree == nil {
		visit(t.parts[0])
		return
	}
	t.tree.Overlapping(area, func(i int) { visit(t.parts[i]) })
}

// put adds a group to the parts of a table that it has a place in.
func (c *Compiler) put(at place) {
	g := at.as.group
	g.places = append(g.places, at)
	at.table.overlapping(at.area, func(p *part) {
		h := p.host(at.host.hostname)
		i, _ := slices.BinarySearchFunc(h.routes, at.as, compareRouted)
		h.routes = slices.Insert(h.routes, i, at.as)
		c.stale(p, h)
		p.size++
		id := ResourceID{RouteType, p.name}
		for _, m := range g.all() {
			if report := c.ledger[m.ref]; report != nil && !slices.Contains(report.Resources, id) {
				report.Resources = append(report.Resources, id)
			}
		}
	})
}

// takeOut removes a group from every table.
func (c *Compiler) takeOut(g *group) {
	for _, at := range g.places {
		at.table.overlapping(at.area, func(p *part) {
			h := p.host(at.host.hostname)
			i, _ := slices.BinarySearchFunc(h.routes, at.as, compareRouted)
			h.routes = slices.Delete(h.routes, i, i+1)
			c.stale(p, h)
			p.size--
		})
	}
	g.places = nil
}

// host finds what of a virtual host is in a part.
func (p *part) host(hostname string) *partHost {
	i, _ := slices.BinarySearchFunc(p.hosts, hostname, func(h *partHost, name string) int { return strings.Compare(h.hostname, name) })
	return p.hosts[i]
}

// stale notes that a part is to be made again.
func (c *Compiler) stale(p *part, h *partHost) {
	h.message = nil
	if c.staleParts != nil {
		c.staleParts[p] = true
	}
}

// finish makes the RouteConfigurations of a complete table.
func (c *Compiler) finish(t *table) {
	for _, p := range t.parts {
		c.finishPart(p)
		id := ResourceID{RouteType, p.name}
		c.ledger.uses(t.listener.ref, id)
		for _, h := range p.hosts {
			for _, served := range t.hosts[h.hostname].hosts {
				if report := c.ledger[served.ref]; report != nil {
					report.Resources = append(report.Resources, id)
				}
			}
		}
	}
}

// finishPart makes a RouteConfiguration of what is in a part.
func (c *Compiler) finishPart(p *part) {
	config := &routev3.RouteConfiguration{Name: p.name, VirtualHosts: make([]*routev3.VirtualHost, 0, len(p.hosts))}
	if p.table.tree != nil {
		config.RequestHeadersToRemove = []string{headerPart}
	}
	for _, h := range p.hosts {
		if h.message == nil {
			h.message = c.virtualHost(p.table.listener, h.hostname, h.routes)
		}
		config.VirtualHosts = append(config.VirtualHosts, h.message)
	}
	p.message = config
}

// resources are what Envoy is given of a table.
func (t *table) resources() (scopes []*routev3.ScopedRouteConfiguration, routes []*routev3.RouteConfiguration) {
	for _, p := range t.parts {
		routes = append(routes, p.message)
		if t.tree != nil {
			scopes = append(scopes, scopeOf(p.name))
		}
	}
	return scopes, routes
}
