package provider

import (
	"fmt"
	"sync"

	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/kube"
	"terraform-provider-emissary/provider/schema"
)

// kind is what the one generic resource knows about the kind it manages.
type kind struct {
	*schema.Kind
	// checks are the rules of the ingress that the CRD's schema cannot express.
	checks []check
}

// kindFacts are the facts about each kind that its CRD does not tell. A kind
// without any is still managed.
var kindFacts = map[string]struct {
	overrides schema.Overrides
	checks    []check
}{
	"AuthService": {checks: []check{serviceString("auth_service")}},
	"Host": {
		overrides: schema.Overrides{Required: []string{"tls_secret.name", "tls_context.name"}},
		checks:    []check{hostnameGlob},
	},
	"Listener": {checks: []check{exactlyOne("protocol", "protocol_stack")}},
	"LogService": {
		overrides: schema.Overrides{Required: []string{"driver_config.additional_log_headers.*.header_name"}},
		checks:    []check{serviceString("service")},
	},
	"Mapping": {
		overrides: schema.Overrides{
			Rename: map[string]string{"labels": "rate_limit_labels"},
			Required: []string{
				"add_request_headers.*.value", "add_response_headers.*.value",
				"regex_rewrite.pattern", "regex_redirect.pattern",
			},
		},
		checks: []check{
			serviceString("service"),
			hostnameGlob,
			reachable,
			percentage("weight"),
			atMostOne("path_redirect", "prefix_redirect", "regex_redirect"),
			needs("host_redirect", "path_redirect", "prefix_redirect", "regex_redirect"),
			overrides("shadow", "host_redirect"),
			regexWhen("prefix", "prefix_regex"),
			regexWhen("method", "method_regex"),
			regexWhen("host", "host_regex"),
			regexValues("regex_headers"),
			regexValues("regex_query_parameters"),
			regexPattern("regex_rewrite"),
			regexPattern("regex_redirect"),
			hashPolicy,
		},
	},
	"RateLimitService": {checks: []check{serviceString("service")}},
	"TCPMapping":       {checks: []check{serviceString("service"), percentage("weight")}},
	"TLSContext":       {checks: []check{tlsVersions}},
	"TracingService":   {checks: []check{serviceString("service")}},
}

// kinds derives every kind from the embedded CRDs, once.
var kinds = sync.OnceValue(func() []*kind {
	var all []*kind
	for _, crd := range crds.Definitions() {
		facts := kindFacts[crd.Spec.Names.Kind]
		derived, err := schema.Derive(crd, facts.overrides)
		if err != nil {
			// CRDs and facts are part of the binary: this is a broken build.
			panic(fmt.Sprintf("provider: %v", err))
		}
		all = append(all, &kind{Kind: derived, checks: facts.checks})
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
