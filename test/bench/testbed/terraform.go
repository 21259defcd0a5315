package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"terraform-provider-emissary/test/deps"
)

// Cost is what a command takes.
type Cost struct {
	// Wall is from its start to its end, CPU the processor time of it and of all that it started and waited for.
	Wall, CPU time.Duration
}

// Run runs a command in a folder and returns what it takes. An error has what it printed.
func Run(ctx context.Context, dir string, environment []string, name string, arguments ...string) (Cost, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir, command.Env = dir, append(os.Environ(), environment...)
	began := time.Now()
	output, err := command.CombinedOutput()
	cost := Cost{Wall: time.Since(began)}
	if err != nil {
		return Cost{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(arguments, " "), err, output)
	}
	cost.CPU = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	return cost, nil
}

// Peer returns the path of a program to compare with, which `make bench` builds.
func Peer(name string) (string, error) {
	path := filepath.Join(deps.Bin(), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there, `make bench` builds it: %w", name, err)
	}
	return path, nil
}

// Terraform is a folder with a configuration, and the engine that works in it with the provider as it was built and the
// one that it is compared with.
type Terraform struct {
	engine, dir string
	environment []string
}

// NewTerraform makes a folder below dir with the configuration.
func NewTerraform(dir, engine, config string) (*Terraform, error) {
	ours, err := Binary()
	if err != nil {
		return nil, err
	}
	t := &Terraform{engine: engine}
	if t.dir, err = os.MkdirTemp(dir, "terraform-"); err != nil {
		return nil, err
	}
	overrides := fmt.Sprintf("    \"emissary/emissary\" = %q\n", filepath.Dir(ours))
	if theirs, err := Peer("terraform-provider-kubectl"); err == nil {
		overrides += fmt.Sprintf("    \"gavinbunney/kubectl\" = %q\n", filepath.Dir(theirs))
	}
	terraformrc := filepath.Join(t.dir, "terraformrc")
	t.environment = []string{"TF_CLI_CONFIG_FILE=" + terraformrc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"}
	return t, errors.Join(
		os.WriteFile(terraformrc, []byte("provider_installation {\n  dev_overrides {\n"+overrides+"  }\n  direct {}\n}\n"), 0o600),
		os.WriteFile(filepath.Join(t.dir, "main.tf"), []byte(config), 0o600))
}

// Run runs a subcommand.
func (t *Terraform) Run(ctx context.Context, subcommand string, arguments ...string) (Cost, error) {
	return Run(ctx, t.dir, t.environment, t.engine, append([]string{subcommand, "-no-color", "-input=false"}, arguments...)...)
}

// Forget removes the state.
func (t *Terraform) Forget() error {
	return errors.Join(os.RemoveAll(filepath.Join(t.dir, "terraform.tfstate")), os.RemoveAll(filepath.Join(t.dir, "terraform.tfstate.backup")))
}

// Engines are the paths of the engines there are: Terraform, OpenTofu or both.
func Engines() ([]string, error) {
	first, err := deps.TerraformPath()
	if err != nil {
		return nil, err
	}
	if tofu, err := Peer("tofu"); err == nil && filepath.Base(first) != "tofu" {
		return []string{first, tofu}, nil
	}
	return []string{first}, nil
}

// EngineVersion is the name and version of an engine.
func EngineVersion(ctx context.Context, engine string) (string, error) {
	output, err := exec.CommandContext(ctx, engine, "version", "-json").Output()
	var version struct {
		Version string `json:"terraform_version"`
	}
	if err == nil {
		_, document, _ := bytes.Cut(output, []byte("{")) // warnings may come before it
		err = json.Unmarshal(append([]byte("{"), document...), &version)
	}
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", engine, err)
	}
	return filepath.Base(engine) + " " + version.Version, nil
}
