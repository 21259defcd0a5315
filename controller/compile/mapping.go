package compile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// mapping is one Mapping that passed every check: nothing in it can make Envoy refuse a resource.
type mapping struct {
	ref       store.Ref
	namespace string
	labels    map[string]string
	spec      *v3alpha1.MappingSpec
	// report is nil for the controller's own pages.
	report *Report
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

// newMapping checks a Mapping in full. It returns nil, with the reasons in the report, when the Mapping cannot be used.
func (c *Compiler) newMapping(ref store.Ref, report *Report, namespace string, labels map[string]string, spec *v3alpha1.MappingSpec) *mapping {
	m := &mapping{ref: ref, report: report, namespace: namespace, labels: labels, spec: spec}
	errs := c.checkMapping(spec)
	for _, err := range errs {
		report.refuse(ReasonInvalid, "%v", err)
	}
	plain, authority := withoutAuthority(spec.Headers)
	m.headers = conditions(plain, spec.RegexHeaders)
	if name := cmp.Or(spec.Hostname, spec.Host, authority); name != "" {
		regex := hostIsRegex(spec) && spec.Host != ""
		if !regex {
			name = lowerHostname(name)
			m.hostname = name
		}
		m.headers = append(m.headers, condition{headerAuthority, name, regex})
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

// withoutAuthority takes an exact match of :authority out of the headers. As in Emissary it stands for a hostname, which
// host and hostname override, and weighs as one.
func withoutAuthority(headers map[string]string) (others map[string]string, authority string) {
	for name, value := range headers {
		if strings.EqualFold(name, headerAuthority) {
			others = maps.Clone(headers)
			delete(others, name)
			return others, value
		}
	}
	return headers, ""
}

// hostIsRegex reports whether a Mapping is for the hosts of a regular expression: of any Host, then, and for all when it
// is empty. A hostname is never one, whatever host_regex says. Both are as in Emissary.
func hostIsRegex(spec *v3alpha1.MappingSpec) bool {
	return spec.HostRegex && spec.Hostname == ""
}

// reading is a Mapping as it was read: mapping is nil when it cannot be used, and report says why.
type reading struct {
	ref     store.Ref
	report  *Report
	mapping *mapping
}

// read checks a Mapping, and changes nothing: many can be read beside other work.
func (c *Compiler) read(object *v3alpha1.Mapping) reading {
	r := reading{ref: store.RefOf(object), report: newReport(object)}
	r.mapping = c.newMapping(r.ref, r.report, object.Namespace, object.Labels, &object.Spec)
	if r.mapping != nil {
		r.mapping.problems = r.report.Problems
	}
	return r
}

// readMappings reads those of this install.
func (c *Compiler) readMappings(objects []*v3alpha1.Mapping) []reading {
	readings := make([]reading, 0, len(objects))
	for _, object := range objects {
		if c.member(object) {
			readings = append(readings, c.read(object))
		}
	}
	return readings
}

// admit files what was read. It returns nil when the Mapping is not usable.
func (c *Compiler) admit(r reading) *mapping {
	c.ledger[r.ref] = r.report
	if r.mapping != nil {
		c.mappings[r.ref] = r.mapping
	}
	return r.mapping
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
		m.report.refuse(ReasonInvalid, "%v", err)
		return false
	}
	name := m.spec.Resolver
	if name == "" {
		name = c.module.resolver
	}
	found, fault := c.resolverNamed(name)
	if fault != nil {
		m.report.missing(fault.reason, "%s", fault.message)
		return false
	}
	if found == byService && m.spec.LoadBalancer != nil {
		m.report.refuse(ReasonInvalid, "load_balancer needs a resolver that knows endpoints: set resolver to a "+
			"KubernetesEndpointResolver (kubernetes-endpoint is built in), %s leaves balancing to Kubernetes", name)
		return false
	}
	if i := slices.IndexFunc(m.spec.HealthChecks, overGRPC); i >= 0 && found == byEndpoints && !isTrue(m.spec.GRPC) {
		m.report.refuse(ReasonInvalid, "health_checks[%d].health_check.grpc needs a service that is spoken to over HTTP/2: set grpc: true", i)
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
	m.upstream = c.upstreamTLS(m.report, m.namespace, service, m.spec.TLS)
	return true
}

// noteIgnored tells the owner of a Mapping which of its fields do nothing.
func (c *Compiler) noteIgnored(m *mapping) {
	spec := m.spec
	if spec.OutlierDetection != "" {
		m.report.warn(ReasonIgnored, "outlier_detection has no effect")
	}
	if len(spec.ErrorResponseOverrides) > 0 {
		m.report.warn(ReasonIgnored, "error_response_overrides has no effect: it was removed in Emissary 4")
	}
	if len(spec.Modules) > 0 || spec.EnvoyOverride != nil {
		m.report.warn(ReasonIgnored, "modules and envoy_override have no effect")
	}
	if spec.RegexRewrite != nil && spec.Rewrite != nil && *spec.Rewrite != "" && *spec.Rewrite != "/" {
		m.report.warn(ReasonIgnored, "rewrite has no effect beside regex_rewrite")
	}
	if spec.Host != "" && spec.Hostname != "" {
		m.report.warn(ReasonIgnored, "host has no effect beside hostname")
	}
	if _, authority := withoutAuthority(spec.Headers); authority != "" && cmp.Or(spec.Host, spec.Hostname) != "" {
		m.report.warn(ReasonIgnored, "headers: %s has no effect beside host or hostname", headerAuthority)
	}
	if spec.HostRegex && spec.Hostname != "" {
		m.report.warn(ReasonIgnored, "host_regex has no effect on hostname, which is a glob")
	}
	if dns := spec.DNSType; dns != "" && !isLogicalDNS(dns) && !isStrictDNS(dns) {
		m.report.warn(ReasonInvalid, "dns_type: %q is not known, strict_dns is used: write strict_dns or logical_dns", dns)
	}
	if len(spec.HealthChecks) > 0 && m.resolver == byService {
		m.report.warn(ReasonIgnored, "health_checks need a resolver that knows endpoints, such as kubernetes-endpoint")
	}
	if m.service.ignored != "" {
		m.report.warn(ReasonIgnored, "%s", m.service.ignored)
	}
	if m.service.cleartext && spec.TLS != "" {
		m.report.warn(ReasonIgnored, "service: the scheme http:// has no effect beside tls: %s", spec.TLS)
	}
	if n := countTrue(spec.PathRedirect != "", spec.PrefixRedirect != "", spec.RegexRedirect != nil); n > 1 {
		m.report.warn(ReasonIgnored, "of path_redirect, prefix_redirect and regex_redirect only the first one that is set has an effect")
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
