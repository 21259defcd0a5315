package explain_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/explain"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
)

// TestEnvoyAgrees runs the controller with a real Envoy on random objects, sends it random requests, and compares its
// answers with the explanations.
func TestEnvoyAgrees(t *testing.T) {
	t.Parallel()
	const requests = 1000
	tests := []struct {
		name            string
		module          object
		shops, mappings int
	}{
		{"defaults", object{}, 0, 80},
		{"tidied requests", object{"merge_slashes": true, "strip_matching_host_port": true}, 0, 80},
		{"trusted clients", object{"use_remote_address": false, "headers_with_underscores_action": "DROP_HEADER"}, 0, 80},
		{"refused requests", object{"reject_requests_with_escaped_slashes": true, "headers_with_underscores_action": "REJECT_REQUEST"}, 0, 80},
		{"route tables that are cut", object{}, 200, 2500},
	}
	for i, test := range tests {
		// One after the other: a port that is free for one would soon be another one's.
		t.Run(test.name, func(t *testing.T) {
			g := startGateway(t, newRoll(uint64(i), test.shops), test.module, test.mappings)
			forwarded, tables := 0, map[string]bool{}
			r := newRoll(uint64(100+i), test.shops)
			for range requests {
				q := r.request(g.ports)
				x, err := g.explainer.Explain(q)
				if err != nil {
					t.Fatalf("%s: %v", q.URL(), err)
				}
				tables[x.RouteConfiguration] = true
				a := g.send(t, q)
				if a.service != "" {
					forwarded++
				}
				if !slices.ContainsFunc(x.Outcomes, a.is) {
					var text strings.Builder
					_ = x.WriteText(&text)
					t.Errorf("Envoy: %+v\nrequest: %+v\n%s", a, q, text.String())
				}
			}
			if forwarded < requests/10 {
				t.Errorf("only %d of %d requests reached a service: the test has lost its object", forwarded, requests)
			}
			if whole := tables[fmt.Sprintf("tcp/127.0.0.1:%d/cleartext", g.ports[1])]; whole == (test.shops > 0) {
				t.Errorf("with %d Mappings there is one route table for all: %v; the test has lost its object", test.mappings, whole)
			}
		})
	}
}

// gateway is a controller with its Envoy, and the explainer of the same objects.
type gateway struct {
	ports     []int
	explainer *explain.Explainer
}

func startGateway(t *testing.T, r roll, module object, mappings int) *gateway {
	t.Helper()
	var services []string
	for range 20 {
		services = append(services, backend(t))
	}
	free := loopback.Ports(t, 6)
	g := &gateway{ports: free[:3]}
	objects := append(r.gateway(module, mappings, g.ports, services), certificate(t))
	variables := map[string]string{
		"ENVOY":                               deps.Envoy(t),
		"ENVOY_CONCURRENCY":                   "1",
		"AMBASSADOR_ENVOY_BIND_ADDRESS":       "127.0.0.1",
		"ENVOY_ADMIN_PORT":                    strconv.Itoa(free[3]),
		"AMBASSADOR_READY_PORT":               strconv.Itoa(free[4]),
		"AMBASSADOR_HEALTHCHECK_BIND_ADDRESS": "127.0.0.1",
		"AMBASSADOR_HEALTHCHECK_BIND_PORT":    strconv.Itoa(free[5]),
	}
	environment, err := controller.ParseEnvironment(func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	s := storeOf(t, environment, objects)
	if g.explainer, err = explain.New(s, compile.Compile(s, controller.CompileOptions(environment))); err != nil {
		t.Fatal(err)
	}
	run(t, environment, objects)
	await(t, "the controller to be ready", func() bool {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/ambassador/v0/check_ready", free[5]))
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	for _, port := range g.ports {
		await(t, fmt.Sprint("port ", port), func() bool {
			conn, err := net.Dial("tcp", local(port))
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return g
}

// run runs the controller on a folder of manifests until the test ends.
func run(t *testing.T, environment controller.Environment, objects []object) {
	t.Helper()
	folder := t.TempDir()
	var file strings.Builder
	for _, o := range objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		file.WriteString("---\n" + string(text))
	}
	if err := os.WriteFile(filepath.Join(folder, "objects.yaml"), []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- controller.Run(ctx, controller.Options{Environment: environment, Manifests: folder, Log: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the controller: %v", err)
		}
	})
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(time.Minute); !holds(); {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// answer is what came of a request.
type answer struct {
	closed   bool
	status   int
	location string
	// service, path and host are what the service that got the request saw.
	service, path, host string
}

// is reports whether the answer is what an outcome says.
func (a answer) is(o explain.Outcome) bool {
	switch o.Action {
	case explain.Close:
		return a.closed
	case explain.Forward:
		return a.service == o.Services[0].Name && a.path == o.Path && a.host == o.Host
	default:
		return !a.closed && a.service == "" && a.status == o.Status && a.location == o.Location
	}
}

// send sends a request byte by byte as it is: an HTTP client would tidy it up.
func (g *gateway) send(t *testing.T, q explain.Request) answer {
	t.Helper()
	conn, err := net.Dial("tcp", local(int(q.Port)))
	if err != nil {
		return answer{closed: true}
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if q.TLS {
		conn = tls.Client(conn, &tls.Config{ServerName: q.ServerName, InsecureSkipVerify: true})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n", q.Method, q.Path, q.Host)
	for name, values := range q.Headers {
		for _, value := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	if _, err := io.WriteString(conn, b.String()+"\r\n"); err != nil {
		return answer{closed: true}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.Method})
	if err != nil {
		return answer{closed: true}
	}
	_ = response.Body.Close()
	h := response.Header
	return answer{status: response.StatusCode, location: h.Get("Location"), service: h.Get("Seen-By"), path: h.Get("Seen-Path"), host: h.Get("Seen-Host")}
}

// backend is a service that answers with what it saw of a request, however odd; it returns its address.
func backend(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", local(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go echo(conn, listener.Addr().String())
		}
	}()
	return listener.Addr().String()
}

func echo(conn net.Conn, name string) {
	defer func() { _ = conn.Close() }()
	reader := textproto.NewReader(bufio.NewReader(conn))
	for {
		line, err := reader.ReadLine()
		if err != nil {
			return
		}
		header, err := reader.ReadMIMEHeader()
		if err != nil {
			return
		}
		_, path, _ := strings.Cut(line, " ")
		path = strings.TrimSuffix(path, " HTTP/1.1")
		_, err = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSeen-By: %s\r\nSeen-Path: %s\r\nSeen-Host: %s\r\n\r\n", name, path, header.Get("Host"))
		if err != nil {
			return
		}
	}
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// certificate is a Secret that any Host can terminate TLS with.
func certificate(t *testing.T) object {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return object{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
		"metadata":   object{"name": "certificate", "namespace": "default"},
		"stringData": object{"tls.crt": text("CERTIFICATE", der), "tls.key": text("PRIVATE KEY", private)},
	}
}
