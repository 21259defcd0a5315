package compile

import (
	"slices"
	"strings"

	"terraform-provider-emissary/controller/compile/partition"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// mostMoved is how many places in route tables a Host's change may touch before compiling everything is cheaper.
const mostMoved = 1000

// hostChanged reads a Host again. It returns false when everything is to be compiled for it: a Host that decides about
// more than one virtual host of tables that are there, see plain.
func (c *Compiler) hostChanged(ref store.Ref, stale map[*group]bool) bool {
	object, _ := c.store.Object(ref).(*v3alpha1.Host)
	if !c.concerns(ref) {
		return true
	}
	if len(c.hosts.all) == 0 || c.hosts.all[0].report == nil { // a default Host stands in
		return false
	}
	if before := c.hosts.byRef(ref); before != nil {
		if !c.plain(before) || !c.removeHost(before, stale) {
			return false
		}
	}
	delete(c.ledger, ref)
	c.delta.Reports[ref] = nil
	if object != nil && c.member(object) {
		h := c.newHost(object)
		if h != nil && (!c.plain(h) || !c.addHost(h, stale)) {
			return false
		}
		c.delta.Reports[ref] = c.ledger[ref]
	}
	return len(c.hosts.all) > 0
}

// plain reports whether a Host is a virtual host of its own in cleartext tables, and nothing else: it has a hostname that
// is no glob and that no other Host has, and neither TLS nor a mappingSelector.
func (c *Compiler) plain(h *host) bool {
	same := c.hosts.plain[h.hostname]
	return h.tls == nil && !h.closed && h.selector == nil && !isGlob(h.hostname) && (len(same) == 0 || len(same) == 1 && same[0] == h)
}

// addHost gives a plain Host its virtual hosts. It returns false when a table is missing, or too much would move.
func (c *Compiler) addHost(h *host, stale map[*group]bool) bool {
	if !c.bindTables(h) {
		return false
	}
	moved := 0
	var pages []*group
	for _, g := range c.groups {
		switch {
		case stale[g] || !h.serves(g, c.options.LooseLabelSelectors):
		case g.everyHost:
			pages = append(pages, g)
		default:
			moved += c.withdraw(g, stale) // from where it is without the Host
		}
	}
	c.hosts.insert(h)
	v := &virtualHost{hostname: h.hostname, requests: requestsOf(h.hostname), hosts: []*host{h}}
	for _, t := range h.tables {
		t.hosts[v.hostname] = v
		for _, p := range t.overlapping(nil, partition.Area{Hosts: v.requests}) {
			at, _ := p.find(v.hostname)
			p.hosts = slices.Insert(p.hosts, at, &partHost{hostname: v.hostname})
			p.size += hostWeight
			c.staleParts[p] = true
		}
	}
	for _, g := range pages {
		at, _ := slices.BinarySearchFunc(g.hosts, h, comparePlaces)
		g.hosts = slices.Insert(g.hosts, at, h)
		for _, t := range h.tables {
			c.put(place{table: t, host: v, as: routed{g, h}, area: c.areaOf(v, g)})
		}
	}
	c.reportPlain(h)
	return moved <= mostMoved
}

// removeHost takes a plain Host's virtual hosts away. It returns false when a table would be empty, or too much would
// move.
func (c *Compiler) removeHost(h *host, stale map[*group]bool) bool {
	moved := 0
	for _, g := range c.groups {
		switch {
		case stale[g] || !h.serves(g, c.options.LooseLabelSelectors):
		case g.everyHost:
			g.hosts = slices.DeleteFunc(g.hosts, func(other *host) bool { return other == h })
		default:
			moved += c.withdraw(g, stale)
		}
	}
	for _, t := range h.tables {
		delete(t.hosts, h.hostname)
		if len(t.hosts) == 0 {
			return false
		}
		for _, p := range t.overlapping(nil, partition.Area{Hosts: requestsOf(h.hostname)}) {
			at, _ := p.find(h.hostname)
			p.hosts = slices.Delete(p.hosts, at, at+1)
			p.size -= hostWeight
			c.staleParts[p] = true
		}
	}
	c.hosts.remove(h)
	return moved <= mostMoved
}

// bindTables finds the tables of a plain Host. It returns false when a Listener that serves the Host has none for it.
func (c *Compiler) bindTables(h *host) bool {
	for _, l := range c.httpListeners {
		if !c.binds(l, h) {
			continue
		}
		h.served = true
		if c.listeners[l.name] == nil {
			return false
		}
		if !l.takesCleartext(h) {
			continue
		}
		at := slices.IndexFunc(c.tables, func(t *table) bool { return t.name == l.cleartextTable() })
		if at < 0 {
			return false
		}
		h.tables = append(h.tables, c.tables[at])
	}
	return true
}

// reportPlain says what was made of a plain Host, in the order of a complete compilation.
func (c *Compiler) reportPlain(h *host) {
	for _, l := range c.httpListeners {
		if c.binds(l, h) {
			h.report.uses(ResourceID{ListenerType, l.name})
		}
	}
	for _, t := range h.tables {
		for _, p := range t.parts {
			if _, found := p.find(h.hostname); found {
				h.report.uses(ResourceID{RouteType, p.name})
			}
		}
	}
	c.reportHost(h)
}

// byRef finds a Host; nil when it is not in use.
func (i *hostIndex) byRef(ref store.Ref) *host {
	if at := slices.IndexFunc(i.all, func(h *host) bool { return h.ref == ref }); at >= 0 {
		return i.all[at]
	}
	return nil
}

// insert adds a Host whose hostname no other has.
func (i *hostIndex) insert(h *host) {
	at, _ := slices.BinarySearchFunc(i.all, h, func(a, b *host) int { return strings.Compare(a.hostname, b.hostname) })
	i.all = slices.Insert(i.all, at, h)
	i.plain[h.hostname] = []*host{h}
	i.number(at)
}

// remove takes out a Host whose hostname no other has.
func (i *hostIndex) remove(h *host) {
	i.all = slices.Delete(i.all, h.place, h.place+1)
	delete(i.plain, h.hostname)
	i.number(h.place)
}

// number gives Hosts their places again, from one on.
func (i *hostIndex) number(from int) {
	for place, h := range i.all[from:] {
		h.place = from + place
	}
}

func comparePlaces(a, b *host) int { return a.place - b.place }
