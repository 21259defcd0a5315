package compile

// reportUnserved tells the owners of Hosts and Mappings that are valid and still reach nobody what is missing.
func (c *compiler) reportUnserved(hosts []*host, groups []*group) {
	for _, h := range hosts {
		if !h.served {
			c.ledger.unserved(h.ref, ReasonNoListener, "no Listener serves this Host: create one whose hostBinding selects it")
		}
	}
	firstHost := map[*group]*host{}
	for _, h := range hosts {
		for _, g := range h.groups {
			if firstHost[g] == nil || !firstHost[g].served {
				firstHost[g] = h
			}
		}
	}
	for _, g := range groups {
		if g.live {
			continue
		}
		for _, m := range g.all() {
			c.reportMapping(m, firstHost[g], g)
		}
	}
}

func (c *compiler) reportMapping(m *mapping, h *host, g *group) {
	switch {
	case h == nil && (m.hostname != "" || g.hostRegex):
		c.ledger.unserved(m.ref, ReasonNoMatchingHost, "no Host matches hostname %s", m.hostname)
	case h == nil:
		c.ledger.unserved(m.ref, ReasonNoMatchingHost, "no Host serves this Mapping: set hostname, or labels that a Host's mappingSelector asks for")
	case !h.served:
		c.ledger.unserved(m.ref, ReasonNoListener, "%s serves this Mapping, but no Listener serves that Host", h.ref)
	case h.closed:
		c.ledger.unserved(m.ref, ReasonNoMatchingHost, "%s serves this Mapping, but it is closed: see its conditions", h.ref)
	case len(g.members) == 0 && g.redirect == nil:
		c.ledger.unserved(m.ref, ReasonConflict, "a shadow needs a Mapping of the same prefix and hostname whose requests it copies")
	default:
		c.ledger.unserved(m.ref, ReasonNoMatchingHost, "%s serves this Mapping only in ways its Listeners do not offer: its insecure action is %s", h.ref, h.insecure)
	}
}
