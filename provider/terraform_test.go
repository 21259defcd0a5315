package provider_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"k8s.io/apimachinery/pkg/util/version"

	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/test/deps"
)

// folder is a folder of configuration in which the real Terraform runs, for what
// the test framework does not show: the files it writes, and its other commands.
type folder struct {
	*testing.T
	path        string
	environment []string
}

// newFolder writes the files and serves the provider to Terraform from here.
func newFolder(t *testing.T, files map[string]string) *folder {
	t.Helper()
	f := &folder{T: t, path: t.TempDir(), environment: append(os.Environ(), "TF_REATTACH_PROVIDERS="+serveProvider(t))}
	for name, text := range files {
		f.write(name, text)
	}
	f.run("init", "-input=false", "-no-color")
	return f
}

func (f *folder) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(filepath.Join(f.path, name), []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
}

// run runs Terraform and returns what it printed.
func (f *folder) run(arguments ...string) string {
	f.Helper()
	output, err := f.try(arguments...)
	if err != nil {
		f.Fatalf("terraform %s: %v\n%s", arguments, err, output)
	}
	return output
}

func (f *folder) try(arguments ...string) (string, error) {
	command := exec.CommandContext(f.Context(), deps.Terraform(f), arguments...)
	command.Dir = f.path
	command.Env = f.environment
	output, err := command.CombinedOutput()
	return string(output), err
}

// set sets a variable of the configuration.
func (f *folder) set(name, value string) {
	f.environment = append(f.environment, "TF_VAR_"+name+"="+value)
}

// contents returns all that is in a file, unpacked where it is an archive, which
// the file of a plan is.
func (f *folder) contents(name string) string {
	f.Helper()
	path := filepath.Join(f.path, name)
	archive, err := zip.OpenReader(path)
	if err != nil {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		return string(text)
	}
	defer archive.Close()
	var all string
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			f.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			f.Fatal(err)
		}
		all += string(text)
	}
	return all
}

// serveProvider returns what TF_REATTACH_PROVIDERS is to be.
func serveProvider(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reattach, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	address := providerAddress()
	go func() {
		err := tf6server.Serve(address, func() tfprotov6.ProviderServer { return provider.NewServer("test") },
			tf6server.WithDebug(ctx, reattach, closed), tf6server.WithLoggingSink(t), tf6server.WithGoPluginLogger(hclog.NewNullLogger()))
		if err != nil {
			t.Errorf("serve the provider: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-closed })
	config := <-reattach
	data, err := json.Marshal(map[string]any{address: map[string]any{
		"Protocol": config.Protocol, "ProtocolVersion": config.ProtocolVersion, "Pid": config.Pid, "Test": config.Test,
		"Addr": map[string]string{"Network": config.Addr.Network(), "String": config.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// never is the version of an engine that does not have something.
const never = ""

// engineHas skips the test of what the engine does not have. It came with these
// versions of Terraform and OpenTofu.
func engineHas(t *testing.T, what, terraform, tofu string) {
	t.Helper()
	engine := deps.Terraform(t)
	wanted := terraform
	if filepath.Base(engine) == "tofu" {
		wanted = tofu
	}
	output, err := exec.CommandContext(t.Context(), engine, "version", "-json").Output()
	var is struct {
		Version string `json:"terraform_version"`
	}
	if err == nil {
		err = json.Unmarshal(output, &is)
	}
	if err != nil {
		t.Fatalf("%s version: %v", engine, err)
	}
	if wanted == never || version.MustParseGeneric(is.Version).LessThan(version.MustParseGeneric(wanted)) {
		t.Skipf("skipped: %s %s has no %s, which came with Terraform %s; make engines runs a newer one", filepath.Base(engine), is.Version, what, terraform)
	}
}

// providerAddress is where the engine looks for a provider that no configuration
// gives a source for.
func providerAddress() string {
	if host := os.Getenv("TF_ACC_PROVIDER_HOST"); host != "" {
		return fmt.Sprintf("%s/hashicorp/emissary", host)
	}
	return "registry.terraform.io/hashicorp/emissary"
}
