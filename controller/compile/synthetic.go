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
		name, prefix string
		settings     syntheticRoute
	}{
		{"internal_liveness_probe_mapping", "/ambassador/v0/check_alive", c.module.livenessProbe},
		{"internal_readiness_probe_mapping", "/ambassador/v0/check_ready", c.module.readinessProbe},
		{"internal_diagnostics_probe_mapping", "/ambassador/v0/", c.module.diagnostics},
	} {
		if !page.settings.enabled() {
			continue
		}
		timeout := syntheticTimeoutMs
		rewrite := cmp.Or(page.settings.Rewrite, page.prefix)
		spec := &v3alpha1.MappingSpec{
			Hostname:  "*",
			Prefix:    cmp.Or(page.settings.Prefix, page.prefix),
			Rewrite:   &rewrite,
			Service:   cmp.Or(page.settings.Service, net.JoinHostPort("127.0.0.1", strconv.Itoa(c.options.DiagPort))),
			Resolver:  serviceResolverName,
			TimeoutMs: &timeout,
		}
		m := c.newMapping(store.Ref{Kind: "Mapping", Namespace: c.options.Namespace, Name: page.name}, c.options.Namespace, nil, spec)
		if m == nil {
			c.ledger.refuse(c.module.ref, ReasonInvalid, "the settings of %s cannot be used", page.prefix)
			continue
		}
		m.everyHost = true
		mappings = append(mappings, m)
	}
	return mappings
}
