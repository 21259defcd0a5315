package compile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/internal/suggest"
)

// module holds the settings of the "ambassador" Module: the defaults of the whole install.
type module struct {
	ref store.Ref

	addLinkerdHeaders  *bool
	circuitBreakers    []v3alpha1.CircuitBreaker
	clusterIdleMs      *int
	clusterLifetimeMs  *int
	requestTimeoutMs   int
	cors               *v3alpha1.CORS
	defaultLabelDomain string
	defaultLabels      map[string]labelDefaults
	defaults           mappingDefaults
	enableIPv4         bool
	enableIPv6         bool
	keepAlive          *v3alpha1.KeepAlive
	loadBalancer       *v3alpha1.LoadBalancer
	regexMaxSize       int
	resolver           string
	retryPolicy        *v3alpha1.RetryPolicy
	ownNamespaceOnly   bool

	diagnostics, livenessProbe, readinessProbe *syntheticRoute

	http httpSettings
}

// labelDefaults are the rate limit labels put before those of every Mapping, for one domain.
type labelDefaults struct {
	Defaults []v3alpha1.Label `json:"defaults"`
}

// syntheticRoute configures a probe or the diagnostics page. Unset fields keep their defaults, but for enabled: without
// it the page is off, as in Emissary, and on where the Module does not speak of the page at all.
type syntheticRoute struct {
	Enabled       *bool  `json:"enabled"`
	Prefix        string `json:"prefix"`
	Rewrite       string `json:"rewrite"`
	Service       string `json:"service"`
	AllowNonLocal *bool  `json:"allow_non_local"`
}

// mappingDefaults are the fallbacks of Mapping fields: those under "httpmapping" first, then the ones beside it.
type mappingDefaults struct {
	fallbackFields
	HTTPMapping         fallbackFields `json:"httpmapping"`
	TLSSecretNamespaced *bool          `json:"tls_secret_namespacing"`
}

type fallbackFields struct {
	AddRequestHeaders     map[string]looseHeader `json:"add_request_headers"`
	AddResponseHeaders    map[string]looseHeader `json:"add_response_headers"`
	RemoveRequestHeaders  looseList              `json:"remove_request_headers"`
	RemoveResponseHeaders looseList              `json:"remove_response_headers"`
	StatsName             string                 `json:"stats_name"`
}

// newModule returns the settings of an install without a Module.
func newModule() *module {
	return &module{
		requestTimeoutMs:   defaultTimeoutMs,
		defaultLabelDomain: "ambassador",
		enableIPv4:         true,
		regexMaxSize:       200,
		resolver:           serviceResolverName,
		http:               defaultHTTPSettings(),
	}
}

// ambassadorModule reads the install's "ambassador" Module. A bad key costs only itself: it is reported on the Module
// and its default stays in force.
func (c *Compiler) ambassadorModule() *module {
	m := newModule()
	for _, object := range c.store.Modules() {
		if !c.member(object) {
			continue
		}
		ref, report := c.ledger.open(object)
		switch {
		case object.Name == "tls" || object.Name == "authentication":
			report.refuse(ReasonNotImplemented, "Module %s is legacy: use TLSContext and Host, or AuthService, instead", object.Name)
		case object.Name != "ambassador":
			report.warn(ReasonIgnored, "only the Module named ambassador has an effect, this one is named %s", object.Name)
		case m.ref != store.Ref{}:
			report.refuse(ReasonConflict, "there can be one Module ambassador per install: %s is used", m.ref)
		default:
			m.ref = ref
			c.readModule(m, object.Spec.Config.Raw)
		}
	}
	return m
}

func (c *Compiler) readModule(m *module, raw []byte) {
	var config map[string]json.RawMessage
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &config); err != nil {
			c.ledger[m.ref].refuse(ReasonInvalid, "config is not an object: %v", err)
			return
		}
	}
	keys := m.keys()
	for _, key := range sortedKeys(config) {
		read, known := keys[key]
		switch {
		case !known:
			c.ledger[m.ref].warn(ReasonIgnored, "config.%s is no key of the ambassador Module%s: it has no effect", key, orMeant(key, keys))
		case read == nil:
			c.ledger[m.ref].warn(ReasonIgnored, "config.%s has no effect", key)
		default:
			if err := read(config[key]); err != nil {
				c.ledger[m.ref].refuse(ReasonInvalid, "config.%s: %v", key, err)
			}
		}
	}
	if err := c.openLog(&m.http.log); err != nil {
		c.ledger[m.ref].refuse(ReasonInvalid, "%v", err)
	}
	if err := m.http.filters.consistent(); err != nil {
		c.ledger[m.ref].refuse(ReasonConflict, "%v", err)
	}
}

// orMeant names the key that a misspelt one may stand for.
func orMeant[V any](key string, keys map[string]V) string {
	if meant := suggest.Word(key, sortedKeys(keys)); meant != "" {
		return fmt.Sprintf(" (did you mean %s?)", meant)
	}
	return ""
}

// keys maps every key of the Module to what reads it; nil marks those that have no effect, as in Emissary.
func (m *module) keys() map[string]func(json.RawMessage) error {
	keys := map[string]func(json.RawMessage) error{
		"add_linkerd_headers":                into(&m.addLinkerdHeaders),
		"circuit_breakers":                   checked(&m.circuitBreakers, checkCircuitBreakers),
		"cluster_idle_timeout_ms":            checked(&m.clusterIdleMs, notNegative),
		"cluster_max_connection_lifetime_ms": checked(&m.clusterLifetimeMs, notNegative),
		"cluster_request_timeout_ms":         checked(&m.requestTimeoutMs, func(ms int) error { return checkNotNegative("value", &ms) }),
		"cors":                               m.readCORS,
		"default_label_domain":               into(&m.defaultLabelDomain),
		"default_labels":                     checked(&m.defaultLabels, checkDefaultLabels),
		"defaults":                           m.readDefaults,
		"diagnostics":                        into(&m.diagnostics),
		"enable_ipv4":                        into(&m.enableIPv4),
		"enable_ipv6":                        into(&m.enableIPv6),
		"keepalive":                          m.readKeepAlive,
		"liveness_probe":                     into(&m.livenessProbe),
		"load_balancer":                      checked(&m.loadBalancer, checkLoadBalancer),
		"readiness_probe":                    into(&m.readinessProbe),
		"regex_max_size":                     into(&m.regexMaxSize),
		"resolver":                           into(&m.resolver),
		"retry_policy":                       checked(&m.retryPolicy, checkRetryPolicy),
		"use_ambassador_namespace_for_service_resolution": into(&m.ownNamespaceOnly),
	}
	maps.Copy(keys, m.http.keys())
	for _, noEffect := range strings.Fields(`admin_port auth_enabled debug_mode diag_port enabled envoy_validation_timeout
				prune_unreachable_routes regex_type runtime_flags service_port statsd tls use_proxy_proto
		x_forwarded_proto_redirect xff_num_trusted_hops error_response_overrides header_case_overrides`) {
		keys[noEffect] = nil
	}
	return keys
}

// readKeepAlive accepts the idle time as "time", the Module's own word, and as "idle_time", the Mappings'.
func (m *module) readKeepAlive(raw json.RawMessage) error {
	var loose struct {
		Time     *int `json:"time"`
		IdleTime *int `json:"idle_time"`
		Interval *int `json:"interval"`
		Probes   *int `json:"probes"`
	}
	if err := strict(raw, &loose); err != nil {
		return err
	}
	keepAlive := &v3alpha1.KeepAlive{IdleTime: cmp.Or(loose.Time, loose.IdleTime), Interval: loose.Interval, Probes: loose.Probes}
	if err := checkKeepAlive(keepAlive); err != nil {
		return err
	}
	m.keepAlive = keepAlive
	return nil
}

// readCORS accepts the origins as a list or, as documented upstream, as a comma separated string.
func (m *module) readCORS(raw json.RawMessage) error {
	var loose struct {
		Origins        looseList `json:"origins"`
		Methods        looseList `json:"methods"`
		Headers        looseList `json:"headers"`
		Credentials    *bool     `json:"credentials"`
		ExposedHeaders looseList `json:"exposed_headers"`
		MaxAge         looseText `json:"max_age"`
	}
	if err := strict(raw, &loose); err != nil {
		return err
	}
	cors := &v3alpha1.CORS{Origins: loose.Origins, Methods: loose.Methods, Headers: loose.Headers,
		Credentials: loose.Credentials, ExposedHeaders: loose.ExposedHeaders, MaxAge: string(loose.MaxAge)}
	if err := checkCORS(cors); err != nil {
		return err
	}
	m.cors = cors
	return nil
}

// readDefaults reads "defaults", whose other lookup classes have no effect here.
func (m *module) readDefaults(raw json.RawMessage) error {
	var defaults mappingDefaults
	if err := json.Unmarshal(raw, &defaults); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	for _, fields := range []fallbackFields{defaults.fallbackFields, defaults.HTTPMapping} {
		if err := fields.check(); err != nil {
			return err
		}
	}
	m.defaults = defaults
	return nil
}

func (f fallbackFields) check() error {
	if err := checkAddedHeaders("add_request_headers", added(f.AddRequestHeaders)); err != nil {
		return err
	}
	if err := checkAddedHeaders("add_response_headers", added(f.AddResponseHeaders)); err != nil {
		return err
	}
	if err := checkRemovedHeaders("remove_request_headers", f.RemoveRequestHeaders); err != nil {
		return err
	}
	return checkRemovedHeaders("remove_response_headers", f.RemoveResponseHeaders)
}

func checkDefaultLabels(domains map[string]labelDefaults) error {
	for _, domain := range sortedKeys(domains) {
		for _, label := range domains[domain].Defaults {
			if err := checkLabel(domain+".defaults", label); err != nil {
				return err
			}
		}
	}
	return nil
}

// notNegative checks an optional number.
func notNegative(n *int) error { return checkNotNegative("value", n) }

// namesSecretsAnywhere reports whether "name.namespace" is a Secret of another namespace where nothing else is said.
func (m *module) namesSecretsAnywhere() bool { return valueOr(m.defaults.TLSSecretNamespaced, true) }

// enabled reports whether a page is routed.
func (s *syntheticRoute) enabled() bool { return s == nil || isTrue(s.Enabled) }

// hasDefaults reports whether the Module sets any of what applyDefaults fills in.
func (m *module) hasDefaults() bool {
	return m.cors != nil || m.retryPolicy != nil || m.loadBalancer != nil || m.defaults.set()
}

func (d *mappingDefaults) set() bool {
	for _, f := range []fallbackFields{d.fallbackFields, d.HTTPMapping} {
		if len(f.AddRequestHeaders)+len(f.AddResponseHeaders)+len(f.RemoveRequestHeaders)+len(f.RemoveResponseHeaders) > 0 {
			return true
		}
	}
	return false
}
