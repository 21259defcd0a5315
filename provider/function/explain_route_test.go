package function_test

import (
	"strings"
	"testing"
)

const shop = `
- apiVersion: getambassador.io/v3alpha1
  kind: Listener
  metadata: {name: http}
  spec: {port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
- apiVersion: getambassador.io/v3alpha1
  kind: Host
  metadata: {name: shop}
  spec: {hostname: shop.example, requestPolicy: {insecure: {action: Route}}}
- apiVersion: getambassador.io/v3alpha1
  kind: Mapping
  metadata: {name: cart, namespace: null, labels: null}
  spec: {hostname: shop.example, prefix: /cart/, service: "cart:8080", timeout_ms: null, headers: {}}
- apiVersion: getambassador.io/v3alpha1
  kind: Mapping
  metadata: {name: beta, namespace: labs}
  spec: {hostname: shop.example, prefix: /cart/, service: beta, headers: {x-beta: "1"}}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: old, annotations: {kubernetes.io/ingress.class: emissary}}
  spec: {rules: [{host: shop.example, http: {paths: [{path: /old, pathType: Prefix, backend: {service: {name: old, port: {name: web}}}}]}}]}
- apiVersion: v1
  kind: Service
  metadata: {name: old, annotations: null}
  spec: {ports: [{name: web, port: 81, protocol: null}], selector: null}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: of no use}}
`

func TestExplainRoute(t *testing.T) {
	t.Parallel()
	manifests := object(t, shop)
	tests := map[string]struct {
		request string // YAML
		want    map[string]any
	}{
		"a URL":                        {"http://shop.example/cart/1?q=2", map[string]any{"served": true, "mapping": "default/cart", "listener": "default/http", "why": "prefix /cart/"}},
		"by header":                    {"{url: 'http://shop.example/cart/', headers: {X-Beta: '1'}}", map[string]any{"served": true, "mapping": "labs/beta"}},
		"Host in the headers":          {"{url: 'http://127.0.0.1:8080/cart/', method: POST, headers: {host: shop.example}}", map[string]any{"mapping": "default/cart"}},
		"a port beside the URL":        {"{url: 'http://shop.example:80/cart/', port: 8080}", map[string]any{"mapping": "default/cart"}},
		"an Ingress with a named port": {"http://shop.example/old", map[string]any{"mapping": "default/old-0-0"}},
		"no Mapping":                   {"http://shop.example/carts", map[string]any{"served": false, "mapping": nil, "why": "no Mapping matches"}},
		"no Host":                      {"http://other.example/", map[string]any{"served": false, "why": "no Host matches hostname other.example"}},
		"no Listener":                  {"http://shop.example:9999/", map[string]any{"served": false, "listener": nil}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, funcErr := call(t, "explain_route", manifests, object(t, test.request))
			if funcErr != nil {
				t.Fatal(funcErr.Text)
			}
			result := got.(map[string]any)
			for attribute, want := range test.want {
				if result[attribute] != want {
					t.Errorf("%s = %v, want %v in\n%s", attribute, result[attribute], want, result["text"])
				}
			}
		})
	}
}

// TestExplainRouteWithoutSecrets: a Secret that nobody has at hand is taken to be there, one that cannot be used is not.
func TestExplainRouteWithoutSecrets(t *testing.T) {
	t.Parallel()
	const tls = `
- apiVersion: getambassador.io/v3alpha1
  kind: Listener
  metadata: {name: https}
  spec: {port: 8443, protocol: HTTPS, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
- apiVersion: getambassador.io/v3alpha1
  kind: TLSContext
  metadata: {name: clients}
  spec: {ca_secret: authority, cert_required: true}
- apiVersion: getambassador.io/v3alpha1
  kind: Host
  metadata: {name: shop}
  spec: {hostname: shop.example, tlsSecret: {name: shop, namespace: certificates}, tlsContext: {name: clients}}
- apiVersion: getambassador.io/v3alpha1
  kind: Mapping
  metadata: {name: cart}
  spec: {hostname: shop.example, prefix: /cart/, service: https://cart, tls: clients}
`
	const empty = `
- apiVersion: v1
  kind: Secret
  metadata: {name: shop, namespace: certificates}
`
	for manifests, want := range map[string]any{tls: "default/cart", tls + empty: nil} {
		got, funcErr := call(t, "explain_route", object(t, manifests), "https://shop.example/cart/1")
		if funcErr != nil {
			t.Fatal(funcErr.Text)
		}
		if result := got.(map[string]any); result["mapping"] != want {
			t.Errorf("mapping = %v, want %v in\n%s", result["mapping"], want, result["text"])
		}
	}
}

func TestExplainRouteInFull(t *testing.T) {
	t.Parallel()
	got, funcErr := call(t, "explain_route", object(t, shop), "http://shop.example/cart/1")
	if funcErr != nil {
		t.Fatal(funcErr.Text)
	}
	text := got.(map[string]any)["text"].(string)
	if !strings.Contains(text, "served by Mapping default/cart") {
		t.Errorf("text = %s", text)
	}
	delete(got.(map[string]any), "text")
	want := object(t, `
served: true
mapping: default/cart
listener: default/http
hosts: [default/shop]
why: prefix /cart/
outcomes: [{share: 100, action: forward, mapping: default/cart, services: ["cart:8080"], path: /1, host: shop.example, why: prefix /cart/}]
nearest: [{mapping: labs/beta, why: 'header x-beta is absent, wanted: is "1"'}]
`)
	same(t, want, got)
}

func TestExplainRouteNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	manifests := object(t, shop)
	for request, want := range map[string][]string{
		"5":                                                {"it is 5", "URL"},
		"shop.example":                                     {`"shop.example"`, "http://"},
		"{method: GET}":                                    {`""`, "http://"},
		"{url: 5}":                                         {"url is 5", "text"},
		"{url: 'http://a/', x: 1}":                         {"x is no attribute", "url, method, headers, port, server_name"},
		"{url: 'http://a/', port: 70000}":                  {"port is 70000", "1 to 65535"},
		"{url: 'http://a/', port: http}":                   {`port is the text "http"`},
		"{url: 'http://a/', headers: [a]}":                 {"headers is a list"},
		"{url: 'http://a/', headers: {x-a: 1}}":            {"headers.x-a is 1"},
		"{url: 'http://a/', headers: {'x a': b}}":          {`header name "x a"`},
		"{url: 'http://a/', method: 'GET /'}":              {`method "GET /"`},
		"{url: 'http://a/', server_name: [b], port: 8080}": {"server_name is a list"},
	} {
		fails(t, 1, want, "explain_route", manifests, object(t, request))
	}
	const url = "http://shop.example/"
	fails(t, 0, []string{"element 0", "it is 5"}, "explain_route", []any{int64(5)}, url)
	fails(t, 0, []string{"spec.prefx"}, "explain_route", object(t, "[{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a}, spec: {prefx: /, prefix: /, service: a}}]"), url)
	fails(t, 0, []string{"element 1", "spec.rules"}, "explain_route", object(t, "[{apiVersion: v1, kind: Pod, metadata: {name: a}}, {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: 1}}]"), url)
	fails(t, 0, []string{"Ingress default/a", "Service default/s"}, "explain_route", object(t, `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, annotations: {kubernetes.io/ingress.class: emissary}}
spec: {defaultBackend: {service: {name: s, port: {name: web}}}}
`), url)
}
