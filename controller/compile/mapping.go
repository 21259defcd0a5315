package compile

import (
	"fmt"
	"slices"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// mapping is one Mapping that passed every check: nothing in it can make Envoy refuse a resource.
type mapping struct {
	ref        store.Ref
	namespace  string
	labels     map[string]string
	spec       *v3alpha1.MappingSpec
	generation int64
	// problems are those that the Mapping has whatever others there are.
	problems []Problem
	group    *group

	// hostname is the glob that decides which Hosts it belongs to; empty when it has none or a regular expression.
	hostname string
	// headers and query are what a request must carry besides the path, in the order Emissary weighs them. The
	// hostname and the method are among the headers, as ":authority" and ":method".
	headers, query []condition
	// everyHost marks the probes' and the diagnostics' own Mappings, which all Hosts serve.
	everyHost bool

	service  serviceName
	resolver resolver
	upstream upstreamTLS
	weight   routeWeight
}

// condition is one header or query parameter a request must have.
type condition struct {
	name, value string
	regex       bool
}

// headerAuthority and headerMethod are the pseudo-headers a hostname and a method become.
const (
	headerAuthority = ":authority"
	headerMethod    = ":method"
)

// newMapping checks a Mapping in full. It returns nil, with the reasons in the ledger, when the Mapping cannot be used.
func (c *Compiler) newMapping(ref store.Ref, namespace string, labels map[string]string, spec *v3alpha1.MappingSpec) *mapping {
	m := &mapping{ref: ref, namespace: namespace, labels: labels, spec: spec}
	errs := c.checkMapping(spec)
	for _, err := range errs {
		c.ledger.refuse(ref, ReasonInvalid, "%v", err)
	}
	if spec.Host != "" || spec.Hostname != "" {
		name := spec.Hostname
		if name == "" {
			name = spec.Host
		}
		if !spec.HostRegex {
			m.hostname = lowerHostname(name)
			name = m.hostname
		}
		m.headers = append(conditions(spec.Headers, spec.RegexHeaders), condition{headerAuthority, name, spec.HostRegex})
	} else {
		m.headers = conditions(spec.Headers, spec.RegexHeaders)
		m.hostname = lowerHostname(spec.Headers[headerAuthority])
	}
	if spec.Method != "" {
		m.headers = append(m.headers, condition{headerMethod, spec.Method, spec.MethodRegex})
	}
	m.query = conditions(spec.QueryParameters, spec.RegexQueryParameters)
	m.weight = newRouteWeight(m)
	if len(errs) > 0 || !c.resolveUpstream(m) {
		return nil
	}
	c.noteIgnored(m)
	return m
}

// admit reads the newest version of a Mapping, which may not exist, and reports on it. It returns nil when it is not
// usable, or not of this install.
func (c *Compiler) admit(object *v3alpha1.Mapping) *mapping {
	if object == nil || !c.member(object) {
		return nil
	}
	ref := c.ledger.open(object)
	m := c.newMapping(ref, object.Namespace, object.Labels, &object.Spec)
	if m != nil {
		m.generation, m.problems = object.Generation, c.ledger[ref].Problems
		c.mappings[ref] = m
	}
	return m
}

// conditions lists exact and then regular expression conditions, each by name: the order Emissary meets them in.
func conditions(exact, regex map[string]string) []condition {
	var list []condition
	for _, name := range sortedKeys(exact) {
		list = append(list, condition{name: name, value: exact[name]})
	}
	for _, name := range sortedKeys(regex) {
		list = append(list, condition{name: name, value: regex[name], regex: true})
	}
	return list
}

// resolveUpstream finds out where a Mapping sends its requests and how. It returns false when the Mapping cannot be
// used at all; a service that does not exist is no such case.
func (c *Compiler) resolveUpstream(m *mapping) bool {
	service, err := parseService(m.spec.Service, m.spec.TLS != "")
	if err != nil {
		c.ledger.refuse(m.ref, ReasonInvalid, "%v", err)
		return false
	}
	name := m.spec.Resolver
	if name == "" {
		name = c.module.resolver
	}
	found, fault := c.resolverNamed(name)
	if fault != nil {
		c.ledger.missing(m.ref, fault.reason, "%s", fault.message)
		return false
	}
	if found == byService && m.spec.LoadBalancer != nil {
		c.ledger.refuse(m.ref, ReasonInvalid, "load_balancer needs a resolver that knows endpoints: set resolver to a "+
			"KubernetesEndpointResolver (kubernetes-endpoint is built in), %s leaves balancing to Kubernetes", name)
		return false
	}
	if i := slices.IndexFunc(m.spec.HealthChecks, overGRPC); i >= 0 && found == byEndpoints && !isTrue(m.spec.GRPC) {
		c.ledger.refuse(m.ref, ReasonInvalid, "health_checks[%d].health_check.grpc needs a service that is spoken to over HTTP/2: set grpc: true", i)
		return false
	}
	m.resolver = found
	if !c.module.ownNamespaceOnly {
		service = service.qualified(m.namespace, c.options.Namespace)
	}
	m.service = service
	if isTrue(m.spec.HostRedirect) {
		return true
	}
	m.upstream = c.upstreamTLS(m.ref, m.namespace, service, m.spec.TLS)
	return true
}

// noteIgnored tells the owner of a Mapping which of its fields do nothing.
func (c *Compiler) noteIgnored(m *mapping) {
	spec := m.spec
	if spec.OutlierDetection != "" {
		c.ledger.warn(m.ref, ReasonIgnored, "outlier_detection has no effect")
	}
	if len(spec.ErrorResponseOverrides) > 0 {
		c.ledger.warn(m.ref, ReasonIgnored, "error_response_overrides has no effect: it was removed in Emissary 4")
	}
	if len(spec.Modules) > 0 || spec.EnvoyOverride != nil {
		c.ledger.warn(m.ref, ReasonIgnored, "modules and envoy_override have no effect")
	}
	if spec.RegexRewrite != nil && spec.Rewrite != nil && *spec.Rewrite != "" && *spec.Rewrite != "/" {
		c.ledger.warn(m.ref, ReasonIgnored, "rewrite has no effect beside regex_rewrite")
	}
	if spec.Host != "" && spec.Hostname != "" {
		c.ledger.warn(m.ref, ReasonIgnored, "host has no effect beside hostname")
	}
	if dns := spec.DNSType; dns != "" && !isLogicalDNS(dns) && !isStrictDNS(dns) {
		c.ledger.warn(m.ref, ReasonInvalid, "dns_type: %q is not known, strict_dns is used: write strict_dns or logical_dns", dns)
	}
	if len(spec.HealthChecks) > 0 && m.resolver == byService {
		c.ledger.warn(m.ref, ReasonIgnored, "health_checks need a resolver that knows endpoints, such as kubernetes-endpoint")
	}
	if m.service.ignored != "" {
		c.ledger.warn(m.ref, ReasonIgnored, "%s", m.service.ignored)
	}
	if m.service.cleartext && spec.TLS != "" {
		c.ledger.warn(m.ref, ReasonIgnored, "service: the scheme http:// has no effect beside tls: %s", spec.TLS)
	}
	if n := countTrue(spec.PathRedirect != "", spec.PrefixRedirect != "", spec.RegexRedirect != nil); n > 1 {
		c.ledger.warn(m.ref, ReasonIgnored, "of path_redirect, prefix_redirect and regex_redirect only the first one that is set has an effect")
	}
}

func countTrue(values ...bool) (n int) {
	for _, v := range values {
		if v {
			n++
		}
	}
	return n
}

// String names the Mapping in messages.
func (m *mapping) String() string { return fmt.Sprintf("Mapping %s/%s", m.ref.Namespace, m.ref.Name) }
