package compile

import (
	"crypto/elliptic"
	"slices"
	"strings"
	"testing"
)

// TestInlineSecretsOfOtherNamespaces has a dot in the name of a CA Secret: the Module says whether a namespace follows,
// unless the Host's own Secret is in another namespace.
func TestInlineSecretsOfOtherNamespaces(t *testing.T) {
	t.Parallel()
	placeholder := certificateSecret(t, ecdsaKey(t, elliptic.P256()))
	tests := map[string]struct{ module, secret, authority string }{
		"default":           {"{}", "{name: s}", "authority/other/ca"},
		"without":           {"{defaults: {tls_secret_namespacing: false}}", "{name: s}", "authority/default/ca.other"},
		"Secret of another": {"{defaults: {tls_secret_namespacing: false}}", "{name: s, namespace: other}", "authority/other/ca"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: https, namespace: default}
spec: {port: 8443, protocol: HTTPS, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: h, namespace: default}
spec: {hostname: a.example.com, tlsSecret: `+test.secret+`, tls: {ca_secret: ca.other}}
---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador, namespace: default}
spec: {config: `+test.module+`}
`)
			options.Placeholder = placeholder
			var got []string
			for _, secret := range Compile(objects, options).Secrets {
				got = append(got, secret.Name)
			}
			if !slices.Contains(got, test.authority) {
				t.Errorf("the Secrets are %q, want %s among them", got, test.authority)
			}
		})
	}
}

// TestLastHostOfAHostnameCountsInCleartext has two Hosts that treat requests in clear differently.
func TestLastHostOfAHostnameCountsInCleartext(t *testing.T) {
	t.Parallel()
	manifests := `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http, namespace: default}
spec: {port: 8080, protocol: HTTP, securityModel: INSECURE, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: a, namespace: default}
spec: {hostname: a.example.com}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: b, namespace: default}
spec: {hostname: a.example.com, requestPolicy: {insecure: {action: Route}}, mappingSelector: {matchLabels: {of: b}}}
`
	labels := "labels: {of: b}, namespace:"
	manifests += mappingYAML("of-a", "{hostname: '*', prefix: /a/, service: s}") +
		strings.Replace(mappingYAML("of-both", "{hostname: '*', prefix: /b/, service: s}"), "namespace:", labels, 1)
	objects, options := parse(t, manifests)
	for _, route := range Compile(objects, options).Routes[0].VirtualHosts[0].Routes {
		want := route.Name == "default/of-a"
		if got := route.GetRedirect().GetHttpsRedirect(); got != want && strings.HasPrefix(route.Name, "default/of-") {
			t.Errorf("%s redirects: %v, want %v", route.Name, got, want)
		}
	}
}
