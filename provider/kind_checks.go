package provider

import (
	"fmt"
	"math/big"
	"slices"
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

// reachable warns of a Mapping that no Host can ever take: Hosts choose by
// hostname or by label.
func reachable(c attributes) diag.Diagnostics {
	if c.isSet("hostname") || c.isSet("host") || c.isSet("labels") {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(path.Root("hostname"), "No Host will take this Mapping",
		`A Mapping is served by the Hosts that its hostname matches, or whose mapping_selector its labels match. Set hostname (for example "*") or labels.`)}
}

// rooted warns of a prefix that no path has.
func rooted(c attributes) diag.Diagnostics {
	prefix, ok := c.text("prefix")
	if !ok || prefix == "" || strings.HasPrefix(prefix, "/") || c.flag("prefix_regex") || c.isSet("prefix_regex") && !c["prefix_regex"].IsKnown() {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(path.Root("prefix"), "No request will match this Mapping",
		fmt.Sprintf("prefix is %q, and the path of every request begins with /. Did you mean %q?", prefix, "/"+prefix))}
}

// percentage checks a weight.
func percentage(attribute string) check {
	return func(c attributes) diag.Diagnostics {
		number := c.number(attribute)
		if number == nil {
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

// overrides warns of attributes that a flag makes void.
func overrides(winner string, losers ...string) check {
	return func(c attributes) (diags diag.Diagnostics) {
		for _, loser := range c.allSet(losers) {
			if value := c.toggle(loser); c.flag(winner) && (value == nil || *value) {
				diags.Append(warn(loser, "has no effect with %s = true.", winner)...)
			}
		}
		return diags
	}
}

// beside warns of an attribute that has no effect beside another one.
func beside(winner, loser string) check {
	return func(c attributes) diag.Diagnostics {
		if !c.isSet(winner) || !c.isSet(loser) {
			return nil
		}
		return warn(loser, "has no effect beside %s.", winner)
	}
}

// notBelow checks the lowest value of whole numbers.
func notBelow(lowest int64, names ...string) check {
	return func(c attributes) (diags diag.Diagnostics) {
		for _, name := range names {
			if number := c.number(name); number != nil && number.Cmp(big.NewFloat(float64(lowest))) < 0 {
				diags.Append(fail(name, "is %s; it must be at least %d.", number.Text('f', -1), lowest)...)
			}
		}
		return diags
	}
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
