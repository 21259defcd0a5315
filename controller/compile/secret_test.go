package compile

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// certificateSecret makes a Secret "certificate" that holds a key and a self-signed certificate of it.
func certificateSecret(t *testing.T, key crypto.Signer) *corev1.Secret {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"*.example.com"}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "certificate"},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
		},
	}
}

func ecdsaKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := certificateSecret(t, ecdsaKey(t, elliptic.P256()))
	edited := func(edit func(*corev1.Secret)) *corev1.Secret {
		secret := good.DeepCopy()
		edit(secret)
		return secret
	}
	tests := map[string]struct {
		secret *corev1.Secret
		fault  string
	}{
		"ECDSA P-256": {good, ""},
		"RSA 2048":    {certificateSecret(t, rsaKey(t, 2048)), ""},
		"opaque":      {edited(func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }), ""},
		"RSA 1024":    {certificateSecret(t, rsaKey(t, 1024)), "1024 bits"},
		"ECDSA P-224": {certificateSecret(t, ecdsaKey(t, elliptic.P224())), "P-224"},
		"Ed25519":     {certificateSecret(t, edwards), ""},
		"other type":  {edited(func(s *corev1.Secret) { s.Type = corev1.SecretTypeDockerConfigJson }), "use kubernetes.io/tls"},
		"no key":      {edited(func(s *corev1.Secret) { delete(s.Data, corev1.TLSPrivateKeyKey) }), "tls.crt and tls.key"},
		"no PEM":      {edited(func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte("x") }), "no usable certificate"},
		"another key": {edited(func(s *corev1.Secret) {
			s.Data[corev1.TLSPrivateKeyKey] = certificateSecret(t, ecdsaKey(t, elliptic.P256())).Data[corev1.TLSPrivateKeyKey]
		}), "no usable certificate"},
		"not there":    {edited(func(s *corev1.Secret) { s.Name = "other" }), "not found"},
		"another home": {edited(func(s *corev1.Secret) { s.Namespace = "other" }), "not found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, httpsListener+`---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: h, namespace: default}
spec: {hostname: a.example.com, tlsSecret: {name: certificate}}
`)
			objects.Upsert(test.secret)
			output := Compile(objects, options)
			if test.fault != "" {
				expectProblem(t, output, "Host", "h", "ResolvedRefs", test.fault)
			}
			if served := len(output.Secrets) == 1; served != (test.fault == "") {
				t.Errorf("certificate is served: %t", served)
			}
		})
	}
}

func TestParseSecretName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text        string
		namespacing bool
		want        secretName
	}{
		{"s", true, secretName{"own", "s"}},
		{"s.certs", true, secretName{"certs", "s"}},
		{"s.with.dots", true, secretName{"dots", "s.with"}},
		{"s.certs", false, secretName{"own", "s.certs"}},
		{"s.", true, secretName{"own", "s."}},
	}
	for _, test := range tests {
		if got := parseSecretName(test.text, "own", test.namespacing); got != test.want {
			t.Errorf("parseSecretName(%q, %t) = %v, want %v", test.text, test.namespacing, got, test.want)
		}
	}
}
