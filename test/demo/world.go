package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// authority is a certificate that signed itself, and its key, both as PEM.
type authority struct {
	certificate, key []byte
	pool             *x509.CertPool
}

func newAuthority(hostname string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: hostname},
		DNSNames:              []string{hostname},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	a := &authority{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pool:        x509.NewCertPool(),
	}
	a.pool.AppendCertsFromPEM(a.certificate)
	return a, nil
}

// file writes the certificate into the folder, for curl --cacert.
func (a *authority) file(dir string) string {
	path := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(path, a.certificate, 0o644); err != nil {
		return err.Error()
	}
	return path
}

// backend is the small web application: it tells which path it was asked for.
type backend struct {
	server *http.Server
	port   int
}

func startBackend() (*backend, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &backend{port: portOf(listener)}
	b.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "Welcome to nginx! You asked for %s", r.URL.Path)
		}),
	}
	go b.server.Serve(listener) //nolint:errcheck // it ends with ErrServerClosed
	return b, nil
}

func (b *backend) close() error {
	return b.server.Close()
}

// service is how a Mapping names the backend.
func (b *backend) service() string {
	return fmt.Sprintf("my-nginx.nginx:%d", b.port)
}

// createSecret puts the certificate where the seed keeps it: a namespace of its
// own.
func (d *demo) createSecret(ctx context.Context) error {
	if err := d.createNamespace(ctx, "secret"); err != nil {
		return err
	}
	_, err := d.client.CoreV1().Secrets("secret").Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "tls-secret"},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{corev1.TLSCertKey: d.authority.certificate, corev1.TLSPrivateKeyKey: d.authority.key},
	}, metav1.CreateOptions{})
	return err
}

// createService names the backend in the cluster. It is an ExternalName because
// the API refuses loopback addresses in EndpointSlices.
func (d *demo) createService(ctx context.Context) error {
	if err := d.createNamespace(ctx, "nginx"); err != nil {
		return err
	}
	_, err := d.client.CoreV1().Services("nginx").Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "my-nginx"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}, metav1.CreateOptions{})
	return err
}

func (d *demo) createNamespace(ctx context.Context, name string) error {
	_, err := d.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) && d.mine {
		return nil
	}
	return err
}

// deleteWorld takes the certificate and the Service out of the user's own
// cluster. Their namespaces stay: they may hold more than ours.
func (d *demo) deleteWorld() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var failures []error
	for _, err := range []error{
		d.client.CoreV1().Secrets("secret").Delete(ctx, "tls-secret", metav1.DeleteOptions{}),
		d.client.CoreV1().Services("nginx").Delete(ctx, "my-nginx", metav1.DeleteOptions{}),
	} {
		if !apierrors.IsNotFound(err) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
