package compile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// base is a Listener and a Host that serve everything without regard to HTTPS, without the controller's own pages.
const base = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http, namespace: default}
spec: {port: 8080, protocol: HTTP, securityModel: SECURE, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: all, namespace: default}
spec: {hostname: '*'}
---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador, namespace: default}
spec: {config: {diagnostics: {enabled: false}, liveness_probe: {enabled: false}, readiness_probe: {enabled: false}}}
`

// mappingYAML is a Mapping manifest; spec is in flow style.
func mappingYAML(name, spec string) string {
	return fmt.Sprintf("---\napiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: %s, namespace: default}\nspec: %s\n", name, spec)
}

// routeNames lists the Mappings whose routes a virtual host has, in order.
func routeNames(output *Output, configuration, hostname string) (names []string) {
	for _, config := range output.Routes {
		for _, virtual := range config.VirtualHosts {
			if strings.HasSuffix(config.Name, configuration) && virtual.Name == hostname {
				for _, route := range virtual.Routes {
					names = append(names, strings.TrimPrefix(route.Name, "default/"))
				}
			}
		}
	}
	return names
}

func TestRouteOrder(t *testing.T) {
	t.Parallel()
	specs := map[string]string{
		"root":       "{hostname: '*', prefix: /, service: s}",
		"foo":        "{hostname: '*', prefix: /foo/, service: s}",
		"foobar":     "{hostname: '*', prefix: /foo/bar/, service: s}",
		"method":     "{hostname: '*', prefix: /foo/, method: GET, service: s}",
		"header":     "{hostname: '*', prefix: /foo/, headers: {x-a: b}, service: s}",
		"headers":    "{hostname: '*', prefix: /foo/, headers: {x-a: b, x-c: d}, service: s}",
		"query":      "{hostname: '*', prefix: /foo/, query_parameters: {q: v}, service: s}",
		"regex":      "{hostname: '*', prefix: '/fo.*/', prefix_regex: true, service: s}",
		"precedence": "{hostname: '*', prefix: /z, precedence: 5, service: s}",
		"last":       "{hostname: '*', prefix: /foo/bar/baz/, precedence: -1, service: s}",
		"tie":        "{hostname: '*', prefix: /fop/, service: s}",
		"host":       "{hostname: www.example.com, prefix: /foo/, service: s}",
	}
	manifests := base
	for name, spec := range specs {
		manifests += mappingYAML(name, spec)
	}
	want := []string{"precedence", "foobar", "regex", "host", "method", "headers", "header", "query", "tie", "foo", "root", "last"}
	objects, options := parse(t, manifests)
	if got := routeNames(Compile(objects, options), "cleartext", "*"); !slices.Equal(got, want) {
		t.Errorf("order is\n%q, want\n%q", got, want)
	}
}

func TestGroupsShareRequests(t *testing.T) {
	t.Parallel()
	objects, options := parse(t, base+
		mappingYAML("a", "{hostname: '*', prefix: /c/, service: a}")+
		mappingYAML("b", "{hostname: '*', prefix: /c/, service: b, weight: 10}")+
		mappingYAML("c", "{hostname: '*', prefix: /c/, service: c, weight: 25}")+
		mappingYAML("d", "{hostname: '*', prefix: /c/, service: d}")+
		mappingYAML("e", "{hostname: '*', prefix: /c/, service: e, prefix_exact: true}")+
		mappingYAML("f", "{hostname: '*', prefix: /c/, service: f, weight: 101}")+
		mappingYAML("g", "{hostname: '*', prefix: /c/, service: g, host_redirect: true}"))
	output := Compile(objects, options)
	want := []string{"b", "c", "a", "d"}
	if got := routeNames(output, "cleartext", "*"); !slices.Equal(got, want) {
		t.Errorf("members are tried in the order %q, want %q", got, want)
	}
	shares := []uint32{}
	for _, route := range output.Routes[0].VirtualHosts[0].Routes {
		shares = append(shares, route.Match.GetRuntimeFraction().GetDefaultValue().GetNumerator())
	}
	if !slices.Equal(shares, []uint32{10, 35, 67, 0}) {
		t.Errorf("cumulative shares are %v, want 10, 35, 67 and no limit", shares)
	}
	for _, name := range []string{"e", "f", "g"} {
		expectProblem(t, output, "Mapping", name, "Accepted", "")
	}
}
