package compile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	corev1 "k8s.io/api/core/v1"
)

// secretName identifies a Kubernetes Secret.
type secretName struct{ namespace, name string }

func (s secretName) String() string { return s.namespace + "/" + s.name }

// parseSecretName reads a Secret's name as TLSContexts write it: "name", or "name.namespace" split at the last dot when
// namespacing is on.
func parseSecretName(text, namespace string, namespacing bool) secretName {
	if dot := strings.LastIndexByte(text, '.'); namespacing && dot > 0 && dot < len(text)-1 {
		return secretName{namespace: text[dot+1:], name: text[:dot]}
	}
	return secretName{namespace: namespace, name: text}
}

// minRSABits is the shortest RSA key Envoy serves.
const minRSABits = 2048

// certificate makes the SDS resource of a Secret's certificate and key and returns its name. The pair is checked, so
// that Envoy never meets one it would refuse.
func (c *Compiler) certificate(name secretName) (string, *fault) {
	resource := "certificate/" + name.String()
	return resource, c.secretOnce(resource, func() (*tlsv3.Secret, *fault) {
		secret, problem := c.secret(name)
		if problem != nil {
			return nil, problem
		}
		chain := firstOf(secret, corev1.TLSCertKey, "cert-chain.pem")
		key := firstOf(secret, corev1.TLSPrivateKeyKey, "key.pem")
		if fault := c.secrets.pair(secret, func() *fault { return checkPair(name, chain, key) }); fault != nil {
			return nil, fault
		}
		return &tlsv3.Secret{Name: resource, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inlineBytes(chain), PrivateKey: inlineBytes(key),
		}}}, nil
	})
}

// certificateFiles makes the SDS resource of a certificate and key in files on Envoy's disk, which Envoy checks itself.
func (c *Compiler) certificateFiles(chain, key string) string {
	resource := "certificate-file/" + chain + "|" + key
	c.secretOnce(resource, func() (*tlsv3.Secret, *fault) {
		return &tlsv3.Secret{Name: resource, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inFile(chain), PrivateKey: inFile(key),
		}}}, nil
	})
	return resource
}

// authority makes the SDS resource that verifies a peer against a CA, from a Secret or a file, and a revocation list
// (crl.name is empty for none).
func (c *Compiler) authority(ca secretName, caFile string, crl secretName) (string, *fault) {
	resource := "authority/" + ca.String()
	if caFile != "" {
		resource = "authority-file/" + caFile
	}
	if crl.name != "" {
		resource += "|" + crl.String()
	}
	return resource, c.secretOnce(resource, func() (*tlsv3.Secret, *fault) {
		context := &tlsv3.CertificateValidationContext{}
		var fault *fault
		if caFile != "" {
			context.TrustedCa = inFile(caFile)
		} else if context.TrustedCa, fault = c.caBundle(ca); fault != nil {
			return nil, fault
		}
		if crl.name != "" {
			if context.Crl, fault = c.revocationList(crl); fault != nil {
				return nil, fault
			}
		}
		return &tlsv3.Secret{Name: resource, Type: &tlsv3.Secret_ValidationContext{ValidationContext: context}}, nil
	})
}

func (c *Compiler) caBundle(name secretName) (*corev3.DataSource, *fault) {
	secret, fault := c.secret(name)
	if fault != nil {
		return nil, fault
	}
	bundle := firstOf(secret, corev1.TLSCertKey, "root-cert.pem", corev1.ServiceAccountRootCAKey)
	if !x509.NewCertPool().AppendCertsFromPEM(bundle) {
		return nil, faultf(ReasonInvalidSecret, "Secret %s holds no CA certificate: put PEM certificates in its key tls.crt", name)
	}
	return inlineBytes(bundle), nil
}

func (c *Compiler) revocationList(name secretName) (*corev3.DataSource, *fault) {
	secret, fault := c.secret(name)
	if fault != nil {
		return nil, fault
	}
	list := firstOf(secret, "crl.pem", "user.key")
	block, _ := pem.Decode(list)
	if block == nil {
		return nil, faultf(ReasonInvalidSecret, "Secret %s holds no revocation list: put it in its key crl.pem", name)
	}
	if _, err := x509.ParseRevocationList(block.Bytes); err != nil {
		return nil, faultf(ReasonInvalidSecret, "Secret %s: crl.pem is not a revocation list: %v", name, err)
	}
	return inlineBytes(list), nil
}

// secretOnce makes an SDS resource the first time it is asked for and remembers it, or why it cannot be made.
func (c *Compiler) secretOnce(resource string, build func() (*tlsv3.Secret, *fault)) *fault {
	s := c.secrets
	if _, known := s.builds[resource]; known {
		return s.faults[resource]
	}
	s.builds[resource] = build
	s.building = resource
	secret, fault := build()
	if fault != nil {
		s.faults[resource] = fault
		return fault
	}
	s.made[resource] = secret
	return nil
}

// secret finds a Secret of a type that can hold certificates.
func (c *Compiler) secret(name secretName) (*corev1.Secret, *fault) {
	secret := c.secrets.read(c.store, name)
	if secret == nil {
		return nil, faultf(ReasonSecretNotFound, "Secret %s not found", name)
	}
	switch secret.Type {
	case "", corev1.SecretTypeOpaque, corev1.SecretTypeTLS, "istio.io/key-and-cert":
		return secret, nil
	}
	return nil, faultf(ReasonInvalidSecret, "Secret %s is of type %s: use kubernetes.io/tls or Opaque", name, secret.Type)
}

func firstOf(secret *corev1.Secret, keys ...string) []byte {
	for _, key := range keys {
		if value := secret.Data[key]; len(value) > 0 {
			return value
		}
	}
	return nil
}

// checkPair reports why a certificate chain and its key cannot be served.
func checkPair(name secretName, chain, key []byte) *fault {
	if len(bytes.TrimSpace(chain)) == 0 || len(bytes.TrimSpace(key)) == 0 {
		return faultf(ReasonInvalidSecret, "Secret %s needs the keys tls.crt and tls.key", name)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return faultf(ReasonInvalidSecret, "Secret %s holds no usable certificate: %s", name, strings.TrimPrefix(err.Error(), "tls: "))
	}
	switch key := pair.PrivateKey.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSABits {
			return faultf(ReasonInvalidSecret, "Secret %s: the RSA key has %d bits, Envoy asks for at least %d", name, key.N.BitLen(), minRSABits)
		}
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P224() {
			return faultf(ReasonInvalidSecret, "Secret %s: the key is on curve P-224, Envoy knows P-256, P-384 and P-521", name)
		}
	default:
		return faultf(ReasonInvalidSecret, "Secret %s: the key is neither RSA nor ECDSA, which are what Envoy serves", name)
	}
	return nil
}
