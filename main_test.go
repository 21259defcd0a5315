package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"terraform-provider-emissary/test/deps"
)

// asProvider makes the test's own binary the provider.
const asProvider = "TEST_AS_PROVIDER"

func TestMain(m *testing.M) {
	if os.Getenv(asProvider) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestManifest compares the manifest, by which the registry tells Terraform what
// it can start, with what the provider says when Terraform has started it.
func TestManifest(t *testing.T) {
	t.Parallel()
	var manifest struct {
		Version  int
		Metadata struct {
			ProtocolVersions []string `json:"protocol_versions"`
		}
	}
	text, err := os.ReadFile("terraform-registry-manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatalf("terraform-registry-manifest.json: %v", err)
	}
	if manifest.Version != 1 {
		t.Errorf("version is %d; registries know version 1", manifest.Version)
	}
	want := servedProtocol(t) + ".0" // a registry knows no minor versions
	if got := manifest.Metadata.ProtocolVersions; len(got) != 1 || got[0] != want {
		t.Errorf("protocol_versions is %q, the provider serves %q", got, want)
	}
}

// servedProtocol starts the provider as Terraform does and returns the major
// version of the protocol from the line by which it introduces itself:
// core protocol | application protocol | network | address | transport.
func servedProtocol(t *testing.T) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), asProvider+"=1", "PLUGIN_PROTOCOL_VERSIONS=5,6",
		// go-plugin's cookie: without it the provider thinks that a person has started it.
		"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("read the provider's first line: %v", err)
	}
	fields := strings.Split(strings.TrimSpace(line), "|")
	if len(fields) < 5 || fields[4] != "grpc" {
		t.Fatalf("the provider introduces itself with %q", line)
	}
	return fields[1]
}

// TestReleaseConfiguration lets goreleaser read its configuration.
func TestReleaseConfiguration(t *testing.T) {
	t.Parallel()
	goreleaser := filepath.Join(deps.Bin(), "goreleaser")
	if _, err := os.Stat(goreleaser); err != nil {
		t.Skip("skipped: goreleaser is not built, it takes minutes: `make lint` builds it, and checks the same")
	}
	if output, err := exec.CommandContext(t.Context(), goreleaser, "check").CombinedOutput(); err != nil {
		t.Errorf("goreleaser check: %v\n%s", err, output)
	}
}
