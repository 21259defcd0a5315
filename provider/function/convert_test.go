package function_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConvertManifest(t *testing.T) {
	t.Parallel()
	gives(t, quote, "convert_manifest", object(t, quote))
	gives(t, `{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a}, spec: {
		ambassador_id: [blue], hostname: a.example, prefix: /, service: "https://a", v2ExplicitTLS: {tls: "bool:true", serviceScheme: "http://"}}}`,
		"convert_manifest", object(t, `{apiVersion: getambassador.io/v2, kind: Mapping, metadata: {name: a}, status: {state: Running}, spec: {
		ambassador_id: blue, host: a.example, prefix: /, service: "http://a", tls: true}}`))
	fails(t, 0, []string{`"v1"`, "getambassador.io/v3alpha1"}, "convert_manifest", object(t, "{apiVersion: v1, kind: Service}"))
	fails(t, 0, []string{"spec.host: text is wanted, not a list"}, "convert_manifest",
		object(t, "{apiVersion: getambassador.io/v2, kind: Mapping, metadata: {name: a}, spec: {host: [a], prefix: /, service: a}}"))
	fails(t, 0, []string{"spec.prefx"}, "convert_manifest",
		object(t, "{apiVersion: getambassador.io/v1, kind: Mapping, metadata: {name: a}, spec: {prefx: /, prefix: /, service: a}}"))
	fails(t, 0, []string{"it is a list", "apiVersion"}, "convert_manifest", []any{})
}

// What crds/convert is tested with passes through the values of Terraform unharmed: each file holds pairs of documents, an
// older object and what it is in v3alpha1.
func TestConvertFixtures(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../crds/convert/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(string(data), "\n---\n")
		for i := 0; i+1 < len(documents); i += 2 {
			gives(t, documents[i+1], "convert_manifest", object(t, documents[i]))
		}
	}
}

func TestConvertIngress(t *testing.T) {
	t.Parallel()
	const want = `
- apiVersion: getambassador.io/v3alpha1
  kind: Host
  metadata: {name: shop-0-0, namespace: default, labels: {a10r-k8s-ingress: a10r-ingress-shop-default}}
  spec:
    hostname: shop.example
    mappingSelector: {matchLabels: {a10r-k8s-ingress: a10r-ingress-shop-default}}
    requestPolicy: {insecure: {action: Route}}
    tlsSecret: {name: shop}
- apiVersion: getambassador.io/v3alpha1
  kind: Mapping
  metadata: {name: shop-0-0, namespace: default, labels: {a10r-k8s-ingress: a10r-ingress-shop-default}}
  spec: {hostname: shop.example, prefix: /cart, service: "cart.default:8080"}
`
	gives(t, want, "convert_ingress", object(t, `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, generation: 3, creationTimestamp: "2020-01-01T00:00:00Z"}
spec:
  tls: [{hosts: [shop.example], secretName: shop}]
  rules: [{host: shop.example, http: {paths: [{path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {number: 8080}}}}]}}]
`))
	for _, version := range []string{"networking.k8s.io/v1beta1", "extensions/v1beta1"} {
		gives(t, want, "convert_ingress", object(t, "apiVersion: "+version+`
kind: Ingress
metadata: {name: shop}
spec:
  tls: [{hosts: [shop.example], secretName: shop}]
  rules: [{host: shop.example, http: {paths: [{path: /cart, backend: {serviceName: cart, servicePort: 8080}}]}}]
`))
	}
	gives(t, "[]", "convert_ingress", object(t, "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}}"))
	fails(t, 0, []string{"spec.rules[0].http.paths[0].backend.service.port.name", `"web"`, "Service cart", "number"}, "convert_ingress", object(t, `
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: shop}
spec: {rules: [{http: {paths: [{backend: {serviceName: cart, servicePort: web}}]}}]}
`))
	fails(t, 0, []string{"spec.rulez"}, "convert_ingress", object(t, "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rulez: []}}"))
	fails(t, 0, []string{"metadata.name"}, "convert_ingress", object(t, "{apiVersion: networking.k8s.io/v1, kind: Ingress}"))
	fails(t, 0, []string{`kind is "Mapping"`}, "convert_ingress", object(t, quote))
	fails(t, 0, []string{`the text "a"`}, "convert_ingress", "a")
}
