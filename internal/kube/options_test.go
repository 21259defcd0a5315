package kube

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: one, cluster: {server: https://one.example}}
- {name: two, cluster: {server: https://two.example}}
contexts:
- {name: one, context: {cluster: one, user: one}}
- {name: two, context: {cluster: two, user: two}}
users:
- {name: one, user: {token: token-one}}
- {name: two, user: {token: token-two}}
`

func TestRESTConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	no := false
	tests := map[string]struct {
		options     Options
		host, token string
		want        string // part of the error
		notYet      bool   // the error is ErrNotConfigured
	}{
		"file":                  {options: Options{ConfigPaths: []string{file}}, host: "https://one.example", token: "token-one"},
		"missing file is empty": {options: Options{ConfigPaths: []string{"/none", file}}, host: "https://one.example", token: "token-one"},
		"context":               {options: Options{ConfigPaths: []string{file}, Context: "two"}, host: "https://two.example", token: "token-two"},
		"user of another":       {options: Options{ConfigPaths: []string{file}, ContextAuthInfo: "two"}, host: "https://one.example", token: "token-two"},
		"cluster of another":    {options: Options{ConfigPaths: []string{file}, ContextCluster: "two"}, host: "https://two.example", token: "token-one"},
		"raw":                   {options: Options{ConfigRaw: kubeconfig}, host: "https://one.example", token: "token-one"},
		"host wins over file":   {options: Options{ConfigPaths: []string{file}, Host: "https://other.example"}, host: "https://other.example", token: "token-one"},
		"host and token":        {options: Options{Host: "https://h.example", Token: "t"}, host: "https://h.example", token: "t"},
		"host without scheme":   {options: Options{Host: "h.example:6443", Insecure: true}, host: "https://h.example:6443"},
		"unknown context":       {options: Options{ConfigPaths: []string{file}, Context: "three"}, want: `has no context "three"; it has: one, two`},
		"no file":               {options: Options{ConfigPaths: []string{"/none"}}, want: "/none does not exist", notYet: true},
		"raw is no kubeconfig":  {options: Options{ConfigRaw: "{"}, want: "config_raw is not a kubeconfig"},
		"nothing":               {options: Options{InCluster: &no}, want: "set config_path", notYet: true},
		"host that is no URL":   {options: Options{Host: "https://%zz"}, want: `host "https://%zz" is not a URL`},
		"proxy that is no URL":  {options: Options{Host: "https://h", ProxyURL: "http://%zz"}, want: "proxy_url"},
		"empty kubeconfig":      {options: Options{ConfigRaw: "apiVersion: v1\nkind: Config\n"}, want: "config_context", notYet: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, err := test.options.RESTConfig()
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("error %v, want %q", err, test.want)
				}
				if errors.Is(err, ErrNotConfigured) != test.notYet {
					t.Errorf("ErrNotConfigured: %v, want %v", !test.notYet, test.notYet)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if config.Host != test.host || config.BearerToken != test.token {
				t.Errorf("host %q token %q, want %q %q", config.Host, config.BearerToken, test.host, test.token)
			}
			if config.QPS != DefaultQPS || config.Burst != DefaultBurst {
				t.Errorf("qps %v burst %v", config.QPS, config.Burst)
			}
		})
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	config, err := Options{Host: "https://h", Exec: &Exec{
		APIVersion: "client.authentication.k8s.io/v1", Command: "aws", Args: []string{"eks"}, Env: map[string]string{"B": "2", "A": "1"},
	}}.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	exec := config.ExecProvider
	if exec == nil || exec.Command != "aws" || len(exec.Env) != 2 || exec.Env[0].Name != "A" || exec.InteractiveMode != "Never" {
		t.Errorf("exec: %+v", exec)
	}
}
