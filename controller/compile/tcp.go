package compile

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// tcpMapping is one TCPMapping that passed every check.
type tcpMapping struct {
	ref  store.Ref
	spec *v3alpha1.TCPMappingSpec
	// listener is the name of the Envoy listener it belongs to, and address what that binds to.
	listener, address string
	host              string
	upstream          upstream
	broken            bool
	idle              *durationpb.Duration
}

// tcpGroup is the TCPMappings of one socket and server name, which share its connections by weight.
type tcpGroup struct {
	host    string
	members []*tcpMapping
}

// groupTCPMappings reads the TCPMappings of this install and sorts them by listener, each listener's by server name.
func (c *Compiler) groupTCPMappings() map[string][]*tcpGroup {
	groups := map[string][]*tcpGroup{}
	for _, object := range c.store.TCPMappings() {
		if !c.member(object) {
			continue
		}
		m := c.newTCPMapping(object)
		if m == nil {
			continue
		}
		i := slices.IndexFunc(groups[m.listener], func(g *tcpGroup) bool { return g.host == m.host })
		if i < 0 {
			groups[m.listener] = append(groups[m.listener], &tcpGroup{host: m.host, members: []*tcpMapping{m}})
			continue
		}
		g := groups[m.listener][i]
		if field := tcpDisagreement(g.members[0].spec, m.spec); field != "" {
			c.ledger[m.ref].refuse(ReasonConflict, "%s differs from that of %s, which takes the same connections: set it alike in both",
				field, g.members[0].ref)
			continue
		}
		g.members = append(g.members, m)
	}
	return groups
}

func (c *Compiler) newTCPMapping(object *v3alpha1.TCPMapping) *tcpMapping {
	spec := &object.Spec
	ref, report := c.ledger.open(object)
	m := &tcpMapping{ref: ref, spec: spec, host: hostWithoutPort(lowerHostname(spec.Host))}
	for _, err := range []error{c.checkTCPMapping(spec), m.readAddress(c.options.BindAddress), m.readIdleTimeout()} {
		if err != nil {
			report.refuse(ReasonInvalid, "%v", err)
			return nil
		}
	}
	m.listener = "tcp/" + net.JoinHostPort(m.address, strconv.Itoa(spec.Port))
	service, err := parseService(spec.Service, spec.TLS != "")
	if err != nil {
		report.refuse(ReasonInvalid, "%v", err)
		return nil
	}
	if service.ignored != "" {
		report.warn(ReasonIgnored, "%s", service.ignored)
	}
	if !c.module.ownNamespaceOnly {
		service = service.qualified(object.Namespace, c.options.Namespace)
	}
	name := spec.Resolver
	if name == "" {
		name = c.module.resolver
	}
	by, problem := c.resolverNamed(name)
	if problem != nil {
		report.missing(problem.reason, "%s", problem.message)
		return nil
	}
	tls := c.upstreamTLS(report, object.Namespace, service, spec.TLS)
	m.broken = tls.broken
	m.upstream = upstream{
		Service:          service,
		ByEndpoints:      by == byEndpoints,
		Marker:           spec.ClusterTag,
		TLS:              tls,
		IPv4:             valueOr(spec.EnableIPv4, c.module.enableIPv4),
		IPv6:             valueOr(spec.EnableIPv6, c.module.enableIPv6),
		ConnectTimeoutMs: defaultTimeoutMs,
		KeepAlive:        c.module.keepAlive,
		CircuitBreakers:  spec.CircuitBreakers,
		StatsName:        spec.StatsName,
	}
	if m.upstream.CircuitBreakers == nil {
		m.upstream.CircuitBreakers = c.module.circuitBreakers
	}
	return m
}

func (c *Compiler) checkTCPMapping(spec *v3alpha1.TCPMappingSpec) error {
	if err := c.checkPort(spec.Port); err != nil {
		return err
	}
	if spec.Service == "" {
		return fmt.Errorf("service is required: give the service connections go to")
	}
	if weight := spec.Weight; weight != nil && (*weight < 0 || *weight > 100) {
		return fmt.Errorf("weight: %d is out of range: give a percentage from 0 to 100", *weight)
	}
	if err := checkHostGlob("host", spec.Host); err != nil {
		return err
	}
	if name := hostWithoutPort(spec.Host); spec.Host != "" && !isServerName(name) {
		return fmt.Errorf("host: %q cannot be a TLS server name: write it whole, or as *.suffix", spec.Host)
	}
	return checkCircuitBreakers(spec.CircuitBreakers)
}

// readAddress reads address in the one spelling that names of listeners have: Envoy refuses two listeners on one socket.
func (m *tcpMapping) readAddress(fallback string) error {
	m.address = fallback
	if m.spec.Address == "" {
		return nil
	}
	address, err := netip.ParseAddr(m.spec.Address)
	if err != nil || address.Zone() != "" {
		return fmt.Errorf("address: %q is not an IP address: write one such as 0.0.0.0 or :: without a zone", m.spec.Address)
	}
	m.address = address.String()
	return nil
}

// readIdleTimeout reads idle_timeout_ms, which the API has as a string.
func (m *tcpMapping) readIdleTimeout() error {
	if m.spec.IdleTimeoutMs == "" {
		return nil
	}
	ms, err := strconv.ParseUint(m.spec.IdleTimeoutMs, 10, 31)
	if err != nil {
		return fmt.Errorf("idle_timeout_ms: %q is not a number of milliseconds", m.spec.IdleTimeoutMs)
	}
	m.idle = durationpb.New(time.Duration(ms) * time.Millisecond)
	return nil
}

// tcpDisagreement names a field in which two TCPMappings of a group differ and must not.
func tcpDisagreement(a, b *v3alpha1.TCPMappingSpec) string {
	for _, rule := range []struct {
		field string
		a, b  any
	}{
		{"circuit_breakers", a.CircuitBreakers, b.CircuitBreakers},
		{"enable_ipv4", a.EnableIPv4, b.EnableIPv4},
		{"enable_ipv6", a.EnableIPv6, b.EnableIPv6},
		{"idle_timeout_ms", a.IdleTimeoutMs, b.IdleTimeoutMs},
		{"tls", a.TLS, b.TLS},
	} {
		if !reflect.DeepEqual(rule.a, rule.b) {
			return rule.field
		}
	}
	return ""
}

// tcpListeners adds a listener for every socket that TCPMappings want and no Listener has.
func (c *Compiler) tcpListeners(listeners []*listener) []*listener {
	have := map[string]bool{}
	for _, l := range listeners {
		have[l.name] = true
	}
	var missing []string
	for name := range c.tcpGroups {
		if !have[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		first := c.tcpGroups[name][0].members[0]
		l := &listener{}
		l.bind(first.address, uint32(first.spec.Port), stacks[v3alpha1.ProtocolTCP])
		listeners = append(listeners, l)
	}
	return listeners
}

// tcpChains builds the filter chains of a listener's TCPMappings: one for each server name, which terminates TLS, and
// one that takes every other connection.
func (c *Compiler) tcpChains(l *listener) []*listenerv3.FilterChain {
	var chains []*listenerv3.FilterChain
	for _, g := range c.tcpGroups[l.name] {
		name, match := "tcp", &listenerv3.FilterChainMatch{}
		var tls *termination
		if g.host != "" {
			if tls = c.tcpTermination(g); tls == nil {
				continue
			}
			l.inspects = true
			name = "tcp/" + g.host
			match.TransportProtocol = "tls"
			if g.host != "*" {
				match.ServerNames = []string{g.host}
			}
		}
		proxy := c.tcpProxy(l, g)
		if proxy == nil {
			continue
		}
		chain := &listenerv3.FilterChain{Name: name, FilterChainMatch: match, Filters: []*listenerv3.Filter{
			networkFilter("envoy.filters.network.tcp_proxy", proxy),
		}}
		if tls != nil {
			chain.TransportSocket = tlsSocket(tls.settings.downstream(tls.certificate, tls.authority))
		}
		for _, m := range g.members {
			c.ledger[m.ref].uses(ResourceID{ListenerType, l.name})
		}
		chains = append(chains, chain)
	}
	return chains
}

// tcpTermination finds the certificate for a server name: that of the first Host whose hostname fits, or of a TLSContext
// that lists it.
func (c *Compiler) tcpTermination(g *tcpGroup) *termination {
	for _, h := range c.hosts.all {
		if h.tls != nil && !h.closed && hostnamesOverlap(h.hostname, g.host) {
			return h.tls
		}
	}
	for _, object := range c.store.TLSContexts() {
		if !c.member(object) || !slices.Contains(object.Spec.Hosts, g.host) {
			continue
		}
		context := c.tlsContextNamed(object.Name, object.Namespace)
		if context.broken != nil || context.settings.secret.name == "" {
			continue
		}
		if context.unresolved == nil {
			return &termination{settings: context.settings, certificate: context.certificate, authority: context.authority}
		}
	}
	for _, m := range g.members {
		c.ledger[m.ref].missing(ReasonTLSContextNotFound, "no Host with a certificate matches %s, and no TLSContext lists it", g.host)
	}
	return nil
}

// tcpProxy spreads connections over a group's services; nil when none of them may be used. Weights are shares of the
// connections: Emissary passed cumulative ones, which skewed them.
func (c *Compiler) tcpProxy(l *listener, g *tcpGroup) *tcpproxyv3.TcpProxy {
	weights := make([]*int, len(g.members))
	for i, m := range g.members {
		weights[i] = m.spec.Weight
	}
	order, shares, _ := cumulativeWeights(weights)
	weighted := &tcpproxyv3.TcpProxy_WeightedCluster{}
	before := 0
	for i, member := range order {
		m := g.members[member]
		weight := shares[i] - before
		before = shares[i]
		if weight == 0 || m.broken {
			continue
		}
		weighted.Clusters = append(weighted.Clusters, &tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight{
			Name: c.cluster(c.ledger[m.ref], m.upstream), Weight: uint32(weight),
		})
	}
	proxy := &tcpproxyv3.TcpProxy{StatPrefix: l.statsPrefix, IdleTimeout: g.members[0].idle}
	switch len(weighted.Clusters) {
	case 0:
		return nil
	case 1:
		proxy.ClusterSpecifier = &tcpproxyv3.TcpProxy_Cluster{Cluster: weighted.Clusters[0].Name}
	default:
		proxy.ClusterSpecifier = &tcpproxyv3.TcpProxy_WeightedClusters{WeightedClusters: weighted}
	}
	return proxy
}
