// Package deps finds the real programs that tests, the demo and the benchmarks
// run: Envoy, the Kubernetes control plane, kwok, Terraform. `make deps` builds
// or installs them into .cache/; nothing here downloads anything.
package deps

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Root returns the folder of the checkout.
func Root() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		// Built with -trimpath: fall back to the folder we were started in.
		file = "test/deps/deps.go"
	}
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Bin returns the folder of the programs that `make deps` made.
func Bin() string {
	return filepath.Join(Root(), ".cache", "bin")
}

// EnvoyPath returns the path of the Envoy binary: the ENVOY environment
// variable, else the one that `make deps` installed.
func EnvoyPath() (string, error) {
	if path := os.Getenv("ENVOY"); path != "" {
		return exec.LookPath(path)
	}
	return made("envoy")
}

// TerraformPath returns the path of the Terraform engine: the TERRAFORM
// environment variable, else terraform or tofu on PATH, else the OpenTofu that
// `make deps` built.
func TerraformPath() (string, error) {
	if path := os.Getenv("TERRAFORM"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return made("tofu")
}

// Engines are the engines to test with: that of TerraformPath, and the OpenTofu
// that was built, if it is another one. It skips, or fails under `make test`, when
// there is none.
func Engines(t testing.TB) []string {
	t.Helper()
	engines := []string{Terraform(t)}
	if tofu, err := made("tofu"); err == nil && filepath.Base(engines[0]) != "tofu" {
		engines = append(engines, tofu)
	}
	return engines
}

// Envoy is EnvoyPath for tests: it skips, or fails under `make test`, when
// Envoy is not there.
func Envoy(t testing.TB) string {
	t.Helper()
	return Need(t, EnvoyPath)
}

// Terraform is TerraformPath for tests: it skips, or fails under `make test`,
// when no engine is there.
func Terraform(t testing.TB) string {
	t.Helper()
	return Need(t, TerraformPath)
}

// Kubernetes returns the folder that holds etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and kwok; it skips, or fails under
// `make test`, when they are not there.
func Kubernetes(t testing.TB) string {
	t.Helper()
	return filepath.Dir(Need(t, func() (string, error) { return made("kube-apiserver") }))
}

// OPA returns the path of the Open Policy Agent, which runs the language of
// conftest's policies; it skips, or fails under `make test`, when it is not
// there.
func OPA(t testing.TB) string {
	t.Helper()
	return Need(t, func() (string, error) { return made("opa") })
}

// Apiext returns the path of Emissary's conversion webhook; it skips, or fails
// under `make test`, when it is not there.
func Apiext(t testing.TB) string {
	t.Helper()
	return Need(t, func() (string, error) { return made("apiext") })
}

// Peer returns the path of a provider that others made, by the name of its
// program. `make peers` builds them; elsewhere, also under `make test`, a test that
// needs one skips.
func Peer(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Bin(), name)
	if _, err := os.Stat(path); err != nil && os.Getenv("REQUIRE_PEERS") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skipf("skipped: %s is not there, which `make peers` builds", path)
	}
	return path
}

// made returns the path of a program in Bin.
func made(name string) (string, error) {
	path := filepath.Join(Bin(), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there: run `make deps` first (%w)", path, err)
	}
	return path, nil
}

// Need is find for tests: what it finds, or a skip with the reason. `make test`
// sets REQUIRE_DEPS, so that what is missing there is a failure and never a silent
// skip.
func Need(t testing.TB, find func() (string, error)) string {
	t.Helper()
	path, err := find()
	switch {
	case err == nil:
		return path
	case os.Getenv("REQUIRE_DEPS") != "":
		t.Fatal(err)
	default:
		t.Skipf("skipped: %v", err)
	}
	return ""
}
