package refusals_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/provider/refusals"
	"terraform-provider-emissary/test/upstream"
)

// TestEmissarysOwn lets the objects of Emissary's own tests pass. Refused is what Emissary refuses, too, or does without
// saying so.
func TestEmissarysOwn(t *testing.T) {
	t.Parallel()
	want := []string{
		// Emissary 3 refuses these.
		`AuthService: protocol_version: a grpc AuthService needs v3; every request but the probes is refused until this is corrected`,
		`LogService: protocol_version: "" is not allowed: use one of v3`,
		`Mapping: headers: :authority is "*", and no host has a star in its name: use hostname, which takes globs`,
		`Mapping: host: "*" is matched as it is, and no host has a star in its name: use hostname, which takes globs`,
		`Mapping: retry_policy.retry_on is required: say what to retry on, such as 5xx`,
		`Module: config.forward_client_cert_details: "SANITIZE_INVALID" is not one of Envoy's values`,
		`Module: config.set_current_client_cert_details: subject: a string stands where true or false belongs`,
		`Module: config.set_current_client_cert_details: {"invalid":true} cannot be read: unknown field "invalid"`,
		`RateLimitService: protocol_version: "v2" is not supported: set v3`,
		// Envoy has these no longer.
		`TracingService: config.collector_endpoint_version: "HTTP_JSON_V1" is not allowed: use one of HTTP_JSON, HTTP_PROTO`,
		`TracingService: driver: "lightstep" is not allowed: use one of zipkin, datadog, opentelemetry`,
		// This serves nothing there.
		`Listener: protocolStack: over UDP only HTTP/3 is possible: use [TLS, HTTP, UDP]`,
	}
	slices.Sort(want)
	checked, refused := 0, map[string]bool{}
	for _, fixture := range upstream.Newest.Fixtures(t) {
		object := fixture.Object
		if object["apiVersion"] != "getambassador.io/"+convert.Version {
			converted, err := convert.ToV3alpha1(object)
			if err != nil {
				continue // See TestConvertsAsEmissary.
			}
			object = converted
		}
		checked++
		for _, problem := range refusals.Of(object) {
			if kind, _ := object["kind"].(string); problem.Severity == compile.Error {
				refused[kind+": "+problem.Message] = true
			}
		}
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(refused))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	t.Logf("%d objects", checked)
}
