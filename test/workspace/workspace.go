// Package workspace runs the real Terraform as a process in a folder of its own,
// with the provider as another process: for saved plans, signals, state locks and
// large configurations, which the plugin testing library does not know.
//
// The provider is the test's own binary, so that tests run the code as it is now:
// see Serve.
package workspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"terraform-provider-emissary/internal/cli"
	"terraform-provider-emissary/test/deps"
)

// Serve is the provider where Terraform has started the test's binary, and does
// nothing otherwise. Call it first thing in TestMain.
func Serve() {
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		os.Exit(cli.Main(cli.Build{Version: "test", Address: "registry.terraform.io/emissary/emissary"}, nil))
	}
}

// Workspace is a folder with a configuration and its state.
type Workspace struct {
	// Config is the configuration, without the block that requires the provider.
	Config string

	t           testing.TB
	engine, dir string
	environment []string
}

// New makes a workspace for one test. It skips where no engine is there.
func New(t testing.TB, config string) *Workspace {
	t.Helper()
	return On(t, deps.Terraform(t), config)
}

// On is New with an engine: the path of Terraform or OpenTofu.
func On(t testing.TB, engine, config string) *Workspace {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugins := t.TempDir()
	if err := os.Symlink(self, filepath.Join(plugins, "terraform-provider-emissary")); err != nil {
		t.Fatal(err)
	}
	terraformrc := filepath.Join(plugins, "terraformrc")
	if err := os.WriteFile(terraformrc, []byte("provider_installation {\n  dev_overrides {\n    \"emissary/emissary\" = \""+plugins+"\"\n  }\n  direct {}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &Workspace{t: t, engine: engine, dir: t.TempDir(), environment: append(os.Environ(), "TF_CLI_CONFIG_FILE="+terraformrc, "TF_IN_AUTOMATION=1")}
	w.Write(config)
	return w
}

// Write replaces the configuration.
func (w *Workspace) Write(config string) {
	w.t.Helper()
	w.Config = config
	text := "terraform {\n  required_providers {\n    emissary = {\n      source = \"emissary/emissary\"\n    }\n  }\n}\n" + config
	if err := os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Command is one run of Terraform.
type Command struct {
	t      testing.TB
	cmd    *exec.Cmd
	output bytes.Buffer
}

// Start starts it in a process group of its own, as a shell does.
func (w *Workspace) Start(subcommand string, arguments ...string) *Command {
	w.t.Helper()
	arguments = append([]string{subcommand, "-no-color", "-input=false"}, arguments...)
	c := &Command{t: w.t, cmd: exec.Command(w.engine, arguments...)}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = w.dir, w.environment, &c.output, &c.output
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = time.Minute
	if err := c.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Interrupt is Ctrl-C: the terminal sends it to Terraform and the provider alike.
func (c *Command) Interrupt() {
	c.t.Helper()
	if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGINT); err != nil {
		c.t.Error(err)
	}
}

// End waits for the command and returns its exit status and what it printed.
func (c *Command) End() (int, string) {
	c.t.Helper()
	err := c.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return c.cmd.ProcessState.ExitCode(), c.output.String()
}

// Must is a command that succeeds.
func (w *Workspace) Must(subcommand string, arguments ...string) {
	w.t.Helper()
	if code, output := w.Start(subcommand, arguments...).End(); code != 0 {
		w.t.Fatalf("%s: exit status %d\n%s", subcommand, code, output)
	}
}

// Fails is a command whose errors match the pattern, however they are wrapped.
func (w *Workspace) Fails(pattern, subcommand string, arguments ...string) {
	w.t.Helper()
	code, output := w.Start(subcommand, arguments...).End()
	if text := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " "); code == 0 || !regexp.MustCompile(pattern).MatchString(text) {
		w.t.Errorf("%s: exit status %d, want an error that matches %q:\n%s", subcommand, code, pattern, output)
	}
}

// NoChanges is a plan that finds nothing to do.
func (w *Workspace) NoChanges(arguments ...string) {
	w.t.Helper()
	if code, output := w.Start("plan", append(arguments, "-detailed-exitcode")...).End(); code != 0 {
		w.t.Errorf("plan: exit status %d, want no changes\n%s", code, output)
	}
}

// IDs are those of the resources in the state, sorted.
func (w *Workspace) IDs() (ids []string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var state struct {
		Resources []struct {
			Instances []struct {
				Attributes struct{ ID string }
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, resource := range state.Resources {
		for _, instance := range resource.Instances {
			ids = append(ids, instance.Attributes.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
