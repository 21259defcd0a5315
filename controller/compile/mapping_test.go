package compile

import (
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// routesOnly compiles Mappings beside base and returns the routes of the Host *.
func routesOnly(t *testing.T, mappings ...string) (*Output, []*routev3.Route) {
	t.Helper()
	objects, options := parse(t, base+strings.Join(mappings, ""))
	output := Compile(objects, options)
	return output, output.Routes[0].VirtualHosts[0].Routes
}

// TestAuthorityHeaderIsHostname has what Emissary takes for one and the same.
func TestAuthorityHeaderIsHostname(t *testing.T) {
	t.Parallel()
	output, routes := routesOnly(t,
		mappingYAML("a", "{hostname: a.example.com, prefix: /, service: a}"),
		mappingYAML("b", "{headers: {':Authority': A.example.com}, prefix: /, service: b}"),
		mappingYAML("c", "{headers: {':authority': a.example.com, x: v}, prefix: /c/, service: c}"),
		mappingYAML("d", "{headers: {':authority': a.example.com}, hostname: '*', prefix: /d/, service: d}"),
		mappingYAML("e", "{headers: {':authority': '*.example.com'}, prefix: /e/, service: e}"),
		mappingYAML("f", "{host: '*', prefix: /f/, service: f}"),
	)
	want := []string{"c", "d", "a", "b"}
	if got := routeNames(output, "cleartext", "*"); !slices.Equal(got, want) {
		t.Fatalf("routes are %q, want %q: a and b share requests", got, want)
	}
	if share := routes[2].Match.GetRuntimeFraction().GetDefaultValue().GetNumerator(); share != 50 {
		t.Errorf("a takes %d %%, want 50: b matches the same requests", share)
	}
	if header := routes[0].Match.Headers; len(header) != 2 || header[0].Name != "x" || header[1].Name != ":authority" {
		t.Errorf("c asks for %v, want x and then :authority", header)
	}
	if headers := routes[1].Match.Headers; len(headers) > 0 {
		t.Errorf("d asks for %v: hostname overrides :authority", headers)
	}
	expectProblem(t, output, "Mapping", "e", "Accepted", "use hostname")
	expectProblem(t, output, "Mapping", "f", "Accepted", "use hostname")
}
