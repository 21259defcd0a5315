package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// run calls a command as a shell does.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	root := newRoot(Build{Version: "1.2.3", Address: "registry.example.com/a/b"})
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errOut)
	err = root.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

// names reads the resources of a rendered configuration.
func names(t *testing.T, document string) map[string][]string {
	t.Helper()
	var content map[string][]struct {
		Name string `json:"name"`
	}
	if err := yaml.Unmarshal([]byte(document), &content); err != nil {
		t.Fatalf("%v:\n%s", err, document)
	}
	found := map[string][]string{}
	for section, resources := range content {
		found[section] = []string{}
		for _, resource := range resources {
			found[section] = append(found[section], resource.Name)
		}
	}
	return found
}

func TestCompile(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("testdata", "quote")
	asJSON, problems, err := run(t, "", "compile", "-f", folder)
	if err != nil {
		t.Fatal(err)
	}
	if problems != "" {
		t.Errorf("problems:\n%s", problems)
	}
	if !json.Valid([]byte(asJSON)) {
		t.Errorf("not JSON:\n%s", asJSON)
	}
	found := names(t, asJSON)
	if len(found["listeners"]) != 1 || len(found["routes"]) == 0 || len(found["clusters"]) == 0 {
		t.Errorf("resources = %v", found)
	}

	data, err := os.ReadFile(filepath.Join(folder, "quote.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asYAML, _, err := run(t, string(data), "compile", "-f", "-", "-o", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	converted, err := yaml.YAMLToJSON([]byte(asYAML))
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal([]byte(asJSON), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(converted, &b); err != nil {
		t.Fatal(err)
	}
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	if !bytes.Equal(left, right) {
		t.Error("JSON from a folder and YAML from standard input differ")
	}
}

func TestCompileFailures(t *testing.T) {
	t.Parallel()
	bad := "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: bad}\nspec: {prefix: /}\n"
	tests := map[string]struct {
		stdin      string
		args       []string
		wantError  string // empty: success
		wantStderr string
	}{
		"no input":               {args: []string{"-f", "-"}, wantError: "no document"},
		"no such file":           {args: []string{"-f", "nowhere.yaml"}, wantError: "nowhere.yaml"},
		"unknown format":         {args: []string{"-f", "-", "-o", "xml"}, wantError: `"xml": json or yaml`},
		"not YAML":               {stdin: "a: [", args: []string{"-f", "-"}, wantError: "could not be read", wantStderr: "standard input, document 1"},
		"a bad object is said":   {stdin: bad, args: []string{"-f", "-"}, wantStderr: "Mapping default/bad: Invalid: standard input, document 1: spec.service: Required"},
		"a bad object, strictly": {stdin: bad, args: []string{"-f", "-", "--strict"}, wantError: "1 objects have problems", wantStderr: "spec.service"},
		"another instance's, strictly": {
			stdin: strings.Replace(bad, "prefix: /", "prefix: /, ambassador_id: [other]", 1), args: []string{"-f", "-", "--strict"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stderr, err := run(t, test.stdin, append([]string{"compile"}, test.args...)...)
			switch {
			case test.wantError == "" && err != nil:
				t.Errorf("failed: %v", err)
			case test.wantError != "" && (err == nil || !strings.Contains(err.Error(), test.wantError)):
				t.Errorf("error = %v, want one with %q", err, test.wantError)
			}
			if !strings.Contains(stderr, test.wantStderr) {
				t.Errorf("stderr lacks %q:\n%s", test.wantStderr, stderr)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	stdout, _, err := run(t, "", "version")
	if err != nil || !strings.HasPrefix(stdout, "terraform-provider-emissary 1.2.3 (") {
		t.Errorf("%q, %v", stdout, err)
	}
}

// Annotations and Ingresses count as they do in the controller.
func TestCompileDerivedObjects(t *testing.T) {
	t.Parallel()
	const manifests = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http}
spec: {port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: v1
kind: Service
metadata:
  name: quote
  annotations:
    getambassador.io/config: |
      apiVersion: ambassador/v1
      kind: Mapping
      name: quote
      prefix: /quote/
      service: quote
spec: {clusterIP: 127.0.0.1, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {kubernetes.io/ingress.class: ambassador}}
spec:
  rules:
  - http: {paths: [{path: /shop, pathType: Prefix, backend: {service: {name: shop, port: {name: web}}}}]}
`
	out, problems, err := run(t, manifests, "compile", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "/quote/") {
		t.Errorf("the Mapping in the annotation is missing:\n%s", out)
	}
	if !strings.Contains(problems, "Ingress default/shop") || !strings.Contains(problems, "there is no Service default/shop") {
		t.Errorf("problems do not name the Ingress and its port:\n%s", problems)
	}
}
