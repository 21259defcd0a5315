package compile

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/controller/compile/matchtree"
	"terraform-provider-emissary/controller/compile/partition"
	"terraform-provider-emissary/crds/v3alpha1"
)

// virtualHost is a hostname in a route table. Several Hosts may have it; each group of Mappings then follows the first
// one in the list that serves it.
type virtualHost struct {
	hostname string
	// requests are the hosts whose requests Envoy may look for in the virtual host.
	requests partition.Range
	hosts    []*host
}

// requestsOf are the hosts that a hostname stands for.
func requestsOf(hostname string) partition.Range {
	switch prefix, glob := strings.CutSuffix(hostname, "*"); {
	case glob:
		return partition.StartingWith(prefix)
	case isGlob(hostname):
		return partition.Range{}
	}
	return partition.Exactly(hostname)
}

// groups counts what the Hosts serve.
func (v *virtualHost) groups() (n int) {
	for _, h := range v.hosts {
		n += len(h.groups)
	}
	return n
}

// byHostname splits Hosts, which are ordered by hostname, into runs of equal ones.
func byHostname(hosts []*host) []*virtualHost {
	runs := make([]*virtualHost, 0, len(hosts))
	for start := 0; start < len(hosts); {
		hostname, end := hosts[start].hostname, start+1
		for end < len(hosts) && hosts[end].hostname == hostname {
			end++
		}
		runs = append(runs, &virtualHost{hostname: hostname, requests: requestsOf(hostname), hosts: hosts[start:end:end]})
		start = end
	}
	return runs
}

// virtualHost makes the virtual host of a part of a route table with the routes that are in it.
func (c *Compiler) virtualHost(l *listener, hostname string, routes []routed) *routev3.VirtualHost {
	made := &struct {
		routev3.VirtualHost
		domain [1]string
	}{domain: [1]string{hostname}}
	virtual := &made.VirtualHost
	virtual.Name, virtual.Domains = hostname, made.domain[:]
	entries := make([]*matchtree.Entry, 0, len(routes))
	for _, r := range routes {
		entries = c.appendRoutes(entries, l.model, r.host, r.group)
	}
	virtual.Routes, virtual.Matcher = matchtree.Build(entries)
	if l.advertisesHTTP3 && l.tls {
		virtual.ResponseHeadersToAdd = []*corev3.HeaderValueOption{altSvc()}
	}
	return virtual
}

// routed is a group of Mappings and the Host whose rules it follows.
type routed struct {
	group *group
	host  *host
}

func compareRouted(a, b routed) int { return compareRoutes(a.group, b.group) }

// appendRoutes adds the routes of a group as a Host and a securityModel want them.
func (c *Compiler) appendRoutes(routes []*matchtree.Entry, model v3alpha1.SecurityModel, h *host, g *group) []*matchtree.Entry {
	var few [2]variant
	for _, member := range c.routesOf(g) {
		for _, v := range appendVariants(few[:0], model, h, member.answersACME()) {
			v.hostKnown = g.hostname != "" && hostnameCovers(g.hostname, h.hostname)
			routes = append(routes, member.variant(c, v))
			g.live = g.live || !v.redirect
		}
	}
	return routes
}

// appendVariants says which routes a Mapping has under a Host, two at most. A request is secure or not by the Listener's securityModel:
// secure ones do what the Mapping says, insecure ones what the Host's insecure action says. A closed Host serves
// nothing; it may still send clients to HTTPS, and lets challenges for a certificate through.
func appendVariants(list []variant, model v3alpha1.SecurityModel, h *host, acme bool) []variant {
	byProto := model == v3alpha1.SecurityModelXFP
	route := variant{byProto: byProto}
	redirect := variant{byProto: byProto, redirect: true}
	secure := variant{byProto: byProto, secureOnly: true}
	redirects := h.insecure == v3alpha1.InsecureActionRedirect && model != v3alpha1.SecurityModelSecure
	switch {
	case acme:
		return append(list, route)
	case h.closed && redirects:
		return append(list, redirect)
	case h.closed:
		return list
	case model == v3alpha1.SecurityModelSecure || h.insecure == v3alpha1.InsecureActionRoute:
		return append(list, route)
	case redirects && byProto:
		return append(list, secure, redirect)
	case redirects:
		return append(list, redirect)
	case byProto:
		return append(list, secure)
	default:
		return list
	}
}

// altSvc tells clients, for a day, that HTTP/3 is served on port 443: the port of the load balancer in front, whatever
// the Listener's own is.
func altSvc() *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{
		Key: "alt-svc", Value: `h3=":443"; ma=86400, h3-29=":443"; ma=86400`,
	}}
}
