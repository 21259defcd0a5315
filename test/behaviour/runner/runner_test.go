package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/behaviour/probe"
	"terraform-provider-emissary/test/behaviour/spec"
)

func TestMain(m *testing.M) {
	Init()
	os.Exit(m.Run())
}

func TestReport(t *testing.T) {
	t.Parallel()
	failure := []probe.Failure{{Key: "route_to", Got: "404 from the gateway", Want: "a.default:80"}}
	tests := map[string]struct {
		result  Result
		verbose bool
		want    string
	}{
		"passed": {Result{Name: "c", Took: 820 * time.Millisecond, Probes: []ProbeResult{{Title: "probe 1"}}}, false,
			"ok c (1 probes, 0.8s)\n"},
		"failed": {Result{Name: "c", Probes: []ProbeResult{{Title: "probe 1"}, {Title: "probe 2", Note: "why", Failures: failure}}}, false,
			"FAIL c (1 of 2 probes failed, 0.0s)\n    probe 2\n        route_to: got 404 from the gateway, want a.default:80\n        (why)\n"},
		"a quirk of the peer": {Result{Name: "c", Probes: []ProbeResult{{Title: "probe 1", Artifact: true, Failures: failure}}}, false,
			"ok c (1 probes, 0.0s)\n"},
		"a quirk, verbose": {Result{Name: "c", Log: "said\n", Probes: []ProbeResult{{Title: "probe 1", Artifact: true, Failures: failure}}}, true,
			"ok c (1 probes, 0.0s)\n    probe 1: does not count: a quirk of the peer\n" +
				"        route_to: got 404 from the gateway, want a.default:80\n    | said\n"},
		"not run": {Result{Name: "c", Error: "two\nlines"}, false, "FAIL c (not run, 0.0s)\n    two\n    lines\n"},
		"skipped": {Result{Name: "c", Skipped: "no DNS"}, false, "skip c (no DNS)\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			Report(&b, &test.result, test.verbose)
			if b.String() != test.want {
				t.Errorf("report:\n%swant:\n%s", b.String(), test.want)
			}
		})
	}
}

// TestRunCaseWithoutController runs the whole way to the controller, and finds one that ends at once.
func TestRunCaseWithoutController(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "broken")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"manifests.yaml": "kind: Mapping\nmetadata: {name: m}\nspec: {service: 'web:8080'}\n",
		"expect.yaml":    "- request: {listener_port: 8081}\n  expect: {closed: true}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(t.TempDir(), "controller")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho no such command >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	result := RunCase(t.Context(), Options{Binary: binary, Isolation: isolation.Loopback}, dir, 63)
	if result.Passed() || !strings.Contains(result.Error, "exit status 3") || !strings.Contains(result.Error, "no such command") {
		t.Errorf("result = %+v, want an error with the exit status and what the controller said", result)
	}
	if result := RunCase(t.Context(), Options{Isolation: isolation.Loopback}, dir+"-missing", 63); result.Error == "" {
		t.Error("a case that does not exist passed")
	}
}

func TestObjectNames(t *testing.T) {
	t.Parallel()
	s := &session{namespace: "ingress"}
	for in, want := range map[string]string{
		"Mapping/m": "Mapping ingress/m", "Listener/l.team": "Listener team/l",
	} {
		if got := s.object(in); got != want {
			t.Errorf("object(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	sni := ""
	p := &spec.Probe{Request: &spec.Request{ListenerPort: 8443, Scheme: "https", Host: "h", Path: "/x", SNI: &sni,
		Headers: map[string]spec.Strings{"A": {"b"}}}}
	if got, want := describe(p), `GET https://h/x on port 8443 (A: b; SNI "")`; got != want {
		t.Errorf("description = %q, want %q", got, want)
	}
}
