package compile

import (
	"crypto/elliptic"
	"fmt"
	"io/fs"
	"testing"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	corev1 "k8s.io/api/core/v1"
)

// files are what a disk has, by path. Logs can be written to /log only.
type files map[string][]byte

// ReadFile implements Disk.
func (f files) ReadFile(path string) ([]byte, error) {
	if content, there := f[path]; there {
		return content, nil
	}
	return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
}

// OpenLog implements Disk.
func (f files) OpenLog(path string) error {
	if path != "/log" {
		return fmt.Errorf("open %s: %w", path, fs.ErrPermission)
	}
	return nil
}

func TestFilesAreChecked(t *testing.T) {
	t.Parallel()
	pair := certificateSecret(t, ecdsaKey(t, elliptic.P256()))
	disk := files{
		"/good.pem": pair.Data[corev1.TLSCertKey], "/good.key": pair.Data[corev1.TLSPrivateKeyKey], "/bad.pem": []byte("x"),
	}
	tests := map[string]struct{ spec, fault string }{
		"good":         {"{cert_chain_file: /good.pem, private_key_file: /good.key, cacert_chain_file: /good.pem}", ""},
		"no chain":     {"{cert_chain_file: /none.pem, private_key_file: /good.key}", "cert_chain_file: open /none.pem"},
		"no key":       {"{cert_chain_file: /good.pem, private_key_file: /none.key}", "private_key_file: open /none.key"},
		"broken chain": {"{cert_chain_file: /bad.pem, private_key_file: /good.key}", "cert_chain_file /bad.pem with private_key_file /good.key holds no usable certificate"},
		"no CA":        {"{cacert_chain_file: /none.pem}", "cacert_chain_file /none.pem: open /none.pem"},
		"broken CA":    {"{cacert_chain_file: /bad.pem}", "cacert_chain_file /bad.pem: there is no PEM block"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, base+`---
apiVersion: getambassador.io/v3alpha1
kind: TLSContext
metadata: {name: c, namespace: default}
spec: `+test.spec)
			options.Disk = disk
			output := Compile(objects, options)
			if test.fault != "" {
				expectProblem(t, output, "TLSContext", "c", "ResolvedRefs", test.fault)
			} else if len(output.Secrets) != 2 {
				t.Errorf("%d secrets, want 2", len(output.Secrets))
			}
		})
	}
}

func TestLogPathIsChecked(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct{ used, fault string }{
		"/log":      {"/log", ""},
		"/secret":   {"/dev/fd/1", "config.envoy_log_path: open /secret"},
		"relative":  {"/dev/fd/1", "not a path from the root"},
		"/dev/fd/1": {"/dev/fd/1", ""},
	} {
		objects, options := parse(t, httpsListener+`---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador, namespace: default}
spec: {config: {envoy_log_path: `+path+`}}
`)
		options.Disk = files{}
		output := Compile(objects, options)
		if want.fault != "" {
			expectProblem(t, output, "Module", "ambassador", "Accepted", want.fault)
		}
		log := &accesslogv3.FileAccessLog{}
		manager := connectionManagerOf(t, output.Listeners[0].FilterChains[0])
		if err := manager.AccessLog[0].GetTypedConfig().UnmarshalTo(log); err != nil {
			t.Fatal(err)
		}
		if log.Path != want.used {
			t.Errorf("%s: logs go to %s, want %s", path, log.Path, want.used)
		}
	}
}
