package provider

import (
	"sync"

	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"

	"terraform-provider-emissary/internal/kube"
	"terraform-provider-emissary/provider/schema"
)

// kind is what the one generic resource knows about the kind it manages.
type kind struct {
	*schema.Kind
	// checks are the rules of the ingress that the CRD's schema cannot express.
	checks []check
}

// checks are the rules of each kind. A kind without any is still managed.
var checks = map[string][]check{
	"AuthService": {texts(service, "auth_service")},
	"Host":        {texts(hostname, "hostname")},
	"Listener":    {exactlyOne("protocol", "protocol_stack")},
	"LogService":  {texts(service, "service")},
	"Mapping": {
		texts(service, "service"),
		texts(hostname, "hostname"),
		unless("host_regex", plainHostname, "host"),
		reachable,
		rooted,
		percentage("weight"),
		atMostOne("path_redirect", "prefix_redirect", "regex_redirect"),
		needs("host_redirect", "path_redirect", "prefix_redirect", "regex_redirect"),
		overrides("shadow", "host_redirect"),
		overrides("host_redirect", "rewrite", "regex_rewrite", "host_rewrite"),
		beside("regex_rewrite", "rewrite"),
		when("prefix_regex", regex, "prefix"),
		when("method_regex", regex, "method"),
		when("host_regex", regex, "host"),
		texts(regex, "regex_headers.*"),
		texts(regex, "regex_query_parameters.*"),
		texts(regex, "regex_rewrite.pattern"),
		texts(regex, "regex_redirect.pattern"),
		substitution("regex_rewrite"),
		substitution("regex_redirect"),
		keys(header, "headers"),
		keys(header, "regex_headers"),
		keys(editableHeader, "add_request_headers"),
		keys(editableHeader, "add_response_headers"),
		texts(editableHeader, "remove_request_headers.*"),
		texts(editableHeader, "remove_response_headers.*"),
		texts(duration, "retry_policy.per_try_timeout"),
		texts(duration, "load_balancer.cookie.ttl"),
		texts(period, "health_checks.*.interval"),
		texts(period, "health_checks.*.timeout"),
		texts(seconds, "cors.max_age"),
		texts(priority, "priority"),
		texts(upgrade, "allow_upgrade.*"),
		notBelow(0, "cluster_idle_timeout_ms", "cluster_max_connection_lifetime_ms", "idle_timeout_ms", "timeout_ms"),
		notBelow(1, "connect_timeout_ms"),
		hashPolicy,
	},
	"RateLimitService": {texts(service, "service")},
	"TCPMapping":       {texts(service, "service"), percentage("weight")},
	"TLSContext":       {tlsVersions},
	"TracingService":   {texts(service, "service")},
}

// kinds are those of the embedded CRDs, with their rules.
var kinds = sync.OnceValue(func() []*kind {
	var all []*kind
	for _, derived := range schema.Kinds() {
		all = append(all, &kind{Kind: derived, checks: checks[derived.Name]})
	}
	return all
})

// ref names one object of the kind.
func (k *kind) ref(namespace, name string) kube.Ref {
	return kube.Ref{
		Type: kube.Type{
			GroupVersionResource: runtimeschema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural},
			Kind:                 k.Name,
		},
		Namespace: namespace, Name: name,
	}
}
