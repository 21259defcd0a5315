package compile

import (
	"cmp"
	"net"
	"strconv"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// syntheticTimeoutMs is how long the probes' and the diagnostics' own routes wait.
const syntheticTimeoutMs = 10000

// syntheticMappings are the routes to the controller's own pages, which every Host serves unless the Module turns them
// off: the probes and the diagnostics.
func (c *Compiler) syntheticMappings() []*mapping {
	var mappings []*mapping
	for _, page := range []struct {
		name, prefix, key string
		settings          *syntheticRoute
	}{
		{"internal_liveness_probe_mapping", "/ambassador/v0/check_alive", "liveness_probe", c.module.livenessProbe},
		{"internal_readiness_probe_mapping", "/ambassador/v0/check_ready", "readiness_probe", c.module.readinessProbe},
		{"internal_diagnostics_probe_mapping", "/ambassador/v0/", "diagnostics", c.module.diagnostics},
	} {
		if !page.settings.enabled() {
			if page.settings.Enabled == nil {
				c.ledger[c.module.ref].warn(ReasonIgnored, "config.%s says nothing of enabled, which turns the page %s off: add enabled: true for it, "+
					"or false to be plain", page.key, page.prefix)
			}
			continue
		}
		settings := valueOr(page.settings, syntheticRoute{})
		timeout := syntheticTimeoutMs
		rewrite := cmp.Or(settings.Rewrite, page.prefix)
		spec := &v3alpha1.MappingSpec{
			Hostname:  "*",
			Prefix:    cmp.Or(settings.Prefix, page.prefix),
			Rewrite:   &rewrite,
			Service:   cmp.Or(settings.Service, net.JoinHostPort("127.0.0.1", strconv.Itoa(c.options.DiagPort))),
			Resolver:  serviceResolverName,
			TimeoutMs: &timeout,
		}
		m := c.newMapping(store.Ref{Kind: "Mapping", Namespace: c.options.Namespace, Name: page.name}, nil, c.options.Namespace, nil, spec)
		if m == nil {
			_, service := parseService(spec.Service, false)
			problem := firstError(append(c.checkMapping(spec), service)...)
			c.ledger[c.module.ref].refuse(ReasonInvalid, "config.%s: %v; the page %s is not served", page.key, problem, page.prefix)
			continue
		}
		m.everyHost = true
		mappings = append(mappings, m)
	}
	return mappings
}
