package compile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"terraform-provider-emissary/controller/store"
)

// expectProblem fails the test unless an object of namespace default has an error about a condition that mentions text.
func expectProblem(t *testing.T, output *Output, kind, name, condition, text string) {
	t.Helper()
	report := output.Reports[store.Ref{Kind: kind, Namespace: "default", Name: name}]
	if report == nil {
		t.Fatalf("%s %s has no report", kind, name)
	}
	for _, problem := range report.Problems {
		if problem.Condition == condition && problem.Severity == Error && strings.Contains(problem.Message, text) {
			return
		}
	}
	t.Errorf("%s %s: no error about %s mentions %q in %+v", kind, name, condition, text, report.Problems)
}

// TestPoisonCostsOnlyItself adds one bad Mapping after the other to a working configuration. What Envoy gets must stay
// the same to the byte, and the Mapping must say which field is wrong.
func TestPoisonCostsOnlyItself(t *testing.T) {
	t.Parallel()
	good := base + mappingYAML("good", "{hostname: '*', prefix: /good/, service: quote}")
	tests := map[string]struct{ spec, field string }{
		"regex":             {"{hostname: '*', prefix: '/a(', prefix_regex: true, service: s}", "prefix"},
		"regex too large":   {"{hostname: '*', prefix: '(a{100}){100}', prefix_regex: true, service: s}", "prefix"},
		"header regex":      {"{hostname: '*', prefix: /, regex_headers: {x: '['}, service: s}", "regex_headers.x"},
		"query regex":       {"{hostname: '*', prefix: /, regex_query_parameters: {x: '['}, service: s}", "regex_query_parameters.x"},
		"method regex":      {"{hostname: '*', prefix: /, method: '(', method_regex: true, service: s}", "method"},
		"host regex":        {"{host: '(', host_regex: true, prefix: /, service: s}", "host"},
		"unicode class":     {`{hostname: '*', prefix: '/\p{Letter}', prefix_regex: true, service: s}`, `no Unicode class \p{Letter}`},
		"beyond Latin-1":    {`{hostname: '*', prefix: /, regex_headers: {x: '\x{100}'}, service: s}`, "regex_headers.x"},
		"byte range":        {`{hostname: '*', prefix: /, regex_rewrite: {pattern: '[\xe0-é]'}, service: s}`, "regex_rewrite.pattern"},
		"no prefix":         {"{hostname: '*', prefix: '', service: s}", "prefix"},
		"no service":        {"{hostname: '*', prefix: /, service: ''}", "service"},
		"port":              {"{hostname: '*', prefix: /, service: 's:99999'}", "port"},
		"header name":       {"{hostname: '*', prefix: /, headers: {'x y': a}, service: s}", "headers"},
		"header value":      {`{hostname: '*', prefix: /, headers: {x: "a\nb"}, service: s}`, "headers.x"},
		"hostname":          {"{hostname: 'a b', prefix: /, service: s}", "hostname"},
		"added pseudo":      {"{hostname: '*', prefix: /, add_request_headers: {':path': {value: /}}, service: s}", "add_request_headers"},
		"added host":        {"{hostname: '*', prefix: /, add_request_headers: {Host: {value: a}}, service: s}", "add_request_headers"},
		"template command":  {"{hostname: '*', prefix: /, add_request_headers: {x: {value: '%NOPE%'}}, service: s}", "add_request_headers.x"},
		"lone percent":      {"{hostname: '*', prefix: /, add_response_headers: {x: {value: '100%'}}, service: s}", "add_response_headers.x"},
		"missing argument":  {"{hostname: '*', prefix: /, add_response_headers: {x: {value: '%REQ%'}}, service: s}", "add_response_headers.x"},
		"extra argument":    {"{hostname: '*', prefix: /, add_request_headers: {x: {value: '%PROTOCOL(x)%'}}, service: s}", "add_request_headers.x"},
		"two alternatives":  {"{hostname: '*', prefix: /, add_request_headers: {x: {value: '%REQ(a?b?c)%'}}, service: s}", "add_request_headers.x"},
		"cut protocol":      {"{hostname: '*', prefix: /, add_request_headers: {x: {value: '%PROTOCOL:3%'}}, service: s}", "add_request_headers.x"},
		"long header":       {"{hostname: '*', prefix: /, add_request_headers: {x: {value: " + strings.Repeat("a", 16385) + "}}, service: s}", "16384 are allowed"},
		"long header name":  {"{hostname: '*', prefix: /, remove_response_headers: [" + strings.Repeat("a", 16385) + "], service: s}", "16384 are allowed"},
		"long host":         {"{hostname: '*', prefix: /, host_rewrite: " + strings.Repeat("a", 256) + ", service: s}", "host_rewrite"},
		"long service":      {"{hostname: '*', prefix: /, service: " + strings.Repeat("a", 256) + "}", "255 are allowed"},
		"gRPC check":        {"{hostname: '*', prefix: /, resolver: endpoint, health_checks: [{health_check: {grpc: {upstream_name: s}}}], service: s}", "grpc: true"},
		"gRPC newline":      {`{hostname: '*', prefix: /, grpc: true, resolver: endpoint, health_checks: [{health_check: {grpc: {upstream_name: "a\nb"}}}], service: s}`, "upstream_name"},
		"removed host":      {"{hostname: '*', prefix: /, remove_request_headers: [host], service: s}", "remove_request_headers"},
		"priority":          {"{hostname: '*', prefix: /, priority: urgent, service: s}", "priority"},
		"negative timeout":  {"{hostname: '*', prefix: /, timeout_ms: -1, service: s}", "timeout_ms"},
		"zero connect":      {"{hostname: '*', prefix: /, connect_timeout_ms: 0, service: s}", "connect_timeout_ms"},
		"retry_on":          {"{hostname: '*', prefix: /, retry_policy: {num_retries: 3}, service: s}", "retry_policy.retry_on"},
		"per_try_timeout":   {"{hostname: '*', prefix: /, retry_policy: {retry_on: 5xx, per_try_timeout: soon}, service: s}", "per_try_timeout"},
		"redirect code":     {"{hostname: '*', prefix: /, host_redirect: true, redirect_response_code: 200, service: s}", "redirect_response_code"},
		"rewrite group":     {`{hostname: '*', prefix: /, regex_rewrite: {pattern: 'a', substitution: '\1'}, service: s}`, "regex_rewrite.substitution"},
		"rewrite newline":   {`{hostname: '*', prefix: /, rewrite: "/\r\n", service: s}`, "rewrite"},
		"balancing key":     {"{hostname: '*', prefix: /, resolver: endpoint, load_balancer: {policy: ring_hash}, service: s}", "load_balancer"},
		"balancing service": {"{hostname: '*', prefix: /, load_balancer: {policy: round_robin}, service: s}", "load_balancer"},
		"breaker":           {"{hostname: '*', prefix: /, circuit_breakers: [{max_requests: -1}], service: s}", "circuit_breakers[0].max_requests"},
		"cors max_age":      {"{hostname: '*', prefix: /, cors: {max_age: long}, service: s}", "cors.max_age"},
		"upgrade":           {"{hostname: '*', prefix: /, allow_upgrade: [CONNECT], service: s}", "allow_upgrade"},
		"health check":      {"{hostname: '*', prefix: /, resolver: endpoint, health_checks: [{health_check: {}}], service: s}", "health_checks[0]"},
		"labels":            {"{hostname: '*', prefix: /, labels: {ambassador: [{g: [{}]}]}, service: s}", "labels.ambassador.g"},
	}
	objects, options := parse(t, good)
	want := Compile(objects, options)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, good+mappingYAML("poison", test.spec))
			got := Compile(objects, options)
			if diff := cmp.Diff(messages(want), messages(got), protocmp.Transform()); diff != "" {
				t.Errorf("the configuration changed:\n%s", diff)
			}
			expectProblem(t, got, "Mapping", "poison", "Accepted", test.field)
		})
	}
}

// TestFailClosed compiles what asks for protection that cannot be had.
func TestFailClosed(t *testing.T) {
	t.Parallel()
	const listener = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http, namespace: default}
spec: {port: 8080, protocol: HTTPS, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador, namespace: default}
spec: {config: {diagnostics: {enabled: false}, liveness_probe: {enabled: false}, readiness_probe: {enabled: false}}}
---
`
	mapping := mappingYAML("m", "{hostname: '*', prefix: /, service: quote}")
	host := func(spec string) string {
		return "apiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h, namespace: default}\nspec: " + spec + "\n"
	}
	tests := map[string]struct{ host, condition, text string }{
		"missing secret, Route":    {"{hostname: a.example.com, tlsSecret: {name: none}, requestPolicy: {insecure: {action: Route}}}", "ResolvedRefs", "default/none not found"},
		"missing secret, Redirect": {"{hostname: a.example.com, tlsSecret: {name: none}}", "Programmed", "cleartext does not take its place"},
		"missing context":          {"{hostname: a.example.com, tlsSecret: {name: none}, tlsContext: {name: nope}, requestPolicy: {insecure: {action: Route}}}", "ResolvedRefs", "TLSContext nope not found"},
		"two sources of settings":  {"{hostname: a.example.com, tlsSecret: {name: none}, tlsContext: {name: nope}, tls: {sni: x}, requestPolicy: {insecure: {action: Route}}}", "Accepted", "exclude each other"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, listener+host(test.host)+mapping)
			output := Compile(objects, options)
			for _, config := range output.Routes {
				for _, virtual := range config.VirtualHosts {
					for _, route := range virtual.Routes {
						if route.GetRoute() != nil {
							t.Errorf("%s serves %s on %s", config.Name, route.Name, virtual.Name)
						}
					}
				}
			}
			for _, l := range output.Listeners {
				for _, chain := range l.FilterChains {
					if chain.TransportSocket != nil {
						t.Errorf("listener %s terminates TLS in chain %s", l.Name, chain.Name)
					}
				}
			}
			expectProblem(t, output, "Host", "h", test.condition, test.text)
		})
	}
}

func TestUpstreamTLSIsNeverDropped(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"quote", "https://quote", "http://quote"} {
		objects, options := parse(t, base+mappingYAML("m", "{hostname: '*', prefix: /, service: '"+service+"', tls: nope}"))
		output := Compile(objects, options)
		route := output.Routes[0].VirtualHosts[0].Routes[0]
		if route.GetDirectResponse().GetStatus() != 503 || len(output.Clusters) != 0 {
			t.Errorf("service %s: route is %v with %d clusters, want 503 and none", service, route, len(output.Clusters))
		}
		expectProblem(t, output, "Mapping", "m", "ResolvedRefs", "TLSContext nope not found")
	}
}

func TestBrokenAuthServiceDenies(t *testing.T) {
	t.Parallel()
	auth := func(spec string) string {
		return base + mappingYAML("m", "{hostname: '*', prefix: /, service: quote}") +
			"---\napiVersion: getambassador.io/v3alpha1\nkind: AuthService\nmetadata: {name: auth, namespace: default}\nspec: " + spec + "\n"
	}
	tests := map[string]struct {
		spec      string
		filter    string
		condition string // that is false
	}{
		"good":            {"{auth_service: auth, proto: http}", filterExtAuthz, ""},
		"grpc":            {"{auth_service: auth, proto: grpc, protocol_version: v3}", filterExtAuthz, ""},
		"grpc without v3": {"{auth_service: auth, proto: grpc}", filterDeny, "Accepted"},
		// Nothing is wrong with the object: the context may come a moment later.
		"missing context":   {"{auth_service: auth, tls: nope}", filterDeny, "ResolvedRefs"},
		"bad port":          {"{auth_service: 'auth:x'}", filterDeny, "Accepted"},
		"bad header":        {"{auth_service: auth, allowed_request_headers: ['a b']}", filterDeny, "Accepted"},
		"no service at all": {"{auth_service: ''}", "", "Accepted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, auth(test.spec))
			output := Compile(objects, options)
			manager := connectionManagerOf(t, output.Listeners[0].FilterChains[0])
			var got string
			for _, filter := range manager.HttpFilters {
				if filter.Name == filterExtAuthz || filter.Name == filterDeny {
					got = filter.Name
				}
			}
			if got != test.filter {
				t.Errorf("filter is %q, want %q", got, test.filter)
			}
			if test.condition != "" {
				expectProblem(t, output, "AuthService", "auth", test.condition, "")
			}
		})
	}
}
