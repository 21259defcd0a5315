package facts

import (
	"strings"
)

// defaultConnectTimeout is Envoy's, in seconds, where a cluster sets none.
const defaultConnectTimeout = 5.0

// Cluster states the facts of the cluster a request goes to; nil if there is none.
func (p *Path) Cluster() object {
	if p == nil || p.cluster == nil {
		return nil
	}
	c := p.cluster
	dns := dnsOptions(c)
	http := httpOptions(c)
	facts := object{
		"name":                      text(c, "name"),
		"lb":                        loadBalancer(c),
		"connect_timeout_s":         defaultConnectTimeout,
		"idle_timeout_s":            seconds(at(http, "common_http_protocol_options")["idle_timeout"]),
		"max_connection_duration_s": seconds(at(http, "common_http_protocol_options")["max_connection_duration"]),
		"circuit_breakers":          at(c, "circuit_breakers")["thresholds"],
		"h2":                        speaksHTTP2(http),
		"discovery":                 discovery(c),
		"dns_family":                orDefault(text(dns, "dns_lookup_family"), "AUTO"),
		"respect_dns_ttl":           dns["respect_dns_ttl"] == true,
		"keepalive":                 at(c, "upstream_connection_options")["tcp_keepalive"],
		"stat_name":                 orDefault(text(c, "alt_stat_name"), text(c, "name")),
		"health_checks":             c["health_checks"],
	}
	if set, ok := c["connect_timeout"]; ok {
		facts["connect_timeout_s"] = seconds(set)
	}
	return facts
}

// loadBalancer is the policy in the classic enum's spelling, wherever it is configured.
func loadBalancer(c object) string {
	for _, policy := range list(at(c, "load_balancing_policy"), "policies") {
		name := text(at(policy, "typed_extension_config"), "name")
		return strings.ToUpper(name[strings.LastIndex(name, ".")+1:])
	}
	return orDefault(text(c, "lb_policy"), "ROUND_ROBIN")
}

// discovery says how endpoints are found. A Service's cluster IP taken from the API instead of from the
// cluster's DNS is the same discovery to whoever reads the facts: by the Service, not by its endpoints.
func discovery(c object) string {
	extension := at(c, "cluster_type")
	switch kind := orDefault(text(c, "type"), "STATIC"); {
	case strings.HasSuffix(text(extension, "name"), "dns"):
		if at(extension, "typed_config")["all_addresses_in_single_endpoint"] == true {
			return "logical_dns"
		}
		return "dns"
	case kind == "EDS":
		return "eds"
	case kind == "LOGICAL_DNS":
		return "logical_dns"
	default:
		return "dns"
	}
}

// dnsOptions is where DNS settings stand: in the cluster, or in the DNS cluster extension.
func dnsOptions(c object) object {
	if extension := at(c, "cluster_type", "typed_config"); extension != nil {
		return extension
	}
	return c
}

// httpOptions are the upstream HTTP protocol options: the extension's, or the fields it replaced.
func httpOptions(c object) object {
	extensions := at(c, "typed_extension_protocol_options")
	for _, name := range sortedKeys(extensions) {
		if strings.HasSuffix(name, "HttpProtocolOptions") {
			return at(extensions, name)
		}
	}
	return c
}

func speaksHTTP2(http object) bool {
	_, explicit := at(http, "explicit_http_config")["http2_protocol_options"]
	_, old := http["http2_protocol_options"]
	return explicit || old
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
