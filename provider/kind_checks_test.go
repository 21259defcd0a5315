package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// TestChecks holds each rule against a configuration that breaks it, one that
// does not, and one whose values are not known yet.
func TestChecks(t *testing.T) {
	t.Parallel()
	text := func(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
	on := tftypes.NewValue(tftypes.Bool, true)
	number := func(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }
	object := func(fields map[string]tftypes.Value) tftypes.Value {
		types := map[string]tftypes.Type{}
		for name, value := range fields {
			types[name] = value.Type()
		}
		return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, fields)
	}
	list := func(elements ...string) tftypes.Value {
		var values []tftypes.Value
		for _, s := range elements {
			values = append(values, text(s))
		}
		return tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, values)
	}
	type config = attributes
	tests := map[string]struct {
		check     check
		bad, good config
		severity  diag.Severity
	}{
		"service":        {texts(service, "service"), config{"service": text("x:0")}, config{"service": text("https://x.y:443/")}, diag.SeverityError},
		"service scheme": {texts(service, "service"), config{"service": text("ftp://x")}, config{"service": text("HTTP://x")}, diag.SeverityWarning},
		"service path":   {texts(service, "service"), config{"service": text("x/api")}, config{"service": text("[::1]:80")}, diag.SeverityWarning},
		"hostname":       {texts(hostname, "hostname"), config{"hostname": text("*a*")}, config{"hostname": text("*.example.com")}, diag.SeverityError},
		"hostname URL":   {texts(hostname, "hostname"), config{"hostname": text("https://a")}, config{"hostname": text("a.*")}, diag.SeverityError},
		"hostname regex": {unless("flag", plainHostname, "a"), config{"a": text("*.a")}, config{"a": text("*.a"), "flag": on}, diag.SeverityError},
		"reachable":      {reachable, config{"prefix": text("/")}, config{"hostname": text("*")}, diag.SeverityWarning},
		"rooted":         {rooted, config{"prefix": text("api/")}, config{"prefix": text("/api/")}, diag.SeverityWarning},
		"rooted regex":   {rooted, config{"prefix": text("api/")}, config{"prefix": text("[/]api"), "prefix_regex": on}, diag.SeverityWarning},
		"weight":         {percentage("weight"), config{"weight": number(-1)}, config{"weight": number(100)}, diag.SeverityError},
		"at most one":    {atMostOne("a", "b"), config{"a": on, "b": on}, config{"b": on}, diag.SeverityError},
		"exactly one":    {exactlyOne("a", "b"), config{}, config{"a": on}, diag.SeverityError},
		"needs":          {needs("flag", "a"), config{"a": text("x")}, config{"a": text("x"), "flag": on}, diag.SeverityWarning},
		"overrides":      {overrides("a", "b"), config{"a": on, "b": on}, config{"a": on}, diag.SeverityWarning},
		"redirected":     {overrides("a", "b"), config{"a": on, "b": text("/x")}, config{"b": text("/x")}, diag.SeverityWarning},
		"beside":         {beside("a", "b"), config{"a": text("x"), "b": text("x")}, config{"b": text("x")}, diag.SeverityWarning},
		"regex by flag":  {when("flag", regex, "a"), config{"a": text("("), "flag": on}, config{"a": text("(")}, diag.SeverityError},
		"regex values":   {texts(regex, "a.*"), config{"a": object(config{"x": text("a(2")})}, config{"a": object(config{"x": text("a+")})}, diag.SeverityError},
		"regex pattern":  {texts(regex, "a.pattern"), config{"a": object(config{"pattern": text(`(?<!x)`)})}, config{"a": object(config{"pattern": text("x")})}, diag.SeverityError},
		"empty regex":    {texts(regex, "a"), config{"a": text("")}, config{"a": text(".*")}, diag.SeverityError},
		"no such group": {substitution("a"), config{"a": object(config{"pattern": text("(x)"), "substitution": text(`\2`)})},
			config{"a": object(config{"pattern": text("(x)"), "substitution": text(`\\2\1\0`)})}, diag.SeverityError},
		"backslash": {substitution("a"), config{"a": object(config{"pattern": text("(x)"), "substitution": text(`a\`)})},
			config{"a": object(config{"pattern": text("(x)"), "substitution": text(`$1`)})}, diag.SeverityError},
		"duration":        {texts(duration, "a.b"), config{"a": object(config{"b": text("3")})}, config{"a": object(config{"b": text("0s")})}, diag.SeverityError},
		"period":          {texts(period, "a.*"), config{"a": list("1s", "0s")}, config{"a": list("1s", "1m30s")}, diag.SeverityError},
		"seconds":         {texts(seconds, "a"), config{"a": text("24h")}, config{"a": text("86400")}, diag.SeverityError},
		"header":          {keys(header, "a"), config{"a": object(config{"x y": on})}, config{"a": object(config{":path": on})}, diag.SeverityError},
		"editable header": {keys(editableHeader, "a"), config{"a": object(config{"Host": on})}, config{"a": object(config{"x-host": on})}, diag.SeverityError},
		"priority":        {texts(priority, "a"), config{"a": text("urgent")}, config{"a": text("HIGH")}, diag.SeverityError},
		"upgrade":         {texts(upgrade, "a.*"), config{"a": list("websocket", "CONNECT")}, config{"a": list("spdy/3.1")}, diag.SeverityError},
		"too low":         {notBelow(1, "a", "b"), config{"a": number(1), "b": number(0)}, config{"a": number(1)}, diag.SeverityError},
		"policy no key":   {hashPolicy, config{"load_balancer": object(config{"policy": text("maglev")})}, config{"load_balancer": object(config{"policy": text("maglev"), "header": text("x")})}, diag.SeverityError},
		"policy and key":  {hashPolicy, config{"load_balancer": object(config{"policy": text("round_robin"), "header": text("x")})}, config{"load_balancer": object(config{"policy": text("round_robin")})}, diag.SeverityError},
		"tls versions":    {tlsVersions, config{"min_tls_version": text("v1.3"), "max_tls_version": text("v1.2")}, config{"min_tls_version": text("v1.3")}, diag.SeverityError},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := test.check(test.bad)
			if len(found) == 0 {
				t.Fatalf("%v passes", test.bad)
			}
			if found[0].Severity() != test.severity {
				t.Errorf("severity %s, want %s", found[0].Severity(), test.severity)
			}
			if found := test.check(test.good); len(found) > 0 {
				t.Errorf("%v does not pass: %v", test.good, found)
			}
			unknown := config{}
			for attribute, value := range test.bad {
				unknown[attribute] = tftypes.NewValue(value.Type(), tftypes.UnknownValue)
			}
			if found := test.check(unknown); found.HasError() && name != "exactly one" && name != "at most one" {
				t.Errorf("unknown values do not pass: %v", found)
			}
		})
	}
}

// TestService tells what names no service from what only has parts that Emissary
// ignores.
func TestService(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"quote", "quote:80", "quote.default", "https://quote.default:443/", "HTTP://quote", "10.0.0.1:80", "[::1]:80", "::1", "consul_svc-1"} {
		if found := service(path.Root("service"), good); len(found) > 0 {
			t.Errorf("%q: %v", good, found)
		}
	}
	for bad, want := range map[string]string{
		"": "empty", "quote:0": "port", "quote:99999": "port", "quote:http": "port", "quo te": "characters", "a:b:c": "port is not readable", ":80": "empty",
	} {
		if found := service(path.Root("service"), bad); !found.HasError() || !strings.Contains(found[0].Detail(), want) {
			t.Errorf("%q: %v, want %q", bad, found, want)
		}
	}
	for odd, want := range map[string]string{"ftp://quote": `scheme "ftp"`, "quote/path": "no path", "quote:80?a=b": "no path"} {
		if found := service(path.Root("service"), odd); len(found) != 1 || found.HasError() || !strings.Contains(found[0].Detail(), want) {
			t.Errorf("%q: %v, want a warning with %q", odd, found, want)
		}
	}
}
