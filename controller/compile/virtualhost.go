package compile

import (
	"cmp"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/crds/v3alpha1"
)

// routeConfiguration makes the routes of one filter chain: a virtual host for each hostname.
func (c *compiler) routeConfiguration(l *listener, name string, hosts []*host) {
	id := ResourceID{RouteType, name}
	config := &routev3.RouteConfiguration{Name: name}
	for _, same := range byHostname(hosts) {
		config.VirtualHosts = append(config.VirtualHosts, c.virtualHost(l, same, id))
		for _, h := range same {
			c.ledger.uses(h.ref, id)
		}
	}
	c.routes[name] = config
	c.ledger.uses(l.ref, id)
}

// byHostname splits Hosts, which are ordered by hostname, into runs of equal ones.
func byHostname(hosts []*host) [][]*host {
	var runs [][]*host
	for i, h := range hosts {
		if i > 0 && hosts[i-1].hostname == h.hostname {
			runs[len(runs)-1] = append(runs[len(runs)-1], h)
		} else {
			runs = append(runs, []*host{h})
		}
	}
	return runs
}

// virtualHost builds the virtual host of one hostname. Several Hosts may have it; each route then follows the first
// Host that serves its Mapping.
func (c *compiler) virtualHost(l *listener, hosts []*host, id ResourceID) *routev3.VirtualHost {
	hostname := hosts[0].hostname
	virtual := &routev3.VirtualHost{Name: hostname, Domains: []string{hostname}}
	for _, served := range servedGroups(hosts) {
		virtual.Routes = c.appendRoutes(virtual.Routes, l.model, served.host, served.group)
		c.noteRoutes(served.group, id)
	}
	if l.advertisesHTTP3 && l.tls {
		virtual.ResponseHeadersToAdd = []*corev3.HeaderValueOption{altSvc()}
	}
	return virtual
}

// served is a group of Mappings and the Host whose rules it follows.
type served struct {
	group *group
	host  *host
}

// servedGroups lists the groups of one or more Hosts in route order.
func servedGroups(hosts []*host) []served {
	var list []served
	seen := map[*group]bool{}
	for _, h := range hosts {
		for _, g := range h.groups {
			if len(hosts) > 1 {
				if seen[g] {
					continue
				}
				seen[g] = true
			}
			list = append(list, served{g, h})
		}
	}
	if len(hosts) > 1 {
		slices.SortFunc(list, func(a, b served) int { return cmp.Compare(a.group.rank, b.group.rank) })
	}
	return list
}

// appendRoutes adds the routes of a group as a Host and a securityModel want them.
func (c *compiler) appendRoutes(routes []*routev3.Route, model v3alpha1.SecurityModel, h *host, g *group) []*routev3.Route {
	for _, member := range c.routesOf(g).members {
		for _, v := range variants(model, h, member.answersACME()) {
			v.hostKnown = g.hostname != "" && hostnameCovers(g.hostname, h.hostname) && member.mapping.spec.Headers[headerAuthority] == ""
			routes = append(routes, member.variant(c, v))
			g.live = g.live || !v.redirect
		}
	}
	return routes
}

// variants says which routes a Mapping has under a Host. A request is secure or not by the Listener's securityModel:
// secure ones do what the Mapping says, insecure ones what the Host's insecure action says. A closed Host serves
// nothing; it may still send clients to HTTPS, and lets challenges for a certificate through.
func variants(model v3alpha1.SecurityModel, h *host, acme bool) []variant {
	byProto := model == v3alpha1.SecurityModelXFP
	route := variant{byProto: byProto}
	redirect := variant{byProto: byProto, redirect: true}
	secure := variant{byProto: byProto, secureOnly: true}
	redirects := h.insecure == v3alpha1.InsecureActionRedirect && model != v3alpha1.SecurityModelSecure
	switch {
	case acme:
		return []variant{route}
	case h.closed && redirects:
		return []variant{redirect}
	case h.closed:
		return nil
	case model == v3alpha1.SecurityModelSecure || h.insecure == v3alpha1.InsecureActionRoute:
		return []variant{route}
	case redirects && byProto:
		return []variant{secure, redirect}
	case redirects:
		return []variant{redirect}
	case byProto:
		return []variant{secure}
	default:
		return nil
	}
}

// noteRoutes makes the Mappings of a group owners of a RouteConfiguration, once.
func (c *compiler) noteRoutes(g *group, id ResourceID) {
	if g.noted == id.Name {
		return
	}
	g.noted = id.Name
	for _, m := range g.all() {
		if report := c.ledger[m.ref]; report != nil {
			report.Resources = append(report.Resources, id)
		}
	}
}

// altSvc tells clients, for a day, that HTTP/3 is served on port 443: the port of the load balancer in front, whatever
// the Listener's own is.
func altSvc() *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{
		Key: "alt-svc", Value: `h3=":443"; ma=86400, h3-29=":443"; ma=86400`,
	}}
}
