package compile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// block is a PEM block.
func block(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}

// issued is a self-signed certificate that differs from the usual one.
func issued(t *testing.T, key *ecdsa.PrivateKey, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.example.com"}}
	edit(template)
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// TestPEMIsThatOfEnvoy compiles Secrets with PEM texts that Go and BoringSSL, Envoy's library, do not read alike. What is
// taken of them must be acceptable to a real Envoy.
func TestPEMIsThatOfEnvoy(t *testing.T) {
	t.Parallel()
	key := ecdsaKey(t, elliptic.P256())
	usual := issued(t, key, func(*x509.Certificate) {})
	crt := block("CERTIFICATE", usual.Raw)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	authority := issued(t, key, func(c *x509.Certificate) { c.KeyUsage, c.SubjectKeyId = x509.KeyUsageCRLSign, []byte{1} })
	revoked, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}, authority, key)
	if err != nil {
		t.Fatal(err)
	}
	edited := func(edit func(*x509.Certificate)) string { return block("CERTIFICATE", issued(t, key, edit).Raw) }
	feature := func(value ...byte) string {
		return edited(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{{Id: tlsFeature, Value: value}} })
	}
	headed := func(kind string, raw []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw, Headers: map[string]string{"a": "b"}}))
	}
	garbage := block("CERTIFICATE", []byte("garbage"))
	unreadable := "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"
	k, crl := block("PRIVATE KEY", pkcs8), block("X509 CRL", revoked)

	tests := map[string]struct {
		chain, key, ca, crl string
		fault               string
	}{
		"usual":                    {crt, k, crt, crl, ""},
		"SEC 1":                    {crt, block("EC PARAMETERS", []byte{5, 0}) + block("EC PRIVATE KEY", sec1), crt, crl, ""},
		"SEC 1 by another name":    {crt, block("PRIVATE KEY", sec1), crt, crl, ""},
		"PKCS 8 by another name":   {crt, block("RSA PRIVATE KEY", pkcs8), crt, crl, ""},
		"headers":                  {headed("CERTIFICATE", usual.Raw), headed("PRIVATE KEY", pkcs8), headed("CERTIFICATE", usual.Raw), headed("X509 CRL", revoked), ""},
		"X509 CERTIFICATE":         {block("X509 CERTIFICATE", usual.Raw), k, crt, crl, ""},
		"text around":              {"hello\n" + crt + "\nbye", "hello\n" + k, "a CA:\n" + crt, "a list:\n" + crl, ""},
		"spaces":                   {strings.ReplaceAll(crt, "\n", " \r\n"), k, strings.ReplaceAll(crt, "\n", "\r\n"), strings.ReplaceAll(crl, "\n", "\r\n"), ""},
		"one line":                 {"-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(usual.Raw) + "\n-----END CERTIFICATE-----", k, crt, crl, ""},
		"other blocks":             {block("FOO", []byte("x")) + k + crt, crt + k, block("PRIVATE KEY", []byte("x")) + crt, crt + crl, ""},
		"broken other block":       {crt + "-----BEGIN FOO-----\n!\n-----END FOO-----\n", k, crt, crl, ""},
		"several":                  {crt + crt, k, crt + crt, crl + crl, ""},
		"unknown feature":          {feature(0x30, 3, 2, 1, 17), k, crt, crl, ""},
		"common name":              {edited(func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "a" }), k, crt, crl, ""},
		"expired":                  {edited(func(c *x509.Certificate) { c.NotAfter = time.Unix(0, 0) }), k, crt, crl, ""},
		"garbage in the chain":     {crt + garbage, k, crt, crl, "CERTIFICATE 2 of 2 cannot be read"},
		"cut chain":                {crt + crt[:len(crt)/2], k, crt, crl, "of 2 PEM blocks of type CERTIFICATE only 1"},
		"unreadable link":          {crt + unreadable, k, crt, crl, "of 2 PEM blocks of type CERTIFICATE only 1"},
		"must staple":              {feature(0x30, 3, 2, 1, 5), k, crt, crl, "must-staple"},
		"nameless":                 {edited(func(c *x509.Certificate) { c.DNSNames = nil }), k, crt, crl, "neither a common name nor alternative names"},
		"no signatures":            {edited(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), k, crt, crl, "does not allow digital signatures"},
		"garbage among the CAs":    {crt, k, crt + garbage, crl, "CERTIFICATE 2 of 2 cannot be read"},
		"unreadable CA":            {crt, k, unreadable + crt, crl, "of 2 PEM blocks of type CERTIFICATE only 1"},
		"no CA":                    {crt, k, k, crl, "no PEM block of type CERTIFICATE"},
		"no revocation list":       {crt, k, crt, crt, "no PEM block of type X509 CRL"},
		"garbage among the lists":  {crt, k, crt, crl + block("X509 CRL", []byte("garbage")), "X509 CRL 2 of 2 cannot be read"},
		"key of another algorithm": {crt, block("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey(t, 2048))), crt, crl, "no usable certificate"},
	}
	var taken []configuration
	for name, test := range tests {
		objects, options := parse(t, httpsListener+`---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: h, namespace: default}
spec: {hostname: a.example.com, tlsSecret: {name: certificate}, tls: {ca_secret: ca, crl_secret: crl}}
`)
		for name, data := range map[string]map[string]string{
			"certificate": {"tls.crt": test.chain, "tls.key": test.key}, "ca": {"tls.crt": test.ca}, "crl": {"crl.pem": test.crl},
		} {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Data: map[string][]byte{}}
			for key, text := range data {
				secret.Data[key] = []byte(text)
			}
			objects.Upsert(secret)
		}
		output := Compile(objects, options)
		if test.fault != "" {
			expectProblem(t, output, "Host", "h", "ResolvedRefs", test.fault)
		} else if len(output.Secrets) != 2 {
			t.Errorf("%s: %d secrets are served, want 2", name, len(output.Secrets))
		}
		taken = append(taken, configuration{name, output})
	}
	for name, words := range (&oracle{}).refused(t, taken) {
		t.Errorf("%s: Envoy says: %s", name, words)
	}
}

// FuzzPEM reads random texts as Secrets. What comes out must be PEM that is read alike again.
func FuzzPEM(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN X509 CRL-----\nMA==\n-----END X509 CRL-----\n-----BEGIN CERTIFICATE-----"), []byte("-----BEGIN EC PRIVATE KEY-----\n\n"))
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		if pair := newKeyPair("Secret a/b", chain, key); (pair.fault == nil) != (len(pair.chain) > 0 && len(pair.key) > 0) {
			t.Errorf("a pair of %d and %d bytes with the fault %v", len(pair.chain), len(pair.key), pair.fault)
		}
		for _, read := range []func([]byte) ([]byte, error){plainCertificates, plainRevocationLists} {
			if plain, err := read(chain); err == nil {
				if again, err := read(plain); err != nil || !bytes.Equal(again, plain) {
					t.Errorf("read again: %q, %v", again, err)
				}
			}
		}
	})
}
