package crds_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/crds/validation"
)

// TestRules checks what the schema refuses, and that it accepts what lies just
// beside it or is the controller's to refuse.
func TestRules(t *testing.T) {
	t.Parallel()
	const listener = "securityModel: XFP\nhostBinding: {}\n"
	const mapping = "prefix: /\nservice: quote\n"
	for _, test := range []struct {
		name, kind, spec string
		want             string // part of the error; empty where the object is accepted
	}{
		{"listener without a port", "Listener", listener, "spec.port: Required value"},
		{"port 0", "Listener", listener + "port: 0", "spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1"},
		{"port 65535", "Listener", listener + "port: 65535", ""},
		{"port 65536", "Listener", listener + "port: 65536", "should be less than or equal to 65535"},
		{"unknown protocol", "Listener", listener + "port: 80\nprotocol: http", `spec.protocol: Unsupported value: "http"`},
		{"protocol and stack, where the stack wins", "Listener", listener + "port: 80\nprotocol: HTTP\nprotocolStack: [TCP]", ""},
		{"no streams", "Listener", listener + "port: 80\nhttp2MaxConcurrentStreams: 0", "spec.http2MaxConcurrentStreams"},

		{"mapping without a service", "Mapping", "prefix: /", "spec.service: Required value"},
		{"empty prefix", "Mapping", "prefix: ''\nservice: quote", ""},
		{"text for a number", "Mapping", mapping + "timeout_ms: '3000'", "spec.timeout_ms: Invalid value"},
		{"any priority", "Mapping", mapping + "priority: urgent", ""},
		{"any duration", "Mapping", mapping + "retry_policy: {retry_on: 5xx, per_try_timeout: soon}", ""},
		{"unknown retry_on", "Mapping", mapping + "retry_policy: {retry_on: '5xx,reset'}", "spec.retry_policy.retry_on: Unsupported value"},
		{"redirect code", "Mapping", mapping + "redirect_response_code: 304", "spec.redirect_response_code: Unsupported value: 304"},
		{"two ways to hash", "Mapping", mapping + "load_balancer: {policy: maglev, header: x, source_ip: true}", "set only one of cookie, header and source_ip"},
		{"one way to hash", "Mapping", mapping + "load_balancer: {policy: maglev, header: x}", ""},
		{"two kinds of label", "Mapping", mapping + "labels: {d: [{g: [{remote_address: {key: remote_address}, generic_key: {value: x}}]}]}", "must have at most 1 item"},
		{"two groups in one", "Mapping", mapping + "labels: {d: [{g: [], h: []}]}", "must have at most 1 item"},
		{"two probes in one", "Mapping", mapping + "health_checks: [{health_check: {http: {path: /}, grpc: {upstream_name: x}}}]", "must have at most 1 item"},
		{"no health check", "Mapping", mapping + "health_checks: []", "should have at least 1 items"},

		{"tls and tlsContext", "Host", "tlsSecret: {name: s}\ntls: {sni: x}\ntlsContext: {name: c}", "tls and tlsContext exclude each other"},
		{"tls and tlsContext without a secret, which is no TLS", "Host", "tls: {sni: x}\ntlsContext: {name: c}", ""},
		{"any TLS version in a Host", "Host", "tls: {min_tls_version: TLSv1.2}", ""},
		{"unknown TLS version in a TLSContext", "TLSContext", "min_tls_version: TLSv1.2", `spec.min_tls_version: Unsupported value: "TLSv1.2"`},

		{"module without config", "Module", "{}", "spec.config: Required value"},
		{"module with a list for config", "Module", "config: []", "spec.config: Invalid value"},
		{"empty module", "Module", "config: {}", ""},
	} {
		t.Run(test.kind+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			validator, err := validation.For(test.kind)
			if err != nil {
				t.Fatal(err)
			}
			errs := validator.Validate(object(t, test.kind, test.spec))
			switch {
			case test.want == "" && len(errs) > 0:
				t.Errorf("refused: %v", errs.ToAggregate())
			case test.want != "" && (len(errs) == 0 || !strings.Contains(errs.ToAggregate().Error(), test.want)):
				t.Errorf("got %v, want an error with %q", errs.ToAggregate(), test.want)
			}
		})
	}
}

// object returns an object of the given kind with a spec written in YAML.
func object(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	err = obj.UnmarshalJSON([]byte(`{"apiVersion":"getambassador.io/v3alpha1","kind":"` + kind + `","metadata":{"name":"x","namespace":"y"},"spec":` + string(data) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return obj
}
