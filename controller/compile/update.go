package compile

import (
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Delta is what an update changed of a configuration.
type Delta struct {
	// Whole is set when everything was compiled: Changed is the complete configuration then, and what is not in it is to
	// go.
	Whole bool
	// Changed are the new contents of resources; some may be what they were. Removed are those that are gone, in no order.
	Changed map[ResourceID]proto.Message
	Removed map[ResourceID]bool
	// Reports are the new reports on objects; nil for an object that is gone.
	Reports map[store.Ref]*Report
}

// newDelta has room for some resources.
func newDelta(resources int) *Delta {
	return &Delta{
		Changed: make(map[ResourceID]proto.Message, resources),
		Removed: map[ResourceID]bool{},
		Reports: map[store.Ref]*Report{},
	}
}

func (d *Delta) change(id ResourceID, message proto.Message) {
	d.Changed[id] = message
	delete(d.Removed, id)
}

func (d *Delta) remove(id ResourceID) {
	d.Removed[id] = true
	delete(d.Changed, id)
}

// Then adds what a later update changed.
func (d *Delta) Then(next *Delta) *Delta {
	if next.Whole {
		d.Whole, d.Changed, d.Removed = true, next.Changed, next.Removed
	}
	for id := range next.Removed {
		d.remove(id)
	}
	for id, message := range next.Changed {
		d.change(id, message)
	}
	maps.Copy(d.Reports, next.Reports)
	return d
}

// Counts tells how many resources of each type the configuration has.
func (c *Compiler) Counts() map[string]int {
	counts := map[string]int{
		"listeners": len(c.listeners), "clusters": len(c.clusters.byName), "endpoints": len(c.clusters.assigned), "secrets": len(c.secrets.made),
	}
	for _, t := range c.tables {
		counts["routes"] += len(t.all())
	}
	return counts
}

// Owners tells of which objects a resource was made: whom a NACK of it concerns.
func (c *Compiler) Owners(id ResourceID) (refs []store.Ref) {
	for ref, report := range c.ledger {
		if slices.Contains(report.Resources, id) {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, store.Ref.Compare)
	return refs
}

// Update brings the configuration up to date with the changes of a store since the last call, which must have been with
// the same store, and returns what came of them. The first one compiles everything. now only says which parts of route
// tables have left, see Retire.
func (c *Compiler) Update(s *store.Store, now time.Time) *Delta {
	defer func() { c.delta = nil }() // it is the caller's, and as large as what it changes
	defer c.working.Wait()           // after a panic, too: the store is the caller's again
	changes := s.TakeChanges()
	before := c.ledger
	if c.store == s && c.follow(changes) {
		return c.delta
	}
	delta := c.delta
	c.compile(s, now)
	return c.whole(before, delta)
}

// whole completes the delta of a complete compilation, which has the clusters and load assignments already. before are
// the reports of the one before, and given up an update that was begun since.
func (c *Compiler) whole(before ledger, givenUp *Delta) *Delta {
	d := c.delta
	d.Whole = true
	for name, l := range c.listeners {
		d.Changed[ResourceID{ListenerType, name}] = l
	}
	for name, secret := range c.secrets.made {
		d.Changed[ResourceID{SecretType, name}] = secret
	}
	for _, t := range c.tables {
		scopes, routes := c.resources(t)
		for _, scope := range scopes {
			d.Changed[ResourceID{ScopeType, scope.Name}] = scope
		}
		for _, route := range routes {
			d.Changed[ResourceID{RouteType, route.Name}] = route
		}
	}
	d.Reports = maps.Clone(c.ledger)
	gone := func(ref store.Ref) {
		if _, kept := d.Reports[ref]; !kept {
			d.Reports[ref] = nil
		}
	}
	for ref := range before {
		gone(ref)
	}
	if givenUp != nil {
		for ref := range givenUp.Reports {
			gone(ref)
		}
	}
	return d
}

// Retire takes away the parts of route tables that no connection uses any more, and returns when to call it again; zero
// when that depends on Envoy only. taken says that Envoy has acknowledged the configuration of the last Update that was a
// whole one: the time for connections to drain begins then. It is cheap when nothing is due.
func (c *Compiler) Retire(now time.Time, taken bool) (delta *Delta, next time.Time) {
	for _, t := range c.tables {
		for _, p := range t.leaving {
			if p.until.IsZero() && taken {
				p.until = now.Add(c.options.DrainTime)
			}
			switch {
			case p.over(now):
				if delta == nil {
					delta = newDelta(0)
				}
				delta.remove(ResourceID{RouteType, p.name})
				if p.scoped {
					delta.remove(ResourceID{ScopeType, p.name})
				}
			case next.IsZero() || !p.until.IsZero() && p.until.Before(next):
				next = p.until
			}
		}
		t.leaving = slices.DeleteFunc(t.leaving, func(p *part) bool { return p.over(now) })
	}
	return delta, next
}

// follow compiles what depends on changed objects. It returns false when that is everything.
func (c *Compiler) follow(changes []store.Ref) bool {
	c.delta, c.staleParts = newDelta(0), map[*part]bool{}
	stale := map[*group]bool{}
	for _, ref := range changes {
		local := true
		switch ref.Kind {
		case "Mapping":
			c.mappingChanged(ref, stale)
		case "Service":
			local = c.serviceChanged(serviceKey{ref.Namespace, ref.Name}, stale)
		case "Endpoints":
			c.endpointsChanged(serviceKey{ref.Namespace, ref.Name})
		case "Secret":
			local = c.secretChanged(ref)
		case "Host":
			local = c.hostChanged(ref, stale)
		default:
			local = !c.concerns(ref)
		}
		if !local {
			return false
		}
	}
	c.regroup(stale)
	c.handOver(c.makeClusters())
	c.clusters.sweep(c.delta)
	return c.finishParts()
}

// concerns reports whether an object is of this install, or was.
func (c *Compiler) concerns(ref store.Ref) bool {
	if c.ledger[ref] != nil {
		return true
	}
	object, ok := c.store.Object(ref).(v3alpha1.Object)
	return ok && c.member(object)
}

// mappingChanged reads a Mapping again. The groups it left and entered become stale.
func (c *Compiler) mappingChanged(ref store.Ref, stale map[*group]bool) {
	if before := c.mappings[ref]; before != nil {
		c.withdraw(before.group, stale)
		c.leave(before)
	}
	if c.ledger[ref] != nil {
		delete(c.ledger, ref)
		c.delta.Reports[ref] = nil
	}
	object := c.store.Mapping(ref.Namespace, ref.Name)
	if object == nil || !c.member(object) {
		return
	}
	r := c.read(object)
	c.delta.Reports[ref] = r.report
	if m := c.admit(r); m != nil {
		key := c.keyOf(m)
		if g := c.groups[key]; g != nil {
			c.withdraw(g, stale)
		}
		c.enter(m, key)
		stale[m.group] = true
	}
}

// withdraw takes a group out of the configuration, for it to be made again. It returns how many places it had there.
func (c *Compiler) withdraw(g *group, stale map[*group]bool) (places int) {
	if !stale[g] {
		stale[g] = true
		places = c.takeOut(g)
		c.clusters.release(g)
	}
	return places
}

// serviceChanged makes the clusters of a Service again, and the groups that use them. It returns false when something
// else than a group does.
func (c *Compiler) serviceChanged(key serviceKey, stale map[*group]bool) bool {
	for _, used := range c.clusters.byService[key] {
		if used.fixed {
			return false
		}
		c.assign(used)
		c.clusters.unmade = append(c.clusters.unmade, used) // it may be the one before
		for _, g := range slices.Clone(used.groups) {
			c.withdraw(g, stale)
		}
	}
	c.endpointsChanged(key) // a port may be called by another name now
	return true
}

// endpointsChanged makes the load assignments of a Service again.
func (c *Compiler) endpointsChanged(key serviceKey) {
	for _, assigned := range slices.Clone(c.clusters.assignedTo[key]) {
		c.delta.change(ResourceID{EndpointType, assigned.name}, endpoints(c.store, assigned)) // it may be the one before
		c.clusters.drop(assigned, c.delta)
	}
}

// regroup makes stale groups again and puts them back into the tables.
func (c *Compiler) regroup(stale map[*group]bool) {
	ordered := slices.SortedFunc(maps.Keys(stale), func(a, b *group) int { return strings.Compare(a.key, b.key) })
	for _, g := range ordered {
		if len(g.candidates) == 0 {
			delete(c.groups, g.key)
			continue
		}
		c.reopen(g)
		c.assemble(g)
		g.hosts = c.hostsOf(g)
		for _, t := range g.tables() {
			for _, p := range c.placesFor(t, g) {
				c.put(p)
			}
		}
	}
	c.staleGroups = ordered
}

// tables lists those that have a Host of a group, in their order.
func (g *group) tables() (tables []*table) {
	for _, h := range g.hosts {
		for _, t := range h.tables {
			if at, found := slices.BinarySearchFunc(tables, t, compareTables); !found {
				tables = slices.Insert(tables, at, t)
			}
		}
	}
	return tables
}

func compareTables(a, b *table) int { return a.place - b.place }

// finishParts makes the stale parts of tables, then reports on the stale groups. It returns false when a part has
// outgrown its bound.
func (c *Compiler) finishParts() bool {
	for p := range c.staleParts {
		if !p.leaving && p.size > p.table.most {
			return false
		}
		c.finishPart(p)
		c.delta.change(ResourceID{RouteType, p.name}, p.handOver())
	}
	for _, g := range c.staleGroups {
		if len(g.candidates) == 0 {
			continue
		}
		c.reportGroup(g)
		for _, m := range g.candidates {
			if m.report != nil {
				c.delta.Reports[m.ref] = m.report
			}
		}
	}
	return true
}
