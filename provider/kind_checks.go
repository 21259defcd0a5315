package provider

import (
	"fmt"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// check is a rule of the ingress about a configuration. It must let pass what is
// not known yet.
type check func(attributes) diag.Diagnostics

func fail(attribute, format string, args ...any) diag.Diagnostics {
	return failAt(path.Root(attribute), format, args...)
}

func warn(attribute, format string, args ...any) diag.Diagnostics {
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(path.Root(attribute), attribute+" has no effect", attribute+" "+fmt.Sprintf(format, args...))}
}

func failAt(at path.Path, format string, args ...any) diag.Diagnostics {
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Invalid value for "+at.String(), at.String()+" "+fmt.Sprintf(format, args...))}
}

// serviceString checks [scheme://]host[:port], which names an upstream service.
func serviceString(attribute string) check {
	return func(c attributes) diag.Diagnostics {
		text, ok := c.text(attribute)
		if !ok {
			return nil
		}
		if problem := checkService(text); problem != "" {
			return fail(attribute, "is %q: %s. Write [http:// or https://]name[.namespace][:port].", text, problem)
		}
		return nil
	}
}

func checkService(text string) (problem string) {
	host := text
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		if lower := strings.ToLower(scheme); lower != "http" && lower != "https" {
			return fmt.Sprintf("the scheme %q is not known", scheme)
		}
		host = rest
	}
	if before, _, ok := strings.Cut(host, "/"); ok {
		return fmt.Sprintf("a service has no path; use rewrite to change the path sent to %s", before)
	}
	if strings.ContainsAny(host, " \t?#@") {
		return "it has characters that no host name has"
	}
	name, port, err := net.SplitHostPort(host)
	switch {
	case err != nil && strings.Contains(host, ":") && net.ParseIP(strings.Trim(host, "[]")) == nil:
		return "the port is not readable"
	case err != nil:
		name = host
	default:
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return fmt.Sprintf("the port %q must be from 1 to 65535", port)
		}
	}
	if name == "" {
		return "the host name is empty"
	}
	return ""
}

// hostnameGlob checks that a * stands alone, at the start or at the end: anywhere
// else it matches nothing.
func hostnameGlob(c attributes) diag.Diagnostics {
	text, ok := c.text("hostname")
	if !ok || text == "*" {
		return nil
	}
	open, closed := strings.HasPrefix(text, "*"), strings.HasSuffix(text, "*")
	switch inner := strings.TrimSuffix(strings.TrimPrefix(text, "*"), "*"); {
	case open && closed, strings.Contains(inner, "*"):
		return fail("hostname", "is %q; a * is allowed alone, at the start or at the end.", text)
	case strings.ContainsAny(inner, "/ "):
		return fail("hostname", "is %q; it must be a host name such as www.example.com, without scheme or path.", text)
	}
	return nil
}

// reachable warns of a Mapping that no Host can ever take: Hosts choose by
// hostname or by label.
func reachable(c attributes) diag.Diagnostics {
	if c.isSet("hostname") || c.isSet("host") || c.isSet("labels") {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(path.Root("hostname"), "No Host will take this Mapping",
		`A Mapping is served by the Hosts that its hostname matches, or whose mapping_selector its labels match. Set hostname (for example "*") or labels.`)}
}

// percentage checks a weight.
func percentage(attribute string) check {
	return func(c attributes) diag.Diagnostics {
		value, ok := c[attribute]
		var number *big.Float
		if !ok || !value.IsKnown() || value.IsNull() || value.As(&number) != nil {
			return nil
		}
		if number.Sign() < 0 || number.Cmp(big.NewFloat(100)) > 0 {
			return fail(attribute, "is %s; it is a percentage and must be from 0 to 100.", number.Text('f', -1))
		}
		return nil
	}
}

// atMostOne and exactlyOne check attributes that exclude each other.
func atMostOne(names ...string) check {
	return func(c attributes) diag.Diagnostics {
		set := c.allSet(names)
		if len(set) < 2 {
			return nil
		}
		return fail(set[1], "excludes %s; keep one of them.", set[0])
	}
}

func exactlyOne(names ...string) check {
	return func(c attributes) diag.Diagnostics {
		if len(c.allSet(names)) == 0 {
			return fail(names[0], "is not set; set one of %s.", strings.Join(names, ", "))
		}
		return atMostOne(names...)(c)
	}
}

func (a attributes) allSet(names []string) (set []string) {
	for _, name := range names {
		if a.isSet(name) {
			set = append(set, name)
		}
	}
	return set
}

// needs warns when a flag is off without which the attributes have no effect.
// Emissary takes such objects, so an error would refuse what works there.
func needs(flag string, names ...string) check {
	return func(c attributes) diag.Diagnostics {
		set := c.allSet(names)
		if len(set) == 0 || c.flag(flag) || c.isSet(flag) && !c[flag].IsKnown() {
			return nil
		}
		return warn(set[0], "has no effect without %s = true.", flag)
	}
}

// overrides warns of a flag that another one makes void.
func overrides(winner, loser string) check {
	return func(c attributes) diag.Diagnostics {
		if !c.flag(winner) || !c.flag(loser) {
			return nil
		}
		return warn(loser, "has no effect with %s = true.", winner)
	}
}

// regexWhen checks a regular expression in an attribute that is one only while a
// flag is on.
func regexWhen(attribute, flag string) check {
	return func(c attributes) diag.Diagnostics {
		text, ok := c.text(attribute)
		if !ok || !c.flag(flag) {
			return nil
		}
		return checkRegex(path.Root(attribute), text)
	}
}

// regexValues checks the regular expressions of a map.
func regexValues(attribute string) check {
	return func(c attributes) (diags diag.Diagnostics) {
		for name, value := range c.members(attribute) {
			var text string
			if value.IsKnown() && !value.IsNull() && value.As(&text) == nil {
				diags.Append(checkRegex(path.Root(attribute).AtMapKey(name), text)...)
			}
		}
		return diags
	}
}

// regexPattern checks the regular expression of a pattern and its substitution.
func regexPattern(attribute string) check {
	return func(c attributes) diag.Diagnostics {
		if text, ok := attributes(c.members(attribute)).text("pattern"); ok {
			return checkRegex(path.Root(attribute).AtName("pattern"), text)
		}
		return nil
	}
}

// checkRegex refuses what Envoy's engine, RE2, does. Go's syntax is RE2's.
func checkRegex(at path.Path, text string) diag.Diagnostics {
	if _, err := regexp.Compile(text); err != nil {
		return failAt(at, "is %q, which is no RE2 regular expression: %s. RE2 has no look-around and no back-references.", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

// hashPolicy checks that a load balancer has what its policy hashes, and only
// then.
func hashPolicy(c attributes) diag.Diagnostics {
	lb := attributes(c.members("load_balancer"))
	policy, ok := lb.text("policy")
	if !ok {
		return nil
	}
	keys := []string{"cookie", "header", "source_ip"}
	set := lb.allSet(keys)
	switch hashes := policy == "ring_hash" || policy == "maglev"; {
	case hashes && len(set) == 0:
		return fail("load_balancer", "has the policy %s, which needs one of %s.", policy, strings.Join(keys, ", "))
	case !hashes && len(set) > 0:
		return failAt(path.Root("load_balancer").AtName(set[0]), "has no meaning with the policy %s; use ring_hash or maglev.", policy)
	}
	return nil
}

// tlsVersions checks that the range of versions is not empty.
func tlsVersions(c attributes) diag.Diagnostics {
	lowest, ok1 := c.text("min_tls_version")
	highest, ok2 := c.text("max_tls_version")
	versions := []string{"v1.0", "v1.1", "v1.2", "v1.3"}
	if ok1 && ok2 && slices.Index(versions, lowest) > slices.Index(versions, highest) {
		return fail("min_tls_version", "is %s, which is above max_tls_version %s.", lowest, highest)
	}
	return nil
}
