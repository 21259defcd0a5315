package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"terraform-provider-emissary/test/deps"
)

// mirrorVersion is the version under which the built provider is offered to
// `init`.
const mirrorVersion = "0.1.0"

// engine runs Terraform or OpenTofu in a copy of examples/quickstart, with the
// provider from a filesystem mirror, as an air-gapped user would.
type engine struct {
	path        string
	dir         string
	cliConfig   string
	environment []string
	log         io.Writer
}

func newEngine(dir, kubeconfig string, variables map[string]string) (*engine, error) {
	path, err := deps.TerraformPath()
	if err != nil {
		return nil, err
	}
	binary, err := providerBinary()
	if err != nil {
		return nil, err
	}
	e := &engine{path: path, dir: filepath.Join(dir, "quickstart"), cliConfig: filepath.Join(dir, "terraformrc")}
	if err := e.copyExample(); err != nil {
		return nil, err
	}
	if err := e.mirror(filepath.Join(dir, "mirror"), binary); err != nil {
		return nil, err
	}
	if e.log, err = os.Create(filepath.Join(dir, "terraform.log")); err != nil {
		return nil, err
	}
	e.environment = append(os.Environ(),
		"TF_CLI_CONFIG_FILE="+e.cliConfig,
		"TF_IN_AUTOMATION=1",
		"CHECKPOINT_DISABLE=1",
		"KUBECONFIG="+kubeconfig,
	)
	for name, value := range variables {
		e.environment = append(e.environment, "TF_VAR_"+name+"="+value)
	}
	return e, nil
}

// name is what the user would type.
func (e *engine) name() string {
	return filepath.Base(e.path)
}

// run runs one command and returns what it printed. A failure carries the
// output, which is where Terraform says what was wrong.
func (e *engine) run(ctx context.Context, arguments ...string) (string, error) {
	output, code, err := e.exec(ctx, arguments...)
	if err != nil {
		return "", err
	}
	if code != 0 {
		return "", fmt.Errorf("exit status %d\n%s", code, output)
	}
	return output, nil
}

// changes runs plan and tells whether it would change anything.
func (e *engine) changes(ctx context.Context) (output string, changed bool, err error) {
	output, code, err := e.exec(ctx, "plan", "-input=false", "-detailed-exitcode")
	if err != nil {
		return "", false, err
	}
	if code != 0 && code != 2 {
		return "", false, fmt.Errorf("exit status %d\n%s", code, output)
	}
	return output, code == 2, nil
}

func (e *engine) exec(ctx context.Context, arguments ...string) (output string, code int, err error) {
	command := exec.CommandContext(ctx, e.path, append(arguments, "-no-color")...)
	command.Dir, command.Env = e.dir, e.environment
	// Ctrl-C reaches Terraform by us, once: it must finish what it is doing.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	var buffer bytes.Buffer
	command.Stdout = io.MultiWriter(&buffer, e.log)
	command.Stderr = command.Stdout
	err = command.Run()
	if command.ProcessState == nil || ctx.Err() != nil {
		return "", 0, fmt.Errorf("%s %s: %w", e.name(), arguments[0], err)
	}
	return buffer.String(), command.ProcessState.ExitCode(), nil
}

func (e *engine) copyExample() error {
	example := filepath.Join(deps.Root(), "examples", "quickstart")
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(example, "*.tf"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(e.dir, filepath.Base(file)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// override adds a file whose settings win over the example's own.
func (e *engine) override(content string) error {
	return os.WriteFile(filepath.Join(e.dir, "demo_override.tf"), []byte(content), 0o644)
}

// mirror lays out a filesystem mirror for both engines' default registries.
func (e *engine) mirror(dir, binary string) error {
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		target := filepath.Join(dir, host, "emissary", "emissary", mirrorVersion, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := os.Symlink(binary, filepath.Join(target, "terraform-provider-emissary_v"+mirrorVersion)); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", dir)
	return os.WriteFile(e.cliConfig, []byte(config), 0o644)
}
