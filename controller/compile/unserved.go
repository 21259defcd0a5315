package compile

// reportHost tells the owner of a Host that reaches nobody.
func (c *Compiler) reportHost(h *host) {
	if !h.served {
		h.report.unserved(ReasonNoListener, "no Listener serves this Host: create one whose hostBinding selects it")
	}
}

// reportGroup tells the owners of Mappings that are valid and still reach nobody what is missing.
func (c *Compiler) reportGroup(g *group) {
	if g.live {
		return
	}
	var nearest *host
	for _, h := range g.hosts {
		if nearest == nil || !nearest.served {
			nearest = h
		}
	}
	for _, m := range g.all() {
		c.reportMapping(m, nearest, g)
	}
}

func (c *Compiler) reportMapping(m *mapping, h *host, g *group) {
	switch {
	case h == nil && (m.hostname != "" || g.hostRegex):
		m.report.unserved(ReasonNoMatchingHost, "no Host matches hostname %s", m.hostname)
	case h == nil:
		m.report.unserved(ReasonNoMatchingHost, "no Host serves this Mapping: set hostname, or labels that a Host's mappingSelector asks for")
	case !h.served:
		m.report.unserved(ReasonNoListener, "%s serves this Mapping, but no Listener serves that Host", h.ref)
	case h.closed:
		m.report.unserved(ReasonNoMatchingHost, "%s serves this Mapping, but it is closed: see its conditions", h.ref)
	case len(g.members) == 0 && g.redirect == nil:
		m.report.unserved(ReasonConflict, "a shadow needs a Mapping of the same prefix and hostname whose requests it copies")
	default:
		m.report.unserved(ReasonNoMatchingHost, "%s serves this Mapping only in ways its Listeners do not offer: its insecure action is %s", h.ref, h.insecure)
	}
}
