package compile

import (
	"fmt"
	"strings"

	"terraform-provider-emissary/crds/v3alpha1"
)

// checkMapping returns everything that is wrong with a Mapping by itself, without looking at other objects.
func (c *Compiler) checkMapping(spec *v3alpha1.MappingSpec) []error {
	var errs []error
	check := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	maxRegex := c.module.regexMaxSize
	if spec.Prefix == "" {
		check(fmt.Errorf("prefix is required: give the path the Mapping serves, such as /"))
	} else if spec.PrefixRegex {
		check(checkRegex("prefix", spec.Prefix, maxRegex))
	} else {
		check(checkHeaderValue("prefix", spec.Prefix))
	}
	if spec.Service == "" {
		check(fmt.Errorf("service is required: give the service requests go to, such as quote or quote.namespace:8080"))
	}
	check(checkMatches("headers", spec.Headers))
	check(checkMatches("query_parameters", spec.QueryParameters))
	check(checkRegexMatches("regex_headers", spec.RegexHeaders, maxRegex))
	check(checkRegexMatches("regex_query_parameters", spec.RegexQueryParameters, maxRegex))
	check(checkHostname(spec, maxRegex))
	if spec.MethodRegex && spec.Method != "" {
		check(checkRegex("method", spec.Method, maxRegex))
	} else {
		check(checkHeaderValue("method", spec.Method))
	}
	check(checkPriority(spec.Priority))
	for _, number := range []struct {
		field string
		value *int
	}{
		{"timeout_ms", spec.TimeoutMs}, {"idle_timeout_ms", spec.IdleTimeoutMs}, {"connect_timeout_ms", spec.ConnectTimeoutMs},
		{"cluster_idle_timeout_ms", spec.ClusterIdleTimeoutMs},
		{"cluster_max_connection_lifetime_ms", spec.ClusterMaxConnectionLifetimeMs},
	} {
		check(checkNotNegative(number.field, number.value))
	}
	if spec.ConnectTimeoutMs != nil && *spec.ConnectTimeoutMs == 0 {
		check(fmt.Errorf("connect_timeout_ms: 0 would refuse every connection: give 1 or more"))
	}
	if spec.Rewrite != nil {
		check(checkHeaderValue("rewrite", *spec.Rewrite))
	}
	check(checkServerName("host_rewrite", spec.HostRewrite))
	check(checkSubstitution("regex_rewrite", spec.RegexRewrite, maxRegex))
	check(checkSubstitution("regex_redirect", spec.RegexRedirect, maxRegex))
	check(checkHeaderValue("path_redirect", spec.PathRedirect))
	check(checkHeaderValue("prefix_redirect", spec.PrefixRedirect))
	if code := spec.RedirectResponseCode; code != nil {
		check(checkOneOf("redirect_response_code", fmt.Sprint(*code), "301", "302", "303", "307", "308"))
	}
	check(checkAddedHeaders("add_request_headers", spec.AddRequestHeaders))
	check(checkAddedHeaders("add_response_headers", spec.AddResponseHeaders))
	check(checkRemovedHeaders("remove_request_headers", spec.RemoveRequestHeaders))
	check(checkRemovedHeaders("remove_response_headers", spec.RemoveResponseHeaders))
	for _, protocol := range spec.AllowUpgrade {
		check(checkUpgrade(protocol))
	}
	check(checkLoadBalancer(spec.LoadBalancer))
	check(checkCircuitBreakers(spec.CircuitBreakers))
	check(checkRetryPolicy(spec.RetryPolicy))
	check(checkCORS(spec.CORS))
	check(checkHealthChecks(spec.HealthChecks))
	check(checkKeepAlive(spec.KeepAlive))
	check(checkHeaderValue("stats_name", spec.StatsName))
	check(checkLabels(spec.Labels))
	return errs
}

func checkHostname(spec *v3alpha1.MappingSpec, maxRegex int) error {
	if _, authority := withoutAuthority(spec.Headers); strings.Contains(authority, "*") {
		return fmt.Errorf("headers: %s is %q, and no host has a star in its name: use hostname, which takes globs", headerAuthority, authority)
	}
	switch {
	case hostIsRegex(spec) && spec.Host != "":
		return checkRegex("host", spec.Host, maxRegex)
	case !spec.HostRegex && strings.Contains(spec.Host, "*"):
		return fmt.Errorf("host: %q is matched as it is, and no host has a star in its name: use hostname, which takes globs", spec.Host)
	case spec.Hostname != "":
		return checkHostGlob("hostname", spec.Hostname)
	default:
		return checkHostGlob("host", spec.Host)
	}
}

// checkHostGlob reports whether a hostname or glob can be matched.
func checkHostGlob(field, glob string) error {
	if strings.ContainsAny(glob, " \t/?#@") {
		return fmt.Errorf("%s: %q is not a hostname: write a DNS name, *.example.com, example.* or *", field, glob)
	}
	return checkHeaderValue(field, glob)
}

func checkMatches(field string, matches map[string]string) error {
	for _, name := range sortedKeys(matches) {
		if field == "headers" {
			if err := checkHeaderName(field, name); err != nil {
				return err
			}
		}
		if err := checkMatchName(field, name); err != nil {
			return err
		}
		if err := checkHeaderValue(field+"."+name, matches[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkRegexMatches(field string, matches map[string]string, maxRegex int) error {
	for _, name := range sortedKeys(matches) {
		if field == "regex_headers" {
			if err := checkHeaderName(field, name); err != nil {
				return err
			}
		}
		if err := checkMatchName(field, name); err != nil {
			return err
		}
		if err := checkRegex(field+"."+name, matches[name], maxRegex); err != nil {
			return err
		}
	}
	return nil
}

// checkMatchName holds for header and query parameter names alike: Envoy limits both.
func checkMatchName(field, name string) error {
	if name == "" || len(name) > 1024 {
		return fmt.Errorf("%s: a name has %d characters, 1 to 1024 are allowed", field, len(name))
	}
	return checkHeaderValue(field, name)
}

func checkPriority(priority string) error {
	if priority == "" {
		return nil
	}
	return checkOneOf("priority", strings.ToLower(priority), "default", "high")
}

func checkSubstitution(field string, s *v3alpha1.RegexSubstitution, maxRegex int) error {
	if s == nil {
		return nil
	}
	if s.Pattern == "" {
		return fmt.Errorf("%s.pattern is required", field)
	}
	if err := checkRegex(field+".pattern", s.Pattern, maxRegex); err != nil {
		return err
	}
	if err := checkHeaderValue(field+".substitution", s.Substitution); err != nil {
		return err
	}
	return checkGroups(field+".substitution", s.Pattern, s.Substitution)
}

func checkAddedHeaders(field string, headers map[string]v3alpha1.AddedHeader) error {
	for _, name := range sortedKeys(headers) {
		if err := checkEditableHeader(field, name); err != nil {
			return err
		}
		if err := checkTemplate(field+"."+name, headers[name].Value); err != nil {
			return err
		}
	}
	return nil
}

func checkRemovedHeaders(field string, names []string) error {
	for _, name := range names {
		if err := checkEditableHeader(field, name); err != nil {
			return err
		}
	}
	return nil
}

func checkUpgrade(protocol string) error {
	if strings.EqualFold(protocol, "connect") {
		return fmt.Errorf("allow_upgrade: CONNECT is not an upgrade this gateway can route: use a TCPMapping")
	}
	if protocol == "" {
		return fmt.Errorf("allow_upgrade: a protocol is empty: write for example websocket")
	}
	return checkHeaderValue("allow_upgrade", protocol)
}
