package compile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// Envoy reads PEM with BoringSSL, which is stricter than Go and refuses a whole text for one bad block in it. What
// Secrets hold is therefore read here, checked, and given to Envoy in one plain form.

// keyPair is a certificate chain and its key in the form Envoy gets them in, or why they cannot be served.
type keyPair struct {
	chain, key []byte
	fault      *fault
}

// minRSABits is the shortest RSA key Envoy serves.
const minRSABits = 2048

// newKeyPair reads a certificate chain and its key. from says whose they are, for people.
func newKeyPair(from string, chain, key []byte) keyPair {
	refused := func(format string, args ...any) keyPair {
		return keyPair{fault: &fault{reason: ReasonInvalidSecret, message: from + fmt.Sprintf(format, args...)}}
	}
	if len(bytes.TrimSpace(chain)) == 0 || len(bytes.TrimSpace(key)) == 0 {
		return refused(" needs the keys tls.crt and tls.key")
	}
	plain, err := plainCertificates(chain)
	if err != nil {
		return refused(" holds no usable certificate: %v", err)
	}
	pair, err := tls.X509KeyPair(plain, key)
	if err != nil {
		return refused(" holds no usable certificate: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	if err := checkLeaf(pair.Leaf); err != nil {
		return refused(": %v", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return refused(": the key cannot be passed on: %v", err)
	}
	return keyPair{chain: unlessEqual(plain, chain), key: unlessEqual(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), key)}
}

// checkLeaf reports why Envoy would not serve with a certificate that can be read.
func checkLeaf(leaf *x509.Certificate) error {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return fmt.Errorf("the RSA key has %d bits, Envoy asks for at least %d", key.N.BitLen(), minRSABits)
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return fmt.Errorf("the key is on curve P-224, Envoy knows P-256, P-384 and P-521")
		}
		if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
			return fmt.Errorf("the certificate's key usage does not allow digital signatures: issue one that does")
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("the key is neither RSA, ECDSA nor Ed25519, which are what Envoy serves")
	}
	if leaf.Subject.CommonName == "" && !hasExtension(leaf, subjectAltName) {
		return fmt.Errorf("the certificate has neither a common name nor alternative names: issue one for a name")
	}
	if mustStaple(leaf) {
		return fmt.Errorf("the certificate must come with an OCSP response (must-staple), which Envoy is not given: issue one without")
	}
	return nil
}

// Extensions of certificates: RFC 5280, section 4.2.1.6, and RFC 7633.
var (
	subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	tlsFeature     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
)

func hasExtension(certificate *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(id) {
			return true
		}
	}
	return false
}

// mustStaple reports whether a certificate may not be used without a fresh OCSP response (status_request, 5).
func mustStaple(certificate *x509.Certificate) bool {
	for _, extension := range certificate.Extensions {
		var features []int
		if _, err := asn1.Unmarshal(extension.Value, &features); extension.Id.Equal(tlsFeature) && err == nil && slices.Contains(features, 5) {
			return true
		}
	}
	return false
}

// plainCertificates returns all certificates of a PEM text in a plain form. Everything else in the text is left out.
func plainCertificates(text []byte) ([]byte, error) {
	return blocks(text, []string{"CERTIFICATE", "X509 CERTIFICATE"}, func(raw []byte) error {
		_, err := x509.ParseCertificate(raw)
		return err
	})
}

// plainRevocationLists is plainCertificates for certificate revocation lists.
func plainRevocationLists(text []byte) ([]byte, error) {
	return blocks(text, []string{"X509 CRL"}, func(raw []byte) error {
		_, err := x509.ParseRevocationList(raw)
		return err
	})
}

// blocks returns the blocks of some types in a PEM text, the first of which is their usual one. At least one must be
// there, and none may be broken: a chain without one of its links, or a list without one of its authorities, would fail
// some clients and not others.
func blocks(text []byte, types []string, check func(raw []byte) error) ([]byte, error) {
	begun := 0
	for _, name := range types {
		begun += bytes.Count(text, []byte("-----BEGIN "+name+"-----"))
	}
	var plain []byte
	read := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !slices.Contains(types, block.Type) {
			continue
		}
		read++
		if err := check(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s %d of %d cannot be read: %s", types[0], read, begun, strings.TrimPrefix(err.Error(), "x509: "))
		}
		plain = append(plain, pem.EncodeToMemory(&pem.Block{Type: types[0], Bytes: block.Bytes})...)
	}
	switch {
	case begun == 0:
		return nil, fmt.Errorf("there is no PEM block of type %s", types[0])
	case read < begun:
		return nil, fmt.Errorf("of %d PEM blocks of type %s only %d can be read: replace the text", begun, types[0], read)
	}
	return unlessEqual(plain, text), nil
}

// unlessEqual returns the first of two texts, or the memory of the second where they are the same.
func unlessEqual(plain, original []byte) []byte {
	if bytes.Equal(plain, original) {
		return original
	}
	return plain
}
