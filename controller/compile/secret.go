package compile

import (
	"fmt"
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
		pair := c.secrets.pair(secret, func() keyPair { return newKeyPair("Secret "+name.String(), chain, key) })
		if pair.fault != nil {
			return nil, pair.fault
		}
		return &tlsv3.Secret{Name: resource, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inlineBytes(pair.chain), PrivateKey: inlineBytes(pair.key),
		}}}, nil
	})
}

// certificateFiles makes the SDS resource of a certificate and key in files on Envoy's disk, which Envoy reads itself.
func (c *Compiler) certificateFiles(chain, key string) (string, *fault) {
	resource := "certificate-file/" + chain + "|" + key
	return resource, c.secretOnce(resource, func() (*tlsv3.Secret, *fault) {
		if fault := c.checkFiles(chain, key); fault != nil {
			return nil, fault
		}
		return &tlsv3.Secret{Name: resource, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inFile(chain), PrivateKey: inFile(key),
		}}}, nil
	})
}

// checkFiles reads what Envoy is going to read, where that is possible.
func (c *Compiler) checkFiles(chain, key string) *fault {
	if c.options.Disk == nil {
		return nil
	}
	certificates, err := c.options.Disk.ReadFile(chain)
	if err != nil {
		return faultf(ReasonInvalid, "cert_chain_file: %v", err)
	}
	private, err := c.options.Disk.ReadFile(key)
	if err != nil {
		return faultf(ReasonInvalid, "private_key_file: %v", err)
	}
	return newKeyPair(fmt.Sprintf("cert_chain_file %s with private_key_file %s", chain, key), certificates, private).fault
}

// checkAuthorityFile is checkFiles for the certificates of authorities.
func (c *Compiler) checkAuthorityFile(path string) *fault {
	if c.options.Disk == nil {
		return nil
	}
	bundle, err := c.options.Disk.ReadFile(path)
	if err == nil {
		_, err = plainCertificates(bundle)
	}
	if err != nil {
		return faultf(ReasonInvalid, "cacert_chain_file %s: %v", path, err)
	}
	return nil
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
			context.TrustedCa, fault = inFile(caFile), c.checkAuthorityFile(caFile)
		} else {
			context.TrustedCa, fault = c.caBundle(ca, corev1.TLSCertKey, rootCertificate, corev1.ServiceAccountRootCAKey)
		}
		if fault != nil {
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

// rootCertificate is the key that Istio puts the CA of the peers in, beside a certificate.
const rootCertificate = "root-cert.pem"

// hasAuthority reports whether the Secret of a certificate says itself what CA to verify peers against.
func (c *Compiler) hasAuthority(name secretName) bool {
	if name.name == "" {
		return false
	}
	secret := c.secrets.decisive(c.store, name)
	return secret != nil && len(secret.Data[rootCertificate]) > 0
}

// ownAuthority makes the SDS resource that verifies a peer against the CA in the Secret of a certificate.
func (c *Compiler) ownAuthority(name secretName) (string, *fault) {
	resource := "own-authority/" + name.String()
	return resource, c.secretOnce(resource, func() (*tlsv3.Secret, *fault) {
		bundle, fault := c.caBundle(name, rootCertificate)
		if fault != nil {
			return nil, fault
		}
		return &tlsv3.Secret{Name: resource, Type: &tlsv3.Secret_ValidationContext{
			ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: bundle}}}, nil
	})
}

// caBundle reads the first key of a Secret that it has.
func (c *Compiler) caBundle(name secretName, keys ...string) (*corev3.DataSource, *fault) {
	secret, fault := c.secret(name)
	if fault != nil {
		return nil, fault
	}
	bundle, err := plainCertificates(firstOf(secret, keys...))
	if err != nil {
		return nil, faultf(ReasonInvalidSecret, "Secret %s holds no usable CA certificates: %v; put PEM certificates in its key %s", name, err, keys[0])
	}
	return inlineBytes(bundle), nil
}

func (c *Compiler) revocationList(name secretName) (*corev3.DataSource, *fault) {
	secret, fault := c.secret(name)
	if fault != nil {
		return nil, fault
	}
	list, err := plainRevocationLists(firstOf(secret, "crl.pem", "user.key"))
	if err != nil {
		return nil, faultf(ReasonInvalidSecret, "Secret %s holds no usable revocation list: %v; put it in its key crl.pem", name, err)
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
		secret = c.options.Placeholder
	}
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
