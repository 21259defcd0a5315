package ingress_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/ingress"
)

const newest = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: market, labels: {team: a}}
spec:
  ingressClassName: edge
  defaultBackend: {service: {name: fallback, port: {number: 80}}}
  tls: [{hosts: [shop.example], secretName: shop}]
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /a, pathType: Exact, backend: {service: {name: a, port: {name: web}}}}
      - {path: /b, pathType: ImplementationSpecific, backend: {service: {name: b, port: {number: 8080}}}}
  - host: empty.example
`

const older = `
apiVersion: VERSION
kind: Ingress
metadata: {name: shop, namespace: market, labels: {team: a}}
spec:
  ingressClassName: edge
  backend: {serviceName: fallback, servicePort: 80}
  tls: [{hosts: [shop.example], secretName: shop}]
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /a, pathType: Exact, backend: {serviceName: a, servicePort: web}}
      - {path: /b, backend: {serviceName: b, servicePort: 8080}}
  - host: empty.example
`

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatal(err)
	}
	return content
}

// The same Ingress means the same in all versions.
func TestDecodeVersions(t *testing.T) {
	t.Parallel()
	want, err := ingress.Decode(object(t, newest))
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Spec.Rules) != 2 || want.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name != "web" {
		t.Fatalf("v1 is read as %+v", want.Spec)
	}
	for _, version := range []string{"networking.k8s.io/v1beta1", "extensions/v1beta1"} {
		got, err := ingress.Decode(object(t, strings.ReplaceAll(older, "VERSION", version)))
		if err != nil {
			t.Errorf("%s: %v", version, err)
			continue
		}
		if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
		if diff := cmp.Diff(want.ObjectMeta, got.ObjectMeta); diff != "" {
			t.Errorf("metadata of %s (-want +got):\n%s", version, diff)
		}
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"another kind":             {"{apiVersion: v1, kind: Service}", `kind is "Service"`},
		"no kind":                  {"{apiVersion: networking.k8s.io/v1}", `kind is ""`},
		"another version":          {"{apiVersion: networking.k8s.io/v2, kind: Ingress}", `apiVersion is "networking.k8s.io/v2"`},
		"unknown field":            {"{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {rulez: []}}", "spec.rulez"},
		"a field of the other one": {"{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {backend: {serviceName: a}}}", "spec.backend"},
		"a field of the newer one": {"{apiVersion: extensions/v1beta1, kind: Ingress, spec: {defaultBackend: {}}}", "spec.defaultBackend"},
		"another type":             {"{apiVersion: extensions/v1beta1, kind: Ingress, spec: {rules: 1}}", "rules"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ingress.Decode(object(t, test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q", err, test.want)
			}
		})
	}
}
