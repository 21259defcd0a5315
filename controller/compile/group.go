package compile

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"terraform-provider-emissary/controller/compile/partition"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// group is a set of Mappings that match the same requests and share them by weight.
type group struct {
	key string
	// candidates are all Mappings of the key, in load order; the first one opened the group, and the others must agree
	// with it.
	candidates []*mapping

	members []*mapping
	// redirect answers every request of the group; there are no members then.
	redirect *mapping
	// shadow gets a copy of every request.
	shadow *mapping
	// shared holds the settings that Mappings of a group have in common: the last one in load order that sets a field
	// decides it, and headers to add are united.
	shared *v3alpha1.MappingSpec

	labels    map[string]string
	hostname  string
	hostRegex bool
	everyHost bool

	// hosts serve the group, in their order.
	hosts []*host
	// live is set when some Host serves the group as its Mappings say.
	live bool

	// routes are made when they are first needed, and paths are those they match.
	routes   []*memberRoute
	compiled bool
	paths    partition.Range
	// clusters are those that the routes use.
	clusters []*cluster
}

// first is the Mapping that opened the group.
func (g *group) first() *mapping { return g.candidates[0] }

// weight orders the group among others. All members match alike, so they weigh alike.
func (g *group) weight() *routeWeight { return &g.first().weight }

// all returns every Mapping in the group.
func (g *group) all() []*mapping {
	list := g.members[:len(g.members):len(g.members)]
	if g.redirect != nil {
		list = append(list, g.redirect)
	}
	if g.shadow != nil {
		list = append(list, g.shadow)
	}
	return list
}

// groupMappings sorts the Mappings of this install, and those of the controller's own pages after them, into groups.
func (c *Compiler) groupMappings(readings []reading) []*group {
	groups := make([]*group, 0, len(readings))
	enter := func(m *mapping) {
		c.enter(m, c.keyOf(m))
		if len(m.group.candidates) == 1 {
			groups = append(groups, m.group)
		}
	}
	for _, r := range readings {
		if m := c.admit(r); m != nil {
			enter(m)
		}
	}
	for _, m := range c.syntheticMappings() {
		enter(m)
	}
	for _, g := range groups {
		c.assemble(g)
	}
	return groups
}

// enter adds a Mapping to the candidates of its group, which is to be assembled again.
func (c *Compiler) enter(m *mapping, key string) {
	g := c.groups[key]
	if g == nil {
		g = &group{key: key}
		c.groups[key] = g
	}
	at, _ := slices.BinarySearchFunc(g.candidates, m, compareLoaded)
	g.candidates = slices.Insert(g.candidates, at, m)
	m.group = g
}

// leave takes a Mapping out of the candidates of its group, which is to be assembled again.
func (c *Compiler) leave(m *mapping) {
	m.group.candidates = slices.DeleteFunc(m.group.candidates, func(other *mapping) bool { return other == m })
	delete(c.mappings, m.ref)
}

// compareLoaded orders Mappings the way they are loaded; the controller's own come last.
func compareLoaded(a, b *mapping) int {
	if a.everyHost != b.everyHost {
		if b.everyHost {
			return -1
		}
		return 1
	}
	return store.CompareLoadOrder(a.ref.Namespace, a.ref.Name, b.ref.Namespace, b.ref.Name)
}

// reopen starts the reports on the Mappings of a group again, with what is known since they were read.
func (c *Compiler) reopen(g *group) {
	for _, m := range g.candidates {
		if !m.everyHost {
			m.report = &Report{Generation: m.report.Generation, Problems: slices.Clone(m.problems)}
			c.ledger[m.ref] = m.report
		}
	}
}

// assemble makes a group of its candidates anew, and reports on them.
func (c *Compiler) assemble(g *group) {
	first := g.first()
	*g = group{key: g.key, candidates: g.candidates, hostname: first.hostname, everyHost: first.everyHost}
	g.hostRegex = hostIsRegex(first.spec)
	for _, m := range g.candidates {
		c.join(g, m)
	}
	c.settle(g)
}

func (c *Compiler) keyOf(m *mapping) string {
	return groupKey(m, c.hosts.selecting, c.options.LooseLabelSelectors)
}

// keyRoom is room for most keys, in bytes.
const keyRoom = 96

// groupKey is equal for Mappings that belong to one group: same path, headers (with hostname and method), query
// parameters and precedence. Mappings without a hostname also need to be selected by the labels of the same Hosts.
// Whether the path is a prefix, exact or a regular expression is no part of it, as in Emissary: such Mappings conflict.
func groupKey(m *mapping, selecting []*host, loose bool) string {
	var key strings.Builder
	key.Grow(keyRoom)
	part := func(texts ...string) {
		for _, text := range texts {
			key.WriteString(text)
			key.WriteByte(0)
		}
	}
	part(m.spec.Prefix)
	for _, header := range m.headers {
		part(header.name, header.value)
	}
	part("?")
	for _, parameter := range m.query {
		part(parameter.name, parameter.value)
	}
	if m.hostname == "" && !m.everyHost {
		for _, h := range selecting {
			if h.selector.matches(m.labels, loose) {
				part("host", h.ref.Namespace, h.ref.Name)
			}
		}
	}
	if m.weight.precedence != 0 {
		part("precedence", strconv.Itoa(m.weight.precedence))
	}
	return key.String()
}

// agreement lists what the Mappings of a group must have in common, beyond what makes them one group and its headers.
var agreement = []struct {
	field string
	// value returns nil when a Mapping does not say.
	value func(*v3alpha1.MappingSpec) any
}{
	{"bypass_auth", func(s *v3alpha1.MappingSpec) any { return whenSet(s.BypassAuth) }},
	{"connect_timeout_ms", func(s *v3alpha1.MappingSpec) any { return whenSet(s.ConnectTimeoutMs) }},
	{"cluster_idle_timeout_ms", func(s *v3alpha1.MappingSpec) any { return whenSet(s.ClusterIdleTimeoutMs) }},
	{"cluster_max_connection_lifetime_ms", func(s *v3alpha1.MappingSpec) any { return whenSet(s.ClusterMaxConnectionLifetimeMs) }},
	{"keepalive", func(s *v3alpha1.MappingSpec) any { return whenSet(s.KeepAlive) }},
	{"load_balancer", func(s *v3alpha1.MappingSpec) any { return whenSet(s.LoadBalancer) }},
	{"prefix_regex", func(s *v3alpha1.MappingSpec) any { return whenTrue(s.PrefixRegex) }},
	{"prefix_exact", func(s *v3alpha1.MappingSpec) any { return whenTrue(s.PrefixExact) }},
	{"labels", func(s *v3alpha1.MappingSpec) any { return whenMapped(s.Labels) }},
}

func whenSet[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func whenMapped[K comparable, V any](m map[K]V) any {
	if m == nil {
		return nil
	}
	return m
}

func whenTrue(b bool) any {
	if !b {
		return nil
	}
	return true
}

// differing is where the conditions of two Mappings of one group differ, which is in the kind of a match; -1 when nowhere.
func differing(a, b []condition) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// disagrees refuses a Mapping for a field in which it differs from the first of its group.
func (m *mapping) disagrees(field string, first *mapping) {
	m.report.refuse(ReasonConflict, "%s differs from that of %s, which matches the same requests: set it alike in both, "+
		"or change prefix, hostname or precedence", field, first)
}

// breakersOf are the circuit breakers of a Mapping, or else the Module's.
func (c *Compiler) breakersOf(m *mapping) []v3alpha1.CircuitBreaker {
	if m.spec.CircuitBreakers != nil {
		return m.spec.CircuitBreakers
	}
	return c.module.circuitBreakers
}

// join adds a Mapping to a group, or refuses it when it does not fit. The group has the labels of those that answer its
// requests, whatever a shadow has.
func (c *Compiler) join(g *group, m *mapping) {
	if first := g.first(); m != first {
		if at := differing(m.headers, first.headers); at >= 0 {
			m.report.refuse(ReasonConflict, "%s is matched as an expression in one of this and %s, and as it is in the other: "+
				"match it alike in both, or change prefix, hostname or precedence", m.headers[at].name, first)
			return
		}
		for _, rule := range agreement {
			if value := rule.value(m.spec); value != nil && !reflect.DeepEqual(value, rule.value(first.spec)) {
				m.disagrees(rule.field, first)
				return
			}
		}
		if !reflect.DeepEqual(c.breakersOf(m), c.breakersOf(first)) { // Emissary excuses nobody who says nothing of them
			m.disagrees("circuit_breakers", first)
			return
		}
	}
	redirects := isTrue(m.spec.HostRedirect)
	switch {
	case isTrue(m.spec.Shadow):
		if redirects {
			m.report.warn(ReasonIgnored, "host_redirect has no effect beside shadow")
		}
		if g.shadow != nil {
			m.report.refuse(ReasonConflict, "%s already shadows the same requests: one shadow is possible", g.shadow)
			return
		}
		g.shadow = m
	case redirects && len(g.members) > 0:
		m.report.refuse(ReasonConflict, "host_redirect cannot be combined with %s, which routes the same requests", g.members[0])
	case redirects && g.redirect != nil:
		m.report.refuse(ReasonConflict, "%s already redirects the same requests", g.redirect)
	case redirects:
		g.redirect, g.labels = m, m.labels
	case g.redirect != nil:
		m.report.refuse(ReasonConflict, "%s redirects the same requests: remove one, or change prefix, hostname or precedence", g.redirect)
	default:
		g.members = append(g.members, m)
		g.labels = united(g.labels, m.labels)
	}
}

// settle checks the weights of a complete group and works out what its members share.
func (c *Compiler) settle(g *group) {
	if len(g.members) > 1 {
		g.members = slices.DeleteFunc(g.members, func(m *mapping) bool {
			weight := m.spec.Weight
			bad := weight != nil && (*weight < 0 || *weight > 100)
			if bad {
				m.report.refuse(ReasonInvalid, "weight: %d is out of range: give a percentage from 0 to 100", *weight)
			}
			return bad
		})
	}
	sources := g.members
	if g.redirect != nil {
		sources = []*mapping{g.redirect}
	}
	if len(sources) == 1 {
		g.shared = sources[0].spec
	} else {
		g.shared = &v3alpha1.MappingSpec{}
		for _, m := range sources {
			spec := *m.spec
			c.applyHeaderDefaults(&spec)
			share(g.shared, &spec)
		}
	}
	if c.module.hasDefaults() {
		shared := *g.shared
		c.applyDefaults(&shared)
		g.shared = &shared
	}
}

// share lets a Mapping's settings override those of its group.
func share(shared, spec *v3alpha1.MappingSpec) {
	override(&shared.CaseSensitive, spec.CaseSensitive)
	override(&shared.CORS, spec.CORS)
	override(&shared.RetryPolicy, spec.RetryPolicy)
	shared.RegexRewrite = spec.RegexRewrite // the last Mapping decides, if it says nothing, too
	override(&shared.LoadBalancer, spec.LoadBalancer)
	override(&shared.UseWebsocket, spec.UseWebsocket)
	if spec.Priority != "" {
		shared.Priority = spec.Priority
	}
	if spec.AllowUpgrade != nil {
		shared.AllowUpgrade = spec.AllowUpgrade
	}
	if spec.RemoveRequestHeaders != nil {
		shared.RemoveRequestHeaders = spec.RemoveRequestHeaders
	}
	if spec.RemoveResponseHeaders != nil {
		shared.RemoveResponseHeaders = spec.RemoveResponseHeaders
	}
	if spec.Labels != nil {
		shared.Labels = spec.Labels
	}
	shared.AddRequestHeaders = united(shared.AddRequestHeaders, spec.AddRequestHeaders)
	shared.AddResponseHeaders = united(shared.AddResponseHeaders, spec.AddResponseHeaders)
}

func override[T any](target **T, value *T) {
	if value != nil {
		*target = value
	}
}

// united is what two maps hold; where both have a key, the second decides.
func united[V any](a, b map[string]V) map[string]V {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// applyDefaults fills what no Mapping of a group sets from the Module's defaults.
func (c *Compiler) applyDefaults(shared *v3alpha1.MappingSpec) {
	c.applyHeaderDefaults(shared)
	if shared.CORS == nil {
		shared.CORS = c.module.cors
	}
	if shared.RetryPolicy == nil {
		shared.RetryPolicy = c.module.retryPolicy
	}
	if shared.LoadBalancer == nil {
		shared.LoadBalancer = c.module.loadBalancer
	}
}

// applyHeaderDefaults fills the changes to headers that a Mapping does not set: each one by itself, before it is united
// with the others of its group.
func (c *Compiler) applyHeaderDefaults(shared *v3alpha1.MappingSpec) {
	for _, defaults := range []fallbackFields{c.module.defaults.HTTPMapping, c.module.defaults.fallbackFields} {
		if shared.AddRequestHeaders == nil {
			shared.AddRequestHeaders = added(defaults.AddRequestHeaders)
		}
		if shared.AddResponseHeaders == nil {
			shared.AddResponseHeaders = added(defaults.AddResponseHeaders)
		}
		if shared.RemoveRequestHeaders == nil {
			shared.RemoveRequestHeaders = defaults.RemoveRequestHeaders
		}
		if shared.RemoveResponseHeaders == nil {
			shared.RemoveResponseHeaders = defaults.RemoveResponseHeaders
		}
	}
}
