package install

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/internal/kube"
)

// Certificate is what a Secret presents to clients. Nothing of the key is kept.
type Certificate struct {
	// Secret is the Secret's namespace/name.
	Secret string
	// NotAfter is when the certificate expires; zero where Problem says why that
	// is not known.
	NotAfter time.Time
	// DNSNames are the names it is for, Issuer who has signed it.
	DNSNames []string
	Issuer   string
	// Problem is why the certificate could not be read; empty when it was.
	Problem string
}

// certificateOf reads the certificate that a Host presents: that of its Secret,
// or of the TLSContext that it names. It is nil when it has neither.
func certificateOf(ctx context.Context, client *kube.Client, host *v3alpha1.Host) (*Certificate, error) {
	namespace, name, err := secretOf(ctx, client, host)
	if err != nil || name == "" {
		return nil, err
	}
	ref := kube.Ref{Type: secrets, Namespace: namespace, Name: name}
	found := &Certificate{Secret: namespace + "/" + name}
	object, err := client.Get(ctx, ref)
	switch {
	case apierrors.IsForbidden(err):
		found.Problem = "reading the Secret is forbidden"
		return found, nil
	case err != nil:
		return nil, err
	case object == nil:
		found.Problem = "there is no such Secret"
		return found, nil
	}
	secret, err := typed[corev1.Secret](object)
	if err != nil {
		return nil, err
	}
	if err := found.parse(secret.Data[corev1.TLSCertKey]); err != nil {
		found.Problem = corev1.TLSCertKey + ": " + err.Error()
	}
	return found, nil
}

// secretOf finds the Secret of a Host. In a TLSContext, a name with a dot has a
// namespace behind the last one, unless that is turned off.
func secretOf(ctx context.Context, client *kube.Client, host *v3alpha1.Host) (namespace, name string, err error) {
	switch spec := host.Spec; {
	case spec.TLSSecret != nil && spec.TLSSecret.Name != "":
		return cmp.Or(spec.TLSSecret.Namespace, host.Namespace), spec.TLSSecret.Name, nil
	case spec.TLSContext != nil && spec.TLSContext.Name != "":
		tls, err := tlsContextOf(ctx, client, host.Namespace, spec.TLSContext.Name)
		if err != nil || tls == nil {
			return "", "", err
		}
		namespace, name = tls.Namespace, tls.Spec.Secret
		dot := strings.LastIndex(name, ".")
		if dot > 0 && (tls.Spec.SecretNamespacing == nil || *tls.Spec.SecretNamespacing) {
			namespace, name = name[dot+1:], name[:dot]
		}
	}
	return namespace, name, nil
}

// tlsContextOf finds a TLSContext as the controller does: that of the Host's own
// namespace, else one of the name in any; nil when there is none.
func tlsContextOf(ctx context.Context, client *kube.Client, namespace, name string) (*v3alpha1.TLSContext, error) {
	object, err := client.Get(ctx, kube.Ref{Type: tlsContexts, Namespace: namespace, Name: name})
	if err != nil {
		return nil, err
	}
	if object != nil {
		return typed[v3alpha1.TLSContext](object)
	}
	for other, err := range client.List(ctx, tlsContexts, "", "") { // by namespace
		if err != nil {
			return nil, err
		}
		if other.GetName() == name {
			return typed[v3alpha1.TLSContext](other)
		}
	}
	return nil, nil
}

// parse reads the first certificate of a chain, which is the one that counts.
func (c *Certificate) parse(chain []byte) error {
	block, _ := pem.Decode(chain)
	if block == nil {
		return errors.New("no certificate in PEM is in it")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	c.NotAfter, c.DNSNames, c.Issuer = certificate.NotAfter.UTC(), certificate.DNSNames, certificate.Issuer.String()
	return nil
}
