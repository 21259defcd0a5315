package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConvert looks at what the command adds to the conversion: files, flags, streams and the exit status.
func TestConvert(t *testing.T) {
	t.Parallel()
	const mapping = "apiVersion: getambassador.io/v2\nkind: Mapping\nmetadata: {name: quote}\nspec: {prefix: /, service: quote}\n"
	folder := t.TempDir()
	for name, text := range map[string]string{"b.yaml": mapping, "a.json": `{"apiVersion": "getambassador.io/v3alpha1", "kind": "Module", "metadata": {"name": "ambassador"}, "spec": {"config": {}}}`, "notes.txt": "none"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		args       []string
		stdin      string
		wantStatus int
		wantOut    []string
		wantErr    string
	}{
		"standard input": {
			stdin:   mapping,
			wantOut: []string{"resource \"emissary_mapping\" \"quote\" {\n  name      = \"quote\"\n  namespace = \"default\"\n"},
		},
		"with imports": {
			args: []string{"--to", "hcl", "--with-imports", "-f", "-"}, stdin: mapping,
			wantOut: []string{"import {\n  to = emissary_mapping.quote\n  id = \"default/quote\"\n}\n"},
		},
		"a folder": {
			args:    []string{"-f", folder, "--namespace", "web"},
			wantOut: []string{`resource "emissary_mapping" "quote"`, `resource "emissary_module" "ambassador"`, `namespace = "web"`},
		},
		"manifests": {
			args: []string{"--to", "yaml"}, stdin: mapping,
			wantOut: []string{"apiVersion: getambassador.io/v3alpha1\nkind: Mapping\n", "hostname: '*'\n"},
		},
		"something is lost": {
			stdin:      strings.Replace(mapping, "prefix: /", "prefix: /, prefx: /", 1),
			wantStatus: 1,
			wantOut:    []string{`resource "emissary_mapping" "quote"`},
			wantErr:    "warning: Mapping default/quote: spec.prefx: the kind has no such field; it is left out\n",
		},
		"other kinds are no loss": {
			stdin:   mapping + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
			wantErr: "note: Namespace web: it is left out: no resource of this provider manages it\n",
		},
		"no object":    {stdin: "# nothing\n", wantStatus: 2, wantErr: "there is no object to convert"},
		"no manifest":  {stdin: "a: b\n", wantStatus: 2, wantErr: "there is no object to convert"},
		"no YAML":      {stdin: "a: b: c\n", wantStatus: 2, wantErr: "standard input, document 1: it cannot be read as YAML"},
		"a key twice":  {stdin: mapping + "kind: Mapping\n", wantStatus: 2, wantErr: `key "kind" already set in map`},
		"no such file": {args: []string{"-f", "missing.yaml"}, wantStatus: 2, wantErr: "missing.yaml"},
		"other format": {args: []string{"--to", "json"}, stdin: mapping, wantStatus: 2, wantErr: `--to is "json": hcl or yaml is wanted`},
		"yaml imports": {args: []string{"--to", "yaml", "--with-imports"}, stdin: mapping, wantStatus: 2, wantErr: "--with-imports goes with --to hcl"},
		"an argument":  {args: []string{"hosts.yaml"}, wantStatus: 2, wantErr: "hosts.yaml"},
		"no such flag": {args: []string{"--from", "x"}, wantStatus: 2, wantErr: "unknown flag: --from"},
		"beside other files": {
			stdin:      mapping + "---\nreplicaCount: 2\n---\napiVersion: v1\nkind: List\nitems: [{kind: Secret}]\n",
			wantStatus: 1,
			wantOut:    []string{`resource "emissary_mapping" "quote"`},
			wantErr: "error: standard input, document 2: it is left out: a Kubernetes object has apiVersion and kind\n" +
				"error: standard input, document 3, items[0]: it is left out: a Kubernetes object has apiVersion and kind\n",
		},
		"beside a kustomization": {
			stdin:   mapping + "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
			wantErr: "note: standard input, document 2: it is left out: a Kustomization is for kustomize, and no object\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := run(t, test.stdin, append([]string{"convert"}, test.args...)...)
			status := 0
			if err != nil {
				exit := &exitError{status: 1, err: err}
				errors.As(err, &exit)
				status = exit.status
				if exit.err != nil {
					stderr += exit.err.Error()
				}
			}
			if status != test.wantStatus {
				t.Errorf("the exit status is %d, want %d: %s", status, test.wantStatus, stderr)
			}
			for _, want := range test.wantOut {
				if !strings.Contains(stdout, want) {
					t.Errorf("the output has no %q:\n%s", want, stdout)
				}
			}
			if status == 2 && stdout != "" {
				t.Errorf("something was written: %s", stdout)
			}
			if test.wantErr == "" && stderr != "" || !strings.Contains(stderr, test.wantErr) {
				t.Errorf("standard error is %q, want %q", stderr, test.wantErr)
			}
		})
	}
}
