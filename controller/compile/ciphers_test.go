package compile

import (
	"crypto/elliptic"
	"encoding/json"
	"strings"
	"testing"
)

// TestTLSParametersAreThoseOfEnvoy compares the answer about lists in TLS settings with that of a real Envoy.
func TestTLSParametersAreThoseOfEnvoy(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 255)
	tests := []struct {
		field string
		list  []string
		fine  bool
	}{
		{"cipher_suites", []string{"AES128-SHA"}, true},
		{"cipher_suites", []string{"AES128-SHA", "AES128-SHA"}, true},
		{"cipher_suites", []string{"AES128-SHA:AES256-SHA"}, true},
		{"cipher_suites", []string{"[AES128-SHA|AES256-SHA]", "DES-CBC3-SHA"}, true},
		{"cipher_suites", []string{"AES128-SHA", "AES256-SHA", "+AES128-SHA"}, true},
		{"cipher_suites", []string{"[AES128-SHA|AES256-SHA]", "+AES128-SHA"}, false},
		{"cipher_suites", []string{"AES128-SHA", "-AES128-SHA", "AES256-SHA"}, true},
		{"cipher_suites", []string{"ALL"}, true},
		{"cipher_suites", []string{"HIGH", "!AES128-SHA"}, true},
		{"cipher_suites", []string{"ECDHE"}, true},
		{"cipher_suites", []string{"DEFAULT"}, true},
		{"cipher_suites", []string{"kRSA"}, true},
		{"cipher_suites", []string{"[AES128-SHA|AES256-SHA"}, false},
		{"cipher_suites", []string{"AES128-SHA]"}, false},
		{"cipher_suites", []string{"AES128-SHA|AES256-SHA"}, false},
		{"cipher_suites", []string{"[-AES128-SHA|AES256-SHA]"}, false},
		{"cipher_suites", []string{"[]"}, false},
		{"cipher_suites", []string{"-AES128-SHA"}, false},
		{"cipher_suites", []string{"AES128-SHA", "!AES128-SHA"}, false},
		{"cipher_suites", []string{"--AES128-SHA"}, false},
		{"cipher_suites", []string{"TLS_AES_128_GCM_SHA256"}, false},
		{"ecdh_curves", []string{"P-256", "X25519", "P-384", "P-521", "X25519MLKEM768"}, true},
		{"ecdh_curves", []string{"prime256v1", "secp384r1"}, true},
		{"ecdh_curves", []string{"P-224"}, false},
		{"ecdh_curves", []string{"p-256"}, false},
		{"alpn_protocols", []string{"h2", "é"}, true},
		{"alpn_protocols", strings.Fields(strings.Repeat(long+" ", 255)), true},
		{"alpn_protocols", strings.Fields(strings.Repeat(long+" ", 257)), false},
	}
	var taken []configuration
	for _, test := range tests {
		name := test.field + " " + strings.Join(test.list[:min(len(test.list), 5)], ",")
		var value any = test.list
		if test.field == "alpn_protocols" {
			value = strings.Join(test.list, ",")
		}
		quoted, err := json.Marshal(map[string]any{test.field: value})
		if err != nil {
			t.Fatal(err)
		}
		objects, options := parse(t, httpsListener+"---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h, namespace: default}\n"+
			"spec: {hostname: a.example.com, tlsSecret: {name: certificate}, tls: "+string(quoted)+"}\n")
		objects.Upsert(certificateSecret(t, ecdsaKey(t, elliptic.P256())))
		output := Compile(objects, options)
		if served := len(output.Secrets) == 1; served != test.fine {
			t.Errorf("%.100s: served %t, want %t", name, served, test.fine)
		}
		if !test.fine {
			expectProblem(t, output, "Host", "h", "Accepted", test.field)
		}
		taken = append(taken, configuration{name, output})
	}
	for name, words := range (&oracle{}).refused(t, taken) {
		t.Errorf("%.100s: Envoy says: %.200s", name, words)
	}
}
