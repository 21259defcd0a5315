package provider

import (
	"fmt"
	"net"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/net/http/httpguts"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
)

// textRule checks one text of a configuration.
type textRule func(at path.Path, text string) diag.Diagnostics

// texts applies a rule to the texts at a place: attribute names with dots
// between, and * for the elements of a list or map.
func texts(rule textRule, place string) check {
	name, below, _ := strings.Cut(place, ".")
	var steps []string
	if below != "" {
		steps = strings.Split(below, ".")
	}
	return func(c attributes) diag.Diagnostics {
		return applyAt(rule, c[name], path.Root(name), steps)
	}
}

func applyAt(rule textRule, value tftypes.Value, at path.Path, steps []string) (diags diag.Diagnostics) {
	if value.IsNull() || !value.IsKnown() {
		return nil
	}
	if len(steps) == 0 {
		var text string
		if value.As(&text) == nil {
			return rule(at, text)
		}
		return nil
	}
	var elements []tftypes.Value
	if value.As(&elements) == nil {
		for i, element := range elements {
			diags.Append(applyAt(rule, element, at.AtListIndex(i), steps[1:])...)
		}
		return diags
	}
	members := attributesOf(value)
	if steps[0] != "*" {
		return applyAt(rule, members[steps[0]], at.AtName(steps[0]), steps[1:])
	}
	for _, key := range sortedKeys(members) {
		diags.Append(applyAt(rule, members[key], at.AtMapKey(key), steps[1:])...)
	}
	return diags
}

// keys applies a rule to the keys of a map.
func keys(rule textRule, attribute string) check {
	return func(c attributes) (diags diag.Diagnostics) {
		for _, key := range sortedKeys(c.members(attribute)) {
			diags.Append(rule(path.Root(attribute).AtMapKey(key), key)...)
		}
		return diags
	}
}

// when applies a rule to an attribute only while a flag is on.
func when(flag string, rule textRule, attribute string) check {
	return func(c attributes) diag.Diagnostics {
		if !c.flag(flag) {
			return nil
		}
		return texts(rule, attribute)(c)
	}
}

// unless applies a rule to an attribute only while a flag is known to be off.
func unless(flag string, rule textRule, attribute string) check {
	return func(c attributes) diag.Diagnostics {
		if c.flag(flag) || c.isSet(flag) && !c[flag].IsKnown() {
			return nil
		}
		return texts(rule, attribute)(c)
	}
}

// service checks [scheme://]host[:port], which names an upstream service. What
// Emissary takes and ignores is a warning.
func service(at path.Path, text string) diag.Diagnostics {
	const write = "Write [http:// or https://]name[.namespace][:port]."
	var diags diag.Diagnostics
	ignored := func(format string, args ...any) {
		diags.AddAttributeWarning(at, "Part of "+at.String()+" has no effect", fmt.Sprintf("%s is %q: ", at, text)+fmt.Sprintf(format, args...)+" "+write)
	}
	host := text
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		if lower := strings.ToLower(scheme); lower != "http" && lower != "https" {
			ignored("the scheme %q is not known and means nothing.", scheme)
		}
		host = rest
	}
	if i := strings.IndexAny(host, "/?#"); i >= 0 {
		if host[i:] != "/" {
			ignored("a service has no path; use rewrite to change the path that is sent.")
		}
		host = host[:i]
	}
	if problem := checkHostPort(host); problem != "" {
		return failAt(at, "is %q: %s. %s", text, problem, write)
	}
	return diags
}

func checkHostPort(text string) (problem string) {
	if strings.ContainsFunc(text, notInHost) {
		return "it has characters that no host name has"
	}
	host, port, err := net.SplitHostPort(text)
	switch {
	case err != nil && strings.Contains(text, ":") && net.ParseIP(strings.Trim(text, "[]")) == nil:
		return "the port is not readable"
	case err != nil:
		host = text
	default:
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return fmt.Sprintf("the port %q must be from 1 to 65535", port)
		}
	}
	if host == "" {
		return "the host name is empty"
	}
	return ""
}

// notInHost tells characters that no host name, address or port has.
func notInHost(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("-_.:[]", r)
}

// hostname checks that a * stands alone, at the start or at the end: anywhere
// else it matches nothing.
func hostname(at path.Path, text string) diag.Diagnostics {
	open, closed := strings.HasPrefix(text, "*"), strings.HasSuffix(text, "*")
	switch inner := strings.TrimSuffix(strings.TrimPrefix(text, "*"), "*"); {
	case text == "*":
		return nil
	case open && closed, strings.Contains(inner, "*"):
		return failAt(at, "is %q; a * is allowed alone, at the start or at the end.", text)
	case strings.ContainsAny(inner, " \t/?#@"):
		return failAt(at, "is %q; it must be a host name such as www.example.com, without scheme or path.", text)
	}
	return nil
}

// plainHostname refuses a glob, too: Emissary takes the star of the deprecated host
// for an ordinary character, which no host name has.
func plainHostname(at path.Path, text string) diag.Diagnostics {
	if strings.Contains(text, "*") {
		return failAt(at, "is %q, and is matched as it is; write globs in hostname.", text)
	}
	return hostname(at, text)
}

// regex refuses what Envoy's engine, RE2, does. Go's syntax is RE2's.
func regex(at path.Path, text string) diag.Diagnostics {
	if text == "" {
		return failAt(at, "is empty; write .* to match anything.")
	}
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return failAt(at, "is %q, which is no RE2 regular expression: %s. RE2 has no look-around and no back-references.", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

// substitution checks the groups that a substitution refers to: Envoy refuses one
// that its pattern does not have.
func substitution(attribute string) check {
	return func(c attributes) diag.Diagnostics {
		fields := attributes(c.members(attribute))
		pattern, ok1 := fields.text("pattern")
		text, ok2 := fields.text("substitution")
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if !ok1 || !ok2 || err != nil {
			return nil
		}
		at := path.Root(attribute).AtName("substitution")
		for i := 0; i < len(text); i++ {
			if text[i] != '\\' {
				continue
			}
			i++
			switch {
			case i < len(text) && text[i] == '\\':
			case i == len(text) || text[i] < '0' || text[i] > '9':
				return failAt(at, `is %q; a backslash must start a group from \0 to \9, or be doubled.`, text)
			case int(text[i]-'0') > parsed.MaxCap():
				return failAt(at, "is %q and refers to the group %c; the pattern %q has %d.", text, text[i], pattern, parsed.MaxCap())
			}
		}
		return nil
	}
}

// duration checks a span of time that may be zero, period one that may not.
func duration(at path.Path, text string) diag.Diagnostics {
	if d, err := time.ParseDuration(text); text != "" && (err != nil || d < 0) {
		return failAt(at, "is %q; it must be a duration such as 3s or 250ms.", text)
	}
	return nil
}

func period(at path.Path, text string) diag.Diagnostics {
	if d, err := time.ParseDuration(text); text != "" && (err != nil || d <= 0) {
		return failAt(at, "is %q; it must be a duration above zero such as 3s or 250ms.", text)
	}
	return nil
}

// seconds checks a number of seconds that is written as text.
func seconds(at path.Path, text string) diag.Diagnostics {
	if _, err := strconv.ParseUint(text, 10, 32); text != "" && err != nil {
		return failAt(at, "is %q; it must be a number of seconds such as 86400, without a unit.", text)
	}
	return nil
}

// header checks the name of a header that is matched; pseudo-headers can be.
func header(at path.Path, name string) diag.Diagnostics {
	if !httpguts.ValidHeaderFieldName(strings.TrimPrefix(name, ":")) {
		return failAt(at, "is about %q, which is no name of a header; use letters, digits and -_.", name)
	}
	return nil
}

// editableHeader checks the name of a header that is added or removed. Envoy does
// neither to the host and to pseudo-headers.
func editableHeader(at path.Path, name string) diag.Diagnostics {
	if strings.HasPrefix(name, ":") || strings.EqualFold(name, "host") {
		return failAt(at, "is about %q, which cannot be changed as a header; use host_rewrite for the host and rewrite for the path.", name)
	}
	return header(at, name)
}

// priority is one of Envoy's two.
func priority(at path.Path, text string) diag.Diagnostics {
	if text != "" && !strings.EqualFold(text, "default") && !strings.EqualFold(text, "high") {
		return failAt(at, "is %q; it must be default or high.", text)
	}
	return nil
}

// upgrade is a protocol that a request may change to.
func upgrade(at path.Path, protocol string) diag.Diagnostics {
	switch {
	case protocol == "":
		return failAt(at, "is empty; name a protocol such as websocket.")
	case strings.EqualFold(protocol, "connect"):
		return failAt(at, "is %q, which is no upgrade that can be routed; use an emissary_tcp_mapping.", protocol)
	}
	return nil
}

// metadataChecks are those of every kind: what the API server would refuse.
var metadataChecks = []check{
	texts(standard(func(name string) []string { return apivalidation.NameIsDNSSubdomain(name, false) }), "name"),
	texts(standard(func(name string) []string { return apivalidation.ValidateNamespaceName(name, false) }), "namespace"),
	keys(standard(validation.IsQualifiedName), "labels"),
	texts(standard(validation.IsValidLabelValue), "labels.*"),
	keys(standard(func(key string) []string { return validation.IsQualifiedName(strings.ToLower(key)) }), "annotations"),
}

// standard makes a rule of a check of Kubernetes.
func standard(problems func(string) []string) textRule {
	return func(at path.Path, text string) diag.Diagnostics {
		if found := problems(text); len(found) > 0 {
			return failAt(at, "is %q; %s.", text, strings.Join(found, "; "))
		}
		return nil
	}
}
