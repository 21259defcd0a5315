package controller_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
)

// site is a folder served by a controller with a real Envoy.
type site struct {
	dir         string
	http, https int // ports
	health      string
	trust       *x509.CertPool
	backend     *net.TCPAddr
	log         *buffer
}

// buffer is a log that tests can read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve starts a controller on testdata/site. Everything listens on loopback.
func serve(t *testing.T) *site {
	t.Helper()
	command := deps.Envoy(t)
	ports := loopback.Ports(t, 5)
	s := &site{
		dir:  t.TempDir(),
		http: ports[0], https: ports[1],
		health:  fmt.Sprintf("http://127.0.0.1:%d/ambassador/v0/", ports[2]),
		backend: backend(t),
		log:     &buffer{},
	}
	s.render(t, "site.yaml")

	s.run(t, controller.Options{Manifests: s.dir}, command, ports[2:])
	s.ready(t)
	return s
}

// backend starts a web server that says which path it was asked for.
func backend(t *testing.T) *net.TCPAddr {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "backend saw %s", r.URL.Path)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr)
}

// run starts a controller with a real Envoy until the test ends. The ports are for health checks, readiness and Envoy's
// admin interface.
func (s *site) run(t *testing.T, options controller.Options, command string, ports []int) {
	t.Helper()
	s.start(t, options, command, ports)
}

// start is run, and returns how to end the controller before the test does.
func (s *site) start(t *testing.T, options controller.Options, command string, ports []int) (stop func()) {
	t.Helper()
	options.Log = slog.New(slog.NewTextHandler(s.log, nil))
	options.Environment = controller.Environment{
		AmbassadorID: "default", Namespace: "default", LogLevel: "info",
		BindAddress: "127.0.0.1", HealthNetwork: "tcp", HealthAddress: fmt.Sprintf("127.0.0.1:%d", ports[0]), HealthPort: ports[0],
		ReadyPort: ports[1], AdminPort: ports[2], EnvoyCommand: command, EnvoyConcurrency: 1, DrainTime: time.Second,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- controller.Run(ctx, options) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the controller ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the controller did not end")
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("the controller's log:\n%s", s.log)
		}
	})
	return stop
}

// ready waits until the controller says that it is.
func (s *site) ready(t *testing.T) {
	t.Helper()
	s.await(t, "readiness", func() error {
		response, err := http.Get(s.health + "check_ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(response.Body)
			return fmt.Errorf("%s: %s", response.Status, body)
		}
		return nil
	})
}

// render writes testdata/site/<name> into the folder, with this site's ports and a certificate made for it.
func (s *site) render(t *testing.T, name string) {
	t.Helper()
	source, err := template.ParseFiles(filepath.Join("testdata", "site", name))
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, pool := selfSigned(t, "*.example.com")
	s.trust = pool
	var content bytes.Buffer
	if err := source.Execute(&content, map[string]any{
		"HTTP": s.http, "HTTPS": s.https, "Backend": s.backend.Port,
		"Certificate": base64.StdEncoding.EncodeToString(certificate), "Key": base64.StdEncoding.EncodeToString(key),
	}); err != nil {
		t.Fatal(err)
	}
	s.write(t, name, content.String())
}

// write puts a file into the folder in one step.
func (s *site) write(t *testing.T, name, content string) {
	t.Helper()
	temporary := filepath.Join(s.dir, "."+name)
	if err := os.WriteFile(temporary, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(s.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// get asks for a path of dev.example.com and returns status, Location and body. Redirects are not followed.
func (s *site) get(scheme, path string) (status int, location, body string, err error) {
	port := map[string]int{"http": s.http, "https": s.https}[scheme]
	client := &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: s.trust},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
			},
		},
	}
	response, err := client.Get(scheme + "://dev.example.com" + path)
	if err != nil {
		return 0, "", "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("Location"), string(content), err
}

// answers waits until a path is answered with a status over HTTPS.
func (s *site) answers(t *testing.T, path string, want int) {
	t.Helper()
	s.await(t, fmt.Sprintf("%s being answered with %d", path, want), func() error {
		status, _, _, err := s.get("https", path)
		if err == nil && status != want {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// is asks for a path over cleartext once and compares the status.
func (s *site) is(path string, want int) error {
	status, _, _, err := s.get("http", path)
	if err == nil && status != want {
		err = fmt.Errorf("status %d, want %d", status, want)
	}
	return err
}

// await tries until it works. Envoy gives no signal that a test could wait for.
func (s *site) await(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestFolderIsServedByEnvoy(t *testing.T) {
	t.Parallel()
	s := serve(t)

	status, _, body, err := s.get("https", "/app/hello")
	if err != nil || status != http.StatusOK || body != "backend saw /hello" {
		t.Errorf("HTTPS: %d %q %v", status, body, err)
	}
	status, location, _, err := s.get("http", "/app/hello")
	if err != nil || status != http.StatusMovedPermanently || location != "https://dev.example.com/app/hello" {
		t.Errorf("HTTP: %d to %q %v, want 301 to HTTPS", status, location, err)
	}

	const more = "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: more}\nspec: {hostname: dev.example.com, prefix: %s, service: \"app:%d\"}\n"
	s.write(t, "more.yaml", fmt.Sprintf(more, "/one/", s.backend.Port))
	s.answers(t, "/one/", http.StatusOK)
	s.write(t, "more.yaml", fmt.Sprintf(more, "/two/", s.backend.Port))
	s.answers(t, "/two/", http.StatusOK)
	s.answers(t, "/one/", http.StatusNotFound)

	// A document that is no good costs nothing but itself, and is said by name.
	s.write(t, "bad.yaml", "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: bad}\nspec: {prefix: /bad/}\n")
	s.await(t, "the bad document being said", func() error {
		if !strings.Contains(s.log.String(), "bad.yaml, document 1: spec.service") {
			return fmt.Errorf("the log does not name it")
		}
		return nil
	})
	s.answers(t, "/two/", http.StatusOK)
	s.answers(t, "/app/", http.StatusOK)

	if err := os.Remove(filepath.Join(s.dir, "more.yaml")); err != nil {
		t.Fatal(err)
	}
	s.answers(t, "/two/", http.StatusNotFound)
}

func TestACertificateIsReplacedWhileServing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.answers(t, "/app/", http.StatusOK)
	s.render(t, "site.yaml") // a new certificate, and only that one is trusted from here on
	s.answers(t, "/app/", http.StatusOK)
}

func TestMetricsHaveBothParts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	response, err := http.Get(strings.TrimSuffix(s.health, "/ambassador/v0/") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"emissary_compile_seconds_count", "envoy_server_live"} {
		if !bytes.Contains(body, []byte(name)) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

func selfSigned(t *testing.T, name string) (certificate, key []byte, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), pool
}
