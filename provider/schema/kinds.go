package schema

import (
	"fmt"
	"sync"

	"terraform-provider-emissary/crds"
)

// overrides are the facts about each kind that its CRD does not tell. A kind without any has a resource too.
var overrides = map[string]Overrides{
	"Host":       {Required: []string{"tls_secret.name", "tls_context.name"}},
	"LogService": {Required: []string{"driver_config.additional_log_headers.*.header_name"}},
	"Mapping": {
		Rename: map[string]string{"labels": "rate_limit_labels"},
		Required: []string{
			"add_request_headers.*.value", "add_response_headers.*.value",
			"regex_rewrite.pattern", "regex_redirect.pattern",
		},
	},
}

// Kinds derives every kind that has a resource from the embedded CRDs, once.
var Kinds = sync.OnceValue(func() []*Kind {
	var all []*Kind
	for _, crd := range crds.Definitions() {
		derived, err := Derive(crd, overrides[crd.Spec.Names.Kind])
		if err != nil {
			// CRDs and overrides are part of the binary: this is a broken build.
			panic(fmt.Sprintf("schema: %v", err))
		}
		all = append(all, derived)
	}
	return all
})
