package compile

import (
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/controller/compile/partition"
)

// limits are the sizes of route tables. A route counts as one and a virtual host as hostWeight.
type limits struct {
	// whole is how large a table may be in one piece.
	whole int
	// part is how much each part of a larger table gets, at least. It may grow to grown, or to twice what it was, before
	// the table is cut anew: that changes the listener, and Envoy then drains its connections.
	part, grown int
	// few is the size below which a table that was cut is put together again.
	few int
	// expression is how long the text that says where the cuts are may be, in bytes. Envoy takes headers of 16384.
	expression int
}

// limitsOf are the limits where tables have a size.
func limitsOf(size int) limits {
	return limits{whole: size, part: 128, grown: 512, few: size / 2, expression: 16000}
}

// hostWeight is what Envoy takes to build a virtual host, with the routes to the controller's own pages that each one
// has, in routes.
const hostWeight = 4

// smallHosts is how many virtual hosts a part has room for when they are not worth a cut of their own.
const smallHosts = 4

// table is the routes of one filter chain. A large one is cut into parts, each a RouteConfiguration of its own.
type table struct {
	listener *listener
	name     string
	place    int
	hosts    map[string]*virtualHost // by hostname
	// tree says which part a request is looked for in; nil when there is one part.
	tree  *partition.Tree
	parts []*part
	// most is the size that no part may exceed.
	most int
	// anyCase is for requests whose host has capitals; nil when cuts do not look at the host.
	anyCase *part
	// leaving are parts of earlier cuts. Connections that were made before a cut look for their routes there until Envoy
	// has drained them, so they are kept up to date.
	leaving []*part
}

// part is one RouteConfiguration of a table.
type part struct {
	table *table
	name  string
	area  partition.Area
	// scoped is set when the part is chosen by a scope key.
	scoped bool
	// folds is set for a part that has no routes of its own: it looks up the part of the host in lower case.
	folds *partition.Tree
	// leaving is set for a part of an earlier cut. It goes at until, which is zero as long as Envoy may not have taken the
	// cut after.
	leaving bool
	until   time.Time
	// hosts are the virtual hosts of the part, by hostname.
	hosts   []*partHost
	message *routev3.RouteConfiguration
	// size is in what limits count.
	size int
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
	t := &table{listener: l, name: name, place: len(c.tables), hosts: make(map[string]*virtualHost, len(hosts))}
	c.tables = append(c.tables, t)
	virtual := byHostname(hosts)
	for _, v := range virtual {
		if t.cleartext() && len(v.hosts) > 1 {
			v.hosts = slices.Clone(v.hosts)
			slices.Reverse(v.hosts)
		}
		t.hosts[v.hostname] = v
		for _, h := range v.hosts {
			h.tables = append(h.tables, t)
		}
	}
	before := c.before[name]
	t.cut(c.itemsOf(t, virtual), before, c.limits)
	t.keepLeaving(before, c.now)
	fill := filler{Compiler: c, table: t}
	for _, v := range virtual {
		fill.add(v)
	}
	return t
}

// cleartext reports whether a table is for connections without TLS. Of several Hosts of one hostname the last one counts
// there, as in Emissary: over TLS it is the first one, whose certificate is used.
func (t *table) cleartext() bool { return t.name == t.listener.cleartextTable() }

// itemsOf is what a table is cut by. A virtual host that is much smaller than a part is one item; of a larger one, each
// group is, too. The controller's own pages are in every virtual host, and weigh with it.
func (c *Compiler) itemsOf(t *table, virtual []*virtualHost) []partition.Item {
	items := make([]partition.Item, 0, len(virtual)+len(c.groups))
	var served []routed
	for _, v := range virtual {
		host := len(items)
		items = append(items, partition.Item{Area: partition.Area{Hosts: v.requests}, Weight: hostWeight})
		small := v.groups() <= c.limits.part/smallHosts
		served = v.served(served[:0])
		for _, r := range served {
			switch {
			case r.group.everyHost || t.shadowed(v, r.group):
			case small:
				items[host].Weight++
			default:
				items = append(items, partition.Item{Area: c.areaOf(v, r.group), Weight: 1})
			}
		}
	}
	return items
}

// filler puts virtual hosts, and what they serve, into the parts of a new table. Its lists are used again.
type filler struct {
	*Compiler
	table       *table
	served      []routed
	hosts, into []*part
}

// add puts in the next virtual host.
func (f *filler) add(v *virtualHost) {
	room := min(v.groups(), f.table.most)
	f.hosts = f.table.overlapping(f.hosts[:0], partition.Area{Hosts: v.requests})
	for _, p := range f.hosts {
		p.hosts = append(p.hosts, &partHost{hostname: v.hostname, routes: make([]routed, 0, room)})
		p.size += hostWeight
	}
	f.served = v.served(f.served[:0])
	for _, r := range f.served {
		if f.table.shadowed(v, r.group) {
			continue
		}
		area, into := f.areaOf(v, r.group), f.hosts
		if len(f.hosts) > 1 {
			f.into = f.table.overlapping(f.into[:0], area)
			into = f.into
		}
		for _, p := range into {
			h := p.hosts[len(p.hosts)-1]
			h.routes = append(h.routes, r)
			f.entered(p, r.group)
		}
	}
}

// areaOf is where a group's requests to a virtual host are. The group's routes are made for that. A group with a hostname
// of its own asks for it there.
func (c *Compiler) areaOf(v *virtualHost, g *group) partition.Area {
	c.routesOf(g)
	area := partition.Area{Hosts: v.requests, Paths: g.paths}
	if isGlob(v.hostname) && g.hostname != "" && !isGlob(g.hostname) {
		area.Hosts = partition.Exactly(g.hostname)
	}
	return area
}

// shadowed reports whether no request for a group gets to a virtual host, because there is one for the very hostname.
func (t *table) shadowed(v *virtualHost, g *group) bool {
	return g.hostname != v.hostname && g.hostname != "" && !isGlob(g.hostname) && t.hosts[g.hostname] != nil
}

// placesFor lists where a group belongs in a table: under each hostname of its Hosts, as the one of them that counts.
func (c *Compiler) placesFor(t *table, g *group) (places []place) {
	for _, h := range g.hosts { // ordered by hostname, as those of a virtual host are
		v := t.hosts[h.hostname]
		if v == nil || !slices.Contains(v.hosts, h) || t.shadowed(v, g) {
			continue
		}
		if last := len(places) - 1; last >= 0 && places[last].host == v {
			if t.cleartext() {
				places[last].as.host = h
			}
			continue
		}
		places = append(places, place{table: t, host: v, as: routed{g, h}, area: c.areaOf(v, g)})
	}
	return places
}

// served appends to an empty list the groups of a virtual host in route order, each with the first Host that serves it.
func (v *virtualHost) served(list []routed) []routed {
	for _, g := range v.hosts[0].groups {
		list = append(list, routed{g, v.hosts[0]})
	}
	if len(v.hosts) == 1 {
		return list
	}
	seen := make(map[*group]bool, len(list))
	for _, r := range list {
		seen[r.group] = true
	}
	for _, h := range v.hosts[1:] {
		for _, g := range h.groups {
			if !seen[g] {
				seen[g] = true
				list = append(list, routed{g, h})
			}
		}
	}
	slices.SortFunc(list, compareRouted)
	return list
}

// cut decides on the parts of a table. The cuts of the compilation before are kept as long as they serve: new ones
// change the listener.
func (t *table) cut(items []partition.Item, before *table, limits limits) {
	weight := 0
	for i := range items {
		weight += items[i].Weight
	}
	switch {
	case before != nil && before.tree != nil && weight > limits.few && before.tree.Largest(items) <= before.most:
		t.tree, t.most = before.tree, before.most
	case weight > limits.whole:
		t.tree = t.split(items, limits)
		t.most = max(limits.grown, 2*t.tree.Largest(items))
	}
	if t.tree == nil || len(t.tree.Parts()) == 1 {
		t.tree, t.parts, t.most = nil, []*part{{table: t, name: t.name}}, max(limits.whole, t.most)
		return
	}
	for _, p := range t.tree.Parts() {
		t.parts = append(t.parts, &part{table: t, name: t.partName(p), area: p.Area, scoped: true})
	}
	if t.tree.ByHost() {
		t.anyCase = &part{table: t, name: t.name + "/any-case/" + t.tree.Name(), scoped: true, folds: t.tree}
	}
}

// split cuts as finely as the limits allow.
func (t *table) split(items []partition.Item, limits limits) *partition.Tree {
	for size := limits.part; ; size *= 2 {
		tree := partition.Split(items, size)
		if len(tree.Parts()) == 1 || len(tree.CEL(t.keyOf)) <= limits.expression {
			return tree
		}
	}
}

// keepLeaving keeps the parts that an earlier cut had and this one has not.
func (t *table) keepLeaving(before *table, now time.Time) {
	if before == nil {
		return
	}
	stay := map[string]bool{}
	for _, p := range t.all() {
		stay[p.name] = true
	}
	for _, p := range before.all() {
		if !stay[p.name] && !p.over(now) {
			t.leaving = append(t.leaving, &part{table: t, name: p.name, area: p.area, scoped: p.scoped, folds: p.folds, leaving: true, until: p.until})
		}
	}
}

// over reports whether a part that is leaving is to go.
func (p *part) over(now time.Time) bool { return !p.until.IsZero() && !now.Before(p.until) }

// all lists the parts, those that are leaving last.
func (t *table) all() []*part {
	all := slices.Clone(t.parts)
	if t.anyCase != nil {
		all = append(all, t.anyCase)
	}
	return append(all, t.leaving...)
}

func (t *table) partName(p partition.Part) string { return t.name + "/" + p.Name }

// keyOf is what requests are sent to a part by: short, and different for every part of every table.
func (t *table) keyOf(p partition.Part) string { return scopeKey(t.partName(p)) }

// overlapping appends to a list each part that an area has requests in.
func (t *table) overlapping(list []*part, area partition.Area) []*part {
	if t.tree == nil {
		list = append(list, t.parts[0])
	} else {
		var few [8]int
		for _, i := range t.tree.Overlapping(few[:0], area) {
			list = append(list, t.parts[i])
		}
	}
	for _, p := range t.leaving {
		if p.folds == nil && p.area.Overlaps(area) {
			list = append(list, p)
		}
	}
	return list
}

// put adds a group to the parts of a table that it has a place in.
func (c *Compiler) put(at place) {
	for _, p := range at.table.overlapping(nil, at.area) {
		h := p.host(at.host.hostname)
		i, _ := slices.BinarySearchFunc(h.routes, at.as, compareRouted)
		h.routes = slices.Insert(h.routes, i, at.as)
		c.stale(p, h)
		c.entered(p, at.as.group)
	}
}

// entered notes that a part has a group.
func (c *Compiler) entered(p *part, g *group) {
	if !g.everyHost {
		p.size++
	}
	if p.leaving {
		return
	}
	for _, m := range g.all() {
		if !m.everyHost {
			m.report.uses(ResourceID{RouteType, p.name})
		}
	}
}

// takeOut removes a group from every table, as long as its Hosts and theirs are what they were when it was put there. It
// returns how many places it had.
func (c *Compiler) takeOut(g *group) (places int) {
	for _, t := range g.tables() {
		for _, at := range c.placesFor(t, g) {
			places++
			for _, p := range t.overlapping(nil, at.area) {
				h := p.host(at.host.hostname)
				i, _ := slices.BinarySearchFunc(h.routes, at.as, compareRouted)
				h.routes = slices.Delete(h.routes, i, i+1)
				c.stale(p, h)
				if !g.everyHost {
					p.size--
				}
			}
		}
	}
	return places
}

// host is what of a virtual host is in a part.
func (p *part) host(hostname string) *partHost {
	i, _ := p.find(hostname)
	return p.hosts[i]
}

func (p *part) find(hostname string) (at int, found bool) {
	return slices.BinarySearchFunc(p.hosts, hostname, func(h *partHost, name string) int { return strings.Compare(h.hostname, name) })
}

// stale notes that a part is to be made again.
func (c *Compiler) stale(p *part, h *partHost) {
	h.message = nil
	c.staleParts[p] = true
}

// finish makes the RouteConfigurations of a complete table.
func (c *Compiler) finish(t *table) {
	for _, p := range t.all() {
		c.finishPart(p)
	}
	for _, p := range t.parts {
		id := ResourceID{RouteType, p.name}
		c.ledger[t.listener.ref].uses(id)
		for _, h := range p.hosts {
			for _, served := range t.hosts[h.hostname].hosts {
				served.report.uses(id)
			}
		}
	}
}

// finishPart makes a RouteConfiguration of what is in a part.
func (c *Compiler) finishPart(p *part) {
	if p.folds != nil {
		p.message = anyCaseRoutes(p)
		return
	}
	config := &routev3.RouteConfiguration{Name: p.name, VirtualHosts: make([]*routev3.VirtualHost, 0, len(p.hosts))}
	if p.scoped {
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

// handOver returns a part's message for the last time. It is made again when something in the part changes, and so is
// that of its virtual host if there is only one: memory is better used otherwise.
func (p *part) handOver() *routev3.RouteConfiguration {
	message := p.message
	p.message = nil
	if len(p.hosts) == 1 {
		p.hosts[0].message = nil
	}
	return message
}

// resources are what Envoy is given of a table.
func (c *Compiler) resources(t *table) (scopes []*routev3.ScopedRouteConfiguration, routes []*routev3.RouteConfiguration) {
	for _, p := range t.all() {
		if p.message == nil {
			c.finishPart(p)
		}
		routes = append(routes, p.handOver())
		if p.scoped {
			scopes = append(scopes, scopeOf(p.name))
		}
	}
	return scopes, routes
}
