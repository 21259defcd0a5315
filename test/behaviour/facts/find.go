package facts

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Path is where a request goes through Envoy.
type Path struct {
	listener object
	route    object // nil for TCP
	cluster  object // nil where no cluster is involved, such as a redirect
}

// Target tells whether a cluster's endpoint leads to the backend in question. Host is an address or a
// name that is resolved by DNS.
type Target func(host string, port int) bool

// Find follows a request through the configuration. Where several routes may take it, by fraction, the one
// that leads to the target is meant; a nil target means the first.
func (d *Dump) Find(r *Request, target Target) *Path {
	for _, listener := range d.listenersOn(r.Port) {
		for _, chain := range chainsFor(listener, r) {
			if path := d.through(listener, chain, r, target); path != nil {
				return path
			}
		}
	}
	return nil
}

// ClusterOf finds the cluster that leads to the target, on no particular route.
func (d *Dump) ClusterOf(target Target) *Path {
	for _, name := range slices.Sorted(maps.Keys(d.clusters)) {
		if d.reaches(name, target) {
			return &Path{cluster: d.clusters[name]}
		}
	}
	return nil
}

func (d *Dump) listenersOn(port int) []object {
	var found []object
	for _, l := range d.listeners {
		if number(at(l, "address", "socket_address")["port_value"]) == float64(port) {
			found = append(found, l)
		}
	}
	return found
}

// chainsFor lists the filter chains that accept the connection, the most specific server name first.
func chainsFor(listener object, r *Request) []object {
	var chains []object
	ranks := map[int]int{}
	for _, chain := range append(list(listener, "filter_chains"), at(listener, "default_filter_chain")) {
		rank, ok := chainRank(at(chain, "filter_chain_match"), r)
		if chain == nil || !ok {
			continue
		}
		ranks[len(chains)] = rank
		chains = append(chains, chain)
	}
	order := make([]int, len(chains))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return ranks[b] - ranks[a] })
	sorted := make([]object, len(chains))
	for i, from := range order {
		sorted[i] = chains[from]
	}
	return sorted
}

func chainRank(match object, r *Request) (int, bool) {
	if protocol := text(match, "transport_protocol"); protocol != "" && (protocol == "tls") != r.TLS {
		return 0, false
	}
	names, _ := match["server_names"].([]any)
	if len(names) == 0 {
		return 0, true
	}
	best := -1
	for _, n := range names {
		name, _ := n.(string)
		best = max(best, domainRank(name, strings.ToLower(r.SNI)))
	}
	return best, best >= 0
}

// through follows the request through one filter chain.
func (d *Dump) through(listener, chain object, r *Request, target Target) *Path {
	for _, filter := range list(chain, "filters") {
		config := at(filter, "typed_config")
		if strings.HasSuffix(text(config, "@type"), "TcpProxy") {
			return &Path{listener: listener, cluster: d.pick(clusterNames(config), target)}
		}
		routes := at(config, "route_config")
		if name := text(at(config, "rds"), "route_config_name"); name != "" {
			routes = d.routes[name]
		}
		if routes == nil {
			continue
		}
		var first *Path
		for _, route := range candidates(virtualHost(routes, r.Host), r) {
			names := clusterNames(at(route, "route"))
			path := &Path{listener: listener, route: route, cluster: d.pick(names, target)}
			if target == nil || slices.ContainsFunc(names, func(n string) bool { return d.reaches(n, target) }) {
				return path
			}
			if first == nil {
				first = path
			}
		}
		return first
	}
	return nil
}

// clusterNames are the clusters of a RouteAction or a TcpProxy.
func clusterNames(action object) []string {
	if name := text(action, "cluster"); name != "" {
		return []string{name}
	}
	var names []string
	for _, weighted := range list(at(action, "weighted_clusters"), "clusters") {
		names = append(names, text(weighted, "name"))
	}
	return names
}

func (d *Dump) pick(names []string, target Target) object {
	for _, name := range names {
		if target != nil && d.reaches(name, target) {
			return d.clusters[name]
		}
	}
	if len(names) > 0 {
		return d.clusters[names[0]]
	}
	return nil
}

// reaches tells whether any endpoint of the cluster is the target.
func (d *Dump) reaches(name string, target Target) bool {
	cluster := d.clusters[name]
	localities := list(at(cluster, "load_assignment"), "endpoints")
	for _, service := range []string{name, text(at(cluster, "eds_cluster_config"), "service_name")} {
		localities = append(localities, d.endpoints[service]...)
	}
	for _, locality := range localities {
		for _, e := range list(locality, "lb_endpoints") {
			address := at(e, "endpoint", "address", "socket_address")
			if address != nil && target(text(address, "address"), int(number(address["port_value"]))) {
				return true
			}
		}
	}
	return false
}

// AtAddress is the target of backends at known addresses; names are resolved with resolve.
func AtAddress(addresses map[netip.AddrPort]bool, resolve map[string][]netip.Addr) Target {
	return func(host string, port int) bool {
		candidates := resolve[host]
		if literal, err := netip.ParseAddr(host); err == nil {
			candidates = []netip.Addr{literal}
		}
		return slices.ContainsFunc(candidates, func(a netip.Addr) bool {
			return addresses[netip.AddrPortFrom(a, uint16(port))]
		})
	}
}
