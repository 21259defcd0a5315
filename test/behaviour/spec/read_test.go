package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRead(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"certs.yaml":          "ca.crt: UEVN\n",
		"c/case.yaml":         "env: {AMBASSADOR_ID: blue, AMBASSADOR_READY_PORT: 8006}\n",
		"c/manifests.yaml":    "# two documents\n---\nkind: Host\n---\n\n---\nkind: Mapping\n",
		"c/manifests.2.yaml":  "kind: Host\n",
		"c/expect.2.yaml":     "[]\n",
		"notes/unrelated.txt": "",
		"c/expect.yaml": `
- request:
    listener_port: 8443
    scheme: https
    host: a.example.com
    path: /x/../y?q
    headers: {X-One: 1, X-Two: [a, b]}
    sni: ""
    tls_max: 1.1
    alpn: h2
    client_cert: client
    proxy_protocol: 203.0.113.7
  expect:
    route_to: quote.default:80
    alpn: null
    headers_upstream: {x-one: '1', x-re: '~a.*'}
  peer_artifact: true
- expect: {rejected_resource: Mapping/bad.ns}
`,
	})
	dirs, err := List(root)
	if err != nil || len(dirs) != 1 {
		t.Fatalf("List = %v, %v; want the one case", dirs, err)
	}
	c, err := Read(dirs[0])
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "c" || len(c.Steps) != 2 || len(c.Steps[0].Objects) != 2 || len(c.Steps[1].Objects) != 1 || string(c.Certificates["ca.crt"]) != "PEM" {
		t.Errorf("case = %+v", c)
	}
	wantEnv := map[string]string{"AMBASSADOR_ID": "blue", "AMBASSADOR_NAMESPACE": "default", "AMBASSADOR_READY_PORT": "8006"}
	if diff := cmp.Diff(wantEnv, c.Env); diff != "" {
		t.Errorf("environment: %s", diff)
	}
	noSNI := ""
	want := Probe{
		Request: &Request{
			ListenerPort: 8443, Scheme: "https", Host: "a.example.com", Path: "/x/../y?q",
			Headers: map[string]Strings{"X-One": {"1"}, "X-Two": {"a", "b"}},
			SNI:     &noSNI, TLSMax: "1.1", ALPN: Strings{"h2"}, ClientCert: true,
			ProxyProtocol: &ProxyProtocol{Version: 1, Source: "203.0.113.7"},
		},
		Expect: Expect{
			RouteTo: "quote.default:80", ALPN: Nullable{Set: true},
			HeadersUpstream: map[string]Strings{"x-one": {"1"}, "x-re": {"~a.*"}},
		},
		PeerArtifact: true,
	}
	if diff := cmp.Diff(want, c.Steps[0].Probes[0]); diff != "" {
		t.Errorf("probe: %s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ expect, want string }{
		"an unknown expectation": {"- request: {path: /}\n  expect: {routes_to: a}\n", `probe 1: json: unknown field "routes_to"`},
		"an unknown request key": {"- request: {paths: /}\n", `probe 1: json: unknown field "paths"`},
		"a probe of nothing":     {"- expect: {status: 200}\n", "probe 1: has neither a request nor a rejected_resource"},
		"a map for a scalar":     {"- request: {path: /}\n  expect: {route_to: {a: b}}\n", "want a single value"},
		"a bad PROXY version":    {"- request: {path: /, proxy_protocol: v3}\n", "want true, v1, v2"},
		"no list":                {"request: {}\n", "want a list of probes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := write(t, map[string]string{"manifests.yaml": "kind: Host\n", "expect.yaml": test.expect})
			_, err := Read(root)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestListWithoutCases(t *testing.T) {
	t.Parallel()
	if _, err := List(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no case") {
		t.Errorf("error = %v, want one saying that there is no case", err)
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	got, err := Pending(write(t, map[string]string{"pending.yaml": "a: not built\n"}))
	if err != nil || got["a"] != "not built" {
		t.Errorf("Pending = %v, %v", got, err)
	}
	if got, err := Pending(t.TempDir()); err != nil || len(got) != 0 {
		t.Errorf("without a list: %v, %v", got, err)
	}
	if _, err := Pending(write(t, map[string]string{"pending.yaml": "a: ''\n"})); err == nil || !strings.Contains(err.Error(), "a has no reason") {
		t.Errorf("error = %v, want one that asks for a reason", err)
	}
}
