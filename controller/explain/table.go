package explain

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/controller/compile"
)

// table is a route configuration.
type table struct {
	name  string
	hosts []*virtualHost
	// folds is set when it has no routes of its own: a script finds those of the host in lower case.
	folds bool
}

// virtualHost holds the routes of some hostnames, as a list or as a matcher tree.
type virtualHost struct {
	domains []string
	routes  []*routev3.Route
	tree    *node
}

func newTable(config *routev3.RouteConfiguration) (*table, error) {
	t := &table{name: config.Name}
	for _, message := range config.VirtualHosts {
		h := &virtualHost{domains: message.Domains, routes: message.Routes}
		if message.Matcher != nil {
			var err error
			if h.tree, err = newNode(message.Matcher); err != nil {
				return nil, fmt.Errorf("virtual host %s: %w", message.Name, err)
			}
		}
		t.folds = t.folds || slices.ContainsFunc(message.Routes, func(r *routev3.Route) bool {
			return r.TypedPerFilterConfig[compile.FilterAnyCase] != nil
		})
		t.hosts = append(t.hosts, h)
	}
	return t, nil
}

// routeTable finds the route configuration that an HTTP connection manager looks a request up in, or says why there is
// none: the one it names or, of a table that is cut into several, the one whose scope has the request's key.
func (e *Explainer) routeTable(c *chain, r *received) (t *table, why string) {
	name := e.routeName(c, r)
	if t = e.routes[name]; t != nil && t.folds {
		for i := range c.formulas {
			c.formulas[i].apply(r, strings.ToLower(r.host))
		}
		name = e.routeName(c, r)
		t = e.routes[name]
	}
	if t == nil {
		return nil, fmt.Sprintf("filter chain %s has no routes: there is no route configuration %q", c.name, name)
	}
	return t, ""
}

func (e *Explainer) routeName(c *chain, r *received) string {
	scoped := c.http.GetScopedRoutes()
	if scoped == nil {
		return c.http.GetRds().GetRouteConfigName()
	}
	key := scopeKey(scoped.ScopeKeyBuilder, r)
	for _, scope := range e.output.Scopes {
		if hasKey(scope, key) {
			return scope.RouteConfigurationName
		}
	}
	return ""
}

// tables lists all route configurations that a filter chain may look requests up in. The scopes of a table that is cut
// begin with its name.
func (e *Explainer) tables(c *chain) []*table {
	if name := c.http.GetRds().GetRouteConfigName(); name != "" {
		return []*table{e.routes[name]}
	}
	var tables []*table
	for _, scope := range e.output.Scopes {
		if t := e.routes[scope.RouteConfigurationName]; strings.HasPrefix(scope.Name, c.http.GetScopedRoutes().GetName()+"/") && !t.folds {
			tables = append(tables, t)
		}
	}
	return tables
}

// virtualHost finds the virtual host of a hostname: the whole name, then the longest *.suffix, then the longest
// prefix.*, then "*"; nil when there is none.
func (t *table) virtualHost(host string) *virtualHost {
	var best *virtualHost
	bestRank := -1
	for _, h := range t.hosts {
		for _, domain := range h.domains {
			if rank := domainRank(domain, host); rank > bestRank {
				best, bestRank = h, rank
			}
		}
	}
	return best
}

// domain is the one of a virtual host's domains that a hostname falls under; the first when none fits.
func (h *virtualHost) domain(host string) string {
	best, bestRank := h.domains[0], -1
	for _, domain := range h.domains {
		if rank := domainRank(domain, host); rank > bestRank {
			best, bestRank = domain, rank
		}
	}
	return best
}

// domainRank says how well a domain of a virtual host, or the hostname of a Mapping, fits a hostname; negative when it
// does not. The star stands for at least one character, and case does not count (RFC 4343).
func domainRank(domain, host string) int {
	const whole, suffix, prefix = 3 << 16, 2 << 16, 1 << 16
	domain, host = strings.ToLower(domain), strings.ToLower(host)
	switch {
	case domain == host:
		return whole
	case domain == "*":
		return 0
	case len(host) < len(domain):
		return -1
	case strings.HasPrefix(domain, "*") && strings.HasSuffix(host, domain[1:]):
		return suffix + len(domain)
	case strings.HasSuffix(domain, "*") && strings.HasPrefix(host, domain[:len(domain)-1]):
		return prefix + len(domain)
	default:
		return -1
	}
}

// scan lists the routes that Envoy compares a request with, in order.
func (h *virtualHost) scan(r *received) []*routev3.Route {
	if h.tree == nil {
		return h.routes
	}
	routes, _ := h.tree.routes(r)
	return routes
}

// all lists every route of the virtual host; those of a tree in no particular order, some more than once.
func (h *virtualHost) all() []*routev3.Route {
	if h.tree == nil {
		return h.routes
	}
	return h.tree.all()
}

// hostsOf names the Hosts behind a virtual host of a route configuration.
func (e *Explainer) hostsOf(t *table, domain string) []Object {
	var hosts []Object
	for _, ref := range e.output.Owners[compile.ResourceID{TypeURL: compile.RouteType, Name: t.name}] {
		if hostname, known := e.hostnames[Object(ref)]; known && hostname == domain {
			hosts = append(hosts, Object(ref))
		}
	}
	return hosts
}
