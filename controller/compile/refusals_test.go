package compile

import (
	"fmt"
	"strings"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// TestPoisonOfEveryKind compiles objects with one value that Envoy refuses each. They must say which it is.
func TestPoisonOfEveryKind(t *testing.T) {
	t.Parallel()
	module := func(config string) string { return "{config: {" + config + "}}" }
	tests := map[string]struct{ kind, spec, says string }{
		"body size":          {"Module", module("buffer: {max_request_bytes: 4294967296}"), "config.buffer: max_request_bytes: 4294967296"},
		"no body size":       {"Module", module("buffer: {max_request_time: 5}"), "max_request_bytes is required"},
		"gRPC service":       {"Module", module("grpc_stats: {services: [{name: a}]}"), "config.grpc_stats: services"},
		"label header":       {"Module", module("default_labels: {d: {defaults: [{request_headers: {key: k, header_name: 'a b'}}]}}"), "d.defaults.request_headers.header_name"},
		"label value":        {"Module", module("default_labels: {d: {defaults: [{generic_key: {key: k}}]}}"), "d.defaults.generic_key.value is required"},
		"page":               {"Module", module(`diagnostics: {enabled: true, rewrite: "/a\nb"}`), "config.diagnostics: rewrite"},
		"log command":        {"Module", module("envoy_log_format: '%RESPONSE_CODE(x)%'"), "%RESPONSE_CODE% takes no argument"},
		"log line":           {"Module", module(`envoy_log_format: "%START_TIME(\n)%"`), "starts no %COMMAND%"},
		"auth body":          {"AuthService", "{auth_service: a, include_body: {max_bytes: 4294967296}}", "include_body.max_bytes: 4294967296"},
		"auth status":        {"AuthService", "{auth_service: a, status_on_error: {code: 4294967496}}", "status_on_error.code: 4294967496"},
		"auth host":          {"AuthService", "{auth_service: a, add_auth_headers: {host: b}}", "add_auth_headers: \"host\" cannot be changed"},
		"auth template":      {"AuthService", "{auth_service: a, add_auth_headers: {x: '%REQ%'}}", "%REQ% needs an argument"},
		"literal tag":        {"TracingService", "{driver: zipkin, service: a, custom_tags: [{tag: t, literal: {value: ''}}]}", "literal.value"},
		"environment tag":    {"TracingService", "{driver: zipkin, service: a, custom_tags: [{tag: t, environment: {name: ''}}]}", "environment.name"},
		"server name":        {"TLSContext", "{sni: " + strings.Repeat("a", 256) + "}", "sni"},
		"address with zone":  {"TCPMapping", "{port: 6000, service: a, address: 'fe80::1%eth0'}", "address"},
		"Envoy's own port":   {"TCPMapping", "{port: 8001, service: a}", "admin port"},
		"controller's port":  {"Listener", "{port: 8877, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}", "probes and diagnostics"},
		"streams":            {"Listener", "{port: 80, protocol: HTTP, securityModel: XFP, http2MaxConcurrentStreams: 0, hostBinding: {namespace: {from: ALL}}}", "http2MaxConcurrentStreams"},
		"no log service":     {"LogService", "{driver: http, protocol_version: v3, service: ':80'}", "the host is empty"},
		"rate limit service": {"RateLimitService", "{protocol_version: v3, service: 'a b'}", "service \"a b\""},
		"star in a host":     {"Mapping", "{prefix: /, service: a, host: '*.a.example'}", "use hostname"},
		"star in :authority": {"Mapping", "{prefix: /, service: a, hostname: a, headers: {':Authority': 'a*'}}", ":authority is \"a*\""},
		"star in the middle": {"Host", "{hostname: 'a*b'}", "hostname"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := "ambassador"
			objects, options := parse(t, fmt.Sprintf("apiVersion: getambassador.io/v3alpha1\nkind: %s\nmetadata: {name: %s, namespace: default}\nspec: %s\n",
				test.kind, object, test.spec))
			expectProblem(t, Compile(objects, options), test.kind, object, "Accepted", test.says)
		})
	}
}

// TestSpellingsOfOneAddressAreOneListener has two TCPMappings for one socket: Envoy refuses a second listener there.
func TestSpellingsOfOneAddressAreOneListener(t *testing.T) {
	t.Parallel()
	objects, options := parse(t, `
apiVersion: getambassador.io/v3alpha1
kind: TCPMapping
metadata: {name: a, namespace: default}
spec: {port: 6000, service: a, address: '::1'}
---
apiVersion: getambassador.io/v3alpha1
kind: TCPMapping
metadata: {name: b, namespace: default}
spec: {port: 6000, service: b, address: '0:0:0:0:0:0:0:1'}
`)
	if listeners := Compile(objects, options).Listeners; len(listeners) != 1 || listeners[0].Name != "tcp/[::1]:6000" {
		t.Errorf("listeners: %v, want tcp/[::1]:6000 alone", listeners)
	}
}

// TestServicesOfFilesAreChecked has addresses that no API server lets in, and that Envoy refuses.
func TestServicesOfFilesAreChecked(t *testing.T) {
	t.Parallel()
	objects, options := parse(t, base+mappingYAML("a", "{hostname: '*', prefix: /a/, service: address}")+
		mappingYAML("b", "{hostname: '*', prefix: /b/, service: external}")+
		mappingYAML("c", "{hostname: '*', prefix: /c/, service: endpoints, resolver: endpoint}")+`
---
apiVersion: v1
kind: Service
metadata: {name: address, namespace: default}
spec: {clusterIP: nonsense, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: external, namespace: default}
spec: {type: ExternalName, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: endpoints, namespace: default}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: one, namespace: default, labels: {kubernetes.io/service-name: endpoints}}
addressType: IPv4
ports: [{port: 0}, {port: 65536}, {port: 80}]
endpoints: [{addresses: [nonsense]}, {addresses: ['']}, {addresses: [10.0.0.1]}]
`)
	output := Compile(objects, options)
	if len(output.Clusters) != 3 || len(output.Endpoints) != 1 {
		t.Fatalf("%d clusters and %d assignments, want 3 and 1", len(output.Clusters), len(output.Endpoints))
	}
	for _, cluster := range output.Clusters {
		if address := cluster.GetLoadAssignment().GetEndpoints(); len(address) > 0 {
			if dialed := addressOf(address[0].LbEndpoints[0]); dialed != "address" && dialed != "external" {
				t.Errorf("cluster %s is at %q", cluster.Name, dialed)
			}
		}
	}
	if endpoints := output.Endpoints[0].Endpoints; len(endpoints) != 1 || len(endpoints[0].LbEndpoints) != 1 || addressOf(endpoints[0].LbEndpoints[0]) != "10.0.0.1" {
		t.Errorf("endpoints: %v, want 10.0.0.1 alone", endpoints)
	}
}

func addressOf(endpoint *endpointv3.LbEndpoint) string {
	return endpoint.GetEndpoint().GetAddress().GetSocketAddress().GetAddress()
}
