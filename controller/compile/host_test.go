package compile

import (
	"crypto/elliptic"
	"slices"
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
