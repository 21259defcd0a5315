package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
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
	type config = attributes
	tests := map[string]struct {
		check     check
		bad, good config
		severity  diag.Severity
	}{
		"service":        {serviceString("service"), config{"service": text("ftp://x")}, config{"service": text("https://x.y:443")}, diag.SeverityError},
		"hostname":       {hostnameGlob, config{"hostname": text("*a*")}, config{"hostname": text("*.example.com")}, diag.SeverityError},
		"hostname URL":   {hostnameGlob, config{"hostname": text("https://a")}, config{"hostname": text("a.*")}, diag.SeverityError},
		"reachable":      {reachable, config{"prefix": text("/")}, config{"hostname": text("*")}, diag.SeverityWarning},
		"weight":         {percentage("weight"), config{"weight": number(-1)}, config{"weight": number(100)}, diag.SeverityError},
		"at most one":    {atMostOne("a", "b"), config{"a": on, "b": on}, config{"b": on}, diag.SeverityError},
		"exactly one":    {exactlyOne("a", "b"), config{}, config{"a": on}, diag.SeverityError},
		"needs":          {needs("flag", "a"), config{"a": text("x")}, config{"a": text("x"), "flag": on}, diag.SeverityWarning},
		"overrides":      {overrides("a", "b"), config{"a": on, "b": on}, config{"a": on}, diag.SeverityWarning},
		"regex by flag":  {regexWhen("a", "flag"), config{"a": text("("), "flag": on}, config{"a": text("(")}, diag.SeverityError},
		"regex values":   {regexValues("a"), config{"a": object(config{"x": text("a(2")})}, config{"a": object(config{"x": text("a+")})}, diag.SeverityError},
		"regex pattern":  {regexPattern("a"), config{"a": object(config{"pattern": text(`(?<!x)`)})}, config{"a": object(config{"pattern": text("x")})}, diag.SeverityError},
		"policy no key":  {hashPolicy, config{"load_balancer": object(config{"policy": text("maglev")})}, config{"load_balancer": object(config{"policy": text("maglev"), "header": text("x")})}, diag.SeverityError},
		"policy and key": {hashPolicy, config{"load_balancer": object(config{"policy": text("round_robin"), "header": text("x")})}, config{"load_balancer": object(config{"policy": text("round_robin")})}, diag.SeverityError},
		"tls versions":   {tlsVersions, config{"min_tls_version": text("v1.3"), "max_tls_version": text("v1.2")}, config{"min_tls_version": text("v1.3")}, diag.SeverityError},
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
