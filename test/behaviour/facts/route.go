package facts

import (
	"maps"
	"slices"
	"strings"
)

// Facts of a route and a cluster, under the names a case uses. A fact that cannot be told is nil.

// defaultRouteTimeout is Envoy's, in seconds, where a route sets none.
const defaultRouteTimeout = 15.0

// Route states the facts of the matched route; nil if there is none.
func (p *Path) Route() object {
	if p == nil || p.route == nil {
		return nil
	}
	action := at(p.route, "route")
	facts := object{
		"timeout_s":               defaultRouteTimeout,
		"idle_timeout_s":          seconds(action["idle_timeout"]),
		"priority":                "DEFAULT",
		"retry":                   action["retry_policy"],
		"upgrades":                upgrades(action),
		"rate_limits":             p.rateLimits(action),
		"mirror":                  mirrors(action),
		"ext_authz":               p.extAuthz(),
		"auth_context_extensions": at(p.perRoute("ext_authz"), "check_settings")["context_extensions"],
		"auto_host_rewrite":       action["auto_host_rewrite"] == true,
	}
	if set, ok := action["timeout"]; ok {
		facts["timeout_s"] = seconds(set)
	}
	if set := text(action, "priority"); set != "" {
		facts["priority"] = set
	}
	return facts
}

// upgrades lists the protocols a route lets through, sorted.
func upgrades(action object) []any {
	var types []string
	for _, u := range list(action, "upgrade_configs") {
		if u["enabled"] != false {
			types = append(types, text(u, "upgrade_type"))
		}
	}
	slices.Sort(types)
	out := make([]any, len(types))
	for i, t := range types {
		out[i] = t
	}
	return out
}

// mirrors lists the policies that copy requests, each with the percentage it copies.
func mirrors(action object) []any {
	var out []any
	for _, policy := range list(action, "request_mirror_policies") {
		policy = maps.Clone(policy)
		policy["percent"] = percentage(at(policy, "runtime_fraction", "default_value"))
		out = append(out, policy)
	}
	return out
}

// percentage reads a FractionalPercent; everything, if there is none.
func percentage(fraction object) float64 {
	if fraction == nil {
		return 100
	}
	perUnit := map[string]float64{"TEN_THOUSAND": 100, "MILLION": 10000}[text(fraction, "denominator")]
	return number(fraction["numerator"]) / max(perUnit, 1)
}

// rateLimits lists, for each descriptor, its actions in order.
func (p *Path) rateLimits(action object) []any {
	limits := append(list(action, "rate_limits"), list(p.perRoute("ratelimit"), "rate_limits")...)
	out := make([]any, len(limits))
	for i, limit := range limits {
		out[i] = limit["actions"]
	}
	return out
}

// extAuthz tells whether a request on this route is checked by an AuthService.
func (p *Path) extAuthz() string {
	present := false
	walk(p.listener, func(o object) {
		present = present || strings.HasSuffix(text(at(o, "typed_config"), "@type"), "ext_authz.v3.ExtAuthz")
	})
	switch {
	case !present:
		return "absent"
	case p.perRoute("ext_authz")["disabled"] == true:
		return "disabled"
	default:
		return "enabled"
	}
}

// perRoute is the route's own configuration of the HTTP filter whose name ends in name.
func (p *Path) perRoute(name string) object {
	filters := at(p.route, "typed_per_filter_config")
	for _, key := range sortedKeys(filters) {
		if strings.HasSuffix(key, name) {
			return at(filters, key)
		}
	}
	return nil
}
