package refusals_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/provider/refusals"
)

func TestOf(t *testing.T) {
	t.Parallel()
	const long = "/(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" +
		"|bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)"
	for name, test := range map[string]struct {
		kind, spec string
		want       []string
	}{
		"nothing":               {"Mapping", "{hostname: '*', prefix: /, service: a}", nil},
		"a percent sign":        {"Mapping", "{prefix: /, service: a, add_request_headers: {x: {value: 100%}}}", []string{`error: add_request_headers.x: the % in "100%" starts no %COMMAND%: write %% for a percent sign`}},
		"what has no effect":    {"Mapping", "{prefix: /, service: a, envoy_override: {}}", []string{"warning: modules and envoy_override have no effect"}},
		"another instance":      {"Mapping", "{prefix: /, service: a, outlier_detection: x, ambassador_id: [blue, green]}", []string{"warning: outlier_detection has no effect"}},
		"any instance":          {"TLSContext", "{hosts: ['*'], secret: a, cipher_suites: [FOO], ambassador_id: [_automatic_]}", []string{`error: cipher_suites: "FOO" is no cipher suite Envoy knows: use OpenSSL names such as ECDHE-RSA-AES128-GCM-SHA256; the suites of TLS 1.3 cannot be chosen`}},
		"the wrong resolver":    {"Mapping", "{prefix: /, service: a, resolver: kubernetes-service, load_balancer: {policy: round_robin}}", []string{"error: load_balancer needs a resolver that knows endpoints: set resolver to a KubernetesEndpointResolver (kubernetes-endpoint is built in), kubernetes-service leaves balancing to Kubernetes"}},
		"a Module's resolver":   {"Mapping", "{prefix: /, service: a, load_balancer: {policy: round_robin}}", nil},
		"a Module's regex size": {"Mapping", "{prefix: '" + long + "', prefix_regex: true, service: a}", nil},
		"other objects":         {"Host", "{hostname: a, tlsSecret: {name: none}, tlsContext: {name: none}}", nil},
		"a key of the Module":   {"Module", "{config: {diagnostcs: {enabled: true}}}", []string{"warning: config.diagnostcs is no key of the ambassador Module (did you mean diagnostics?): it has no effect"}},
		"a value of the Module": {"Module", "{config: {merge_slashes: yes please}}", []string{"error: config.merge_slashes: a string stands where true or false belongs"}},
		"another controller's":  {"ConsulResolver", "{address: a, datacenter: b}", []string{"warning: ConsulResolver is not supported: Mappings that name it are not served"}},
		"nothing we read":       {"Maping", "{}", nil},
		"what the schema finds": {"Mapping", "{prefix: 1}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := map[string]any{}
			if err := yaml.Unmarshal([]byte(fmt.Sprintf("{apiVersion: getambassador.io/v3alpha1, kind: %s, metadata: {name: ambassador}, spec: %s}", test.kind, test.spec)), &object); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, problem := range refusals.Of(object) {
				severity := "warning: "
				if problem.Severity == compile.Error {
					severity = "error: "
				}
				got = append(got, severity+problem.Message)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkOf(b *testing.B) {
	object := map[string]any{"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping", "metadata": map[string]any{"name": "a", "namespace": "default"},
		"spec": map[string]any{"hostname": "a.example.com", "prefix": "/a/", "service": "a:80", "timeout_ms": int64(3000)}}
	for b.Loop() {
		if found := refusals.Of(object); len(found) > 0 {
			b.Fatal(found)
		}
	}
}
