package compile

import (
	"slices"
	"strings"
	"testing"
)

// TestKindOfMatchParts has Mappings that ask for the same texts, one of them for an expression.
func TestKindOfMatchParts(t *testing.T) {
	t.Parallel()
	output, _ := routesOnly(t,
		mappingYAML("a", "{hostname: '*', prefix: /m/, method: GET, service: s}"),
		mappingYAML("b", "{hostname: '*', prefix: /m/, method: GET, method_regex: true, service: s}"),
		mappingYAML("c", "{hostname: '*', prefix: /h/, regex_headers: {x: v}, service: s}"),
		mappingYAML("d", "{hostname: '*', prefix: /h/, headers: {x: v}, service: s}"),
	)
	if got, want := routeNames(output, "cleartext", "*"), []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("routes are %q, want %q", got, want)
	}
	expectProblem(t, output, "Mapping", "b", "Accepted", "as an expression")
	expectProblem(t, output, "Mapping", "d", "Accepted", "as an expression")
}

// TestExpressionsPartByLabels has Mappings for the hosts of one expression: each Host takes those it selects.
func TestExpressionsPartByLabels(t *testing.T) {
	t.Parallel()
	labeled := func(name string) string {
		return strings.Replace(mappingYAML(name, "{host: 'a|b', host_regex: true, prefix: /, service: s}"), "namespace:", "labels: {of: "+name+"}, namespace:", 1)
	}
	hosts := ""
	for _, name := range []string{"a", "b"} {
		hosts += "---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: " + name + ", namespace: default}\nspec: {hostname: " + name +
			", mappingSelector: {matchLabels: {of: " + name + "}}}\n"
	}
	objects, options := parse(t, base+hosts+labeled("a")+labeled("b"))
	output := Compile(objects, options)
	for _, name := range []string{"a", "b"} {
		if got := routeNames(output, "cleartext", name); !slices.Equal(got, []string{name}) {
			t.Errorf("Host %s has the routes %q, want its own", name, got)
		}
	}
}

// TestLastMappingDecidesOnRegexRewrite is what Emissary does with the settings of a group.
func TestLastMappingDecidesOnRegexRewrite(t *testing.T) {
	t.Parallel()
	const rewrites = ", regex_rewrite: {pattern: a, substitution: b}}"
	_, routes := routesOnly(t,
		mappingYAML("a", "{hostname: '*', prefix: /1/, service: a"+rewrites),
		mappingYAML("b", "{hostname: '*', prefix: /1/, service: b}"),
		mappingYAML("c", "{hostname: '*', prefix: /0/, service: c}"),
		mappingYAML("d", "{hostname: '*', prefix: /0/, service: d"+rewrites),
	)
	type rewrite struct {
		prefix string
		regex  bool
	}
	var got []rewrite
	for _, route := range routes {
		got = append(got, rewrite{route.GetRoute().GetPrefixRewrite(), route.GetRoute().GetRegexRewrite() != nil})
	}
	if want := []rewrite{{"", false}, {"/", false}, {"", true}, {"", true}}; !slices.Equal(got, want) {
		t.Errorf("rewrites are %v, want %v", got, want)
	}
}

// TestDefaultHeadersUnite has a default for what only one Mapping of a group says itself.
func TestDefaultHeadersUnite(t *testing.T) {
	t.Parallel()
	objects, options := parse(t, strings.Replace(base, "{config: {", "{config: {defaults: {add_request_headers: {x-default: 'yes'}}, ", 1)+
		mappingYAML("a", "{hostname: '*', prefix: /, service: a, add_request_headers: {x-own: {value: 'yes'}}}")+
		mappingYAML("b", "{hostname: '*', prefix: /, service: b}"))
	for _, route := range Compile(objects, options).Routes[0].VirtualHosts[0].Routes {
		if added := route.RequestHeadersToAdd; len(added) != 2 || added[0].Header.Key != "x-default" || added[1].Header.Key != "x-own" {
			t.Errorf("%s adds %v, want x-default and x-own", route.Name, added)
		}
	}
}
