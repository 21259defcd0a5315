package compile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"terraform-provider-emissary/crds/v3alpha1"
)

// upstream is everything that decides what connections to a service are like. Mappings share a cluster exactly when
// their upstreams are equal; Emissary lets the settings of the first one win, so that a second one's grpc was lost.
type upstream struct {
	Service serviceName
	// Others are further services whose endpoints take part.
	Others      []serviceName
	ByEndpoints bool
	// Marker keeps apart what could be one cluster: a cluster_tag, or "shadow".
	Marker        string
	TLS           upstreamTLS
	HostRewrite   string
	GRPC          bool
	IPv4, IPv6    bool
	LogicalDNS    bool
	RespectDNSTTL bool
	// ByName is set when a Mapping has something to say about DNS.
	ByName           bool
	ConnectTimeoutMs int
	IdleTimeoutMs    *int
	LifetimeMs       *int
	KeepAlive        *v3alpha1.KeepAlive
	CircuitBreakers  []v3alpha1.CircuitBreaker
	Balancing        string
	HealthChecks     []v3alpha1.HealthCheck
	StatsName        string
}

// clusterFor returns the name of the cluster that a Mapping's requests go to. The cluster is made when the first
// Mapping needs it.
func (c *Compiler) clusterFor(m *mapping, marker string) string {
	return c.cluster(m.report, c.mappingUpstream(m, marker))
}

func (c *Compiler) mappingUpstream(m *mapping, marker string) upstream {
	spec, defaults := m.spec, c.module
	u := upstream{
		Service:          m.service,
		ByEndpoints:      m.resolver == byEndpoints,
		Marker:           marker,
		TLS:              m.upstream,
		GRPC:             isTrue(spec.GRPC),
		IPv4:             valueOr(spec.EnableIPv4, defaults.enableIPv4),
		IPv6:             valueOr(spec.EnableIPv6, defaults.enableIPv6),
		LogicalDNS:       isLogicalDNS(spec.DNSType),
		RespectDNSTTL:    isTrue(spec.RespectDNSTTL),
		ByName:           spec.DNSType != "" || spec.RespectDNSTTL != nil || spec.EnableIPv4 != nil || spec.EnableIPv6 != nil,
		ConnectTimeoutMs: valueOr(spec.ConnectTimeoutMs, defaultTimeoutMs),
		IdleTimeoutMs:    cmp.Or(spec.ClusterIdleTimeoutMs, defaults.clusterIdleMs),
		LifetimeMs:       cmp.Or(spec.ClusterMaxConnectionLifetimeMs, defaults.clusterLifetimeMs),
		KeepAlive:        cmp.Or(spec.KeepAlive, defaults.keepAlive),
		CircuitBreakers:  spec.CircuitBreakers,
		HealthChecks:     spec.HealthChecks,
		StatsName:        cmp.Or(spec.StatsName, defaults.defaults.HTTPMapping.StatsName, defaults.defaults.StatsName),
	}
	if u.TLS.on {
		u.HostRewrite = spec.HostRewrite
	}
	if u.CircuitBreakers == nil {
		u.CircuitBreakers = defaults.circuitBreakers
	}
	if lb := cmp.Or(spec.LoadBalancer, defaults.loadBalancer); lb != nil {
		u.Balancing = lb.Policy
	}
	return u
}

// valueOr reads an optional value.
func valueOr[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

// cluster enters the cluster of an upstream once and returns its name. Whoever needs it is noted as an owner.
func (c *Compiler) cluster(owner *Report, u upstream) string {
	name := u.clusterName()
	used := c.clusters.byName[name]
	if used == nil {
		used = &cluster{name: name, upstream: u}
		c.clusters.byName[name] = used
		c.clusters.unmade = append(c.clusters.unmade, used)
	}
	c.clusters.use(used)
	owner.uses(ResourceID{ClusterType, name})
	c.checkService(owner, u)
	return name
}

// clusterName is made from what the upstream is, so that it stays the same as long as that does.
func (u *upstream) clusterName() string {
	sum := sha256.Sum256(u.identity())
	var digits [12]byte
	hex.Encode(digits[:], sum[:6])
	return u.Service.hostPort() + "-" + string(digits[:])
}

// identity is text that is equal for equal upstreams only, but for their Service. There is one for each Mapping, and few
// have anything that is worth JSON.
func (u *upstream) identity() []byte {
	id := make([]byte, 0, 128)
	for _, other := range u.Others {
		id = strconv.AppendQuote(id, other.hostPort())
	}
	for _, flag := range []bool{u.ByEndpoints, u.GRPC, u.IPv4, u.IPv6, u.LogicalDNS, u.RespectDNSTTL, u.ByName, u.TLS.on} {
		id = strconv.AppendBool(id, flag)
	}
	for _, text := range []string{u.Marker, u.HostRewrite, u.Balancing, u.StatsName} {
		id = strconv.AppendQuote(id, text)
	}
	id = strconv.AppendInt(id, int64(u.ConnectTimeoutMs), 10)
	if u.IdleTimeoutMs != nil || u.LifetimeMs != nil || u.KeepAlive != nil || u.CircuitBreakers != nil || u.HealthChecks != nil {
		id = append(id, asJSON([]any{u.IdleTimeoutMs, u.LifetimeMs, u.KeepAlive, u.CircuitBreakers, u.HealthChecks})...)
	}
	if c := u.TLS.context; c != nil {
		id = append(id, asJSON([]any{
			c.ref.Namespace, c.ref.Name, c.certificate, c.authority, c.settings.sni, c.settings.minVersion, c.settings.maxVersion,
			c.settings.alpn, c.settings.ciphers, c.settings.curves,
		})...)
	}
	return id
}

func asJSON(plain []any) []byte {
	raw, err := json.Marshal(plain)
	if err != nil {
		panic(err) // there is nothing in it that JSON cannot say
	}
	return raw
}

// statName makes the name of a service's statistics the way Emissary does: anything unusual becomes an underscore.
func statName(service serviceName) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, service.asWritten())
}

// newCluster builds the cluster of an upstream: where its endpoints are, and how connections to them behave.
func (c *Compiler) newCluster(used *cluster) *clusterv3.Cluster {
	u := &used.upstream
	cluster := &clusterv3.Cluster{
		Name:           used.name,
		AltStatName:    cmp.Or(u.StatsName, statName(u.Service)),
		ConnectTimeout: milliseconds(u.ConnectTimeoutMs),
		LbPolicy:       balancingPolicies[u.Balancing],
	}
	c.locate(cluster, used)
	if u.TLS.on {
		cluster.TransportSocket = tlsSocket(u.TLS.socketContext(u.HostRewrite))
	}
	if u.KeepAlive != nil {
		cluster.UpstreamConnectionOptions = &clusterv3.UpstreamConnectionOptions{
			TcpKeepalive: tcpKeepalive(u.KeepAlive.IdleTime, u.KeepAlive.Interval, u.KeepAlive.Probes),
		}
	}
	cluster.CircuitBreakers = circuitBreakers(u.CircuitBreakers)
	if options := c.protocolOptions(u); options != nil {
		cluster.TypedExtensionProtocolOptions = options
	}
	if u.ByEndpoints {
		cluster.HealthChecks = healthChecks(u.HealthChecks)
	}
	return cluster
}

var balancingPolicies = map[string]clusterv3.Cluster_LbPolicy{
	"":              clusterv3.Cluster_ROUND_ROBIN,
	"round_robin":   clusterv3.Cluster_ROUND_ROBIN,
	"least_request": clusterv3.Cluster_LEAST_REQUEST,
	"ring_hash":     clusterv3.Cluster_RING_HASH,
	"maglev":        clusterv3.Cluster_MAGLEV,
}
