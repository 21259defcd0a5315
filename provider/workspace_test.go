package provider_test

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

	"terraform-provider-emissary/test/deps"
)

// workspace is a folder in which the real Terraform runs as a process, with the
// provider as another: for saved plans, signals and state locks, which the plugin
// testing library does not know. The provider is this test's binary; see TestMain.
type workspace struct {
	*testing.T
	dir, config string
	environment []string
}

func newWorkspace(t *testing.T, config string) *workspace {
	t.Helper()
	deps.Terraform(t)
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
	w := &workspace{T: t, dir: t.TempDir(), environment: append(os.Environ(), "TF_CLI_CONFIG_FILE="+terraformrc, "TF_IN_AUTOMATION=1")}
	w.write(config)
	return w
}

// write replaces the configuration.
func (w *workspace) write(config string) {
	w.Helper()
	w.config = config
	text := "terraform {\n  required_providers {\n    emissary = {\n      source = \"emissary/emissary\"\n    }\n  }\n}\n" + config
	if err := os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// command is one run of Terraform.
type command struct {
	*workspace
	*exec.Cmd
	output bytes.Buffer
}

// start starts it in a process group of its own, as a shell does.
func (w *workspace) start(subcommand string, arguments ...string) *command {
	w.Helper()
	arguments = append([]string{subcommand, "-no-color", "-input=false"}, arguments...)
	c := &command{workspace: w, Cmd: exec.Command(deps.Terraform(w.T), arguments...)}
	c.Dir, c.Env, c.Stdout, c.Stderr = w.dir, w.environment, &c.output, &c.output
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.WaitDelay = time.Minute
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	return c
}

// approved starts an apply or a destroy.
func (w *workspace) approved(subcommand string) func() *command {
	return func() *command { return w.start(subcommand, "-auto-approve") }
}

// interrupt is Ctrl-C: the terminal sends it to Terraform and the provider alike.
func (c *command) interrupt() {
	c.Helper()
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGINT); err != nil {
		c.Error(err)
	}
}

// end waits for the command and returns its exit status and what it printed.
func (c *command) end() (int, string) {
	c.Helper()
	err := c.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	return c.ProcessState.ExitCode(), c.output.String()
}

// must is a command that succeeds.
func (w *workspace) must(subcommand string, arguments ...string) {
	w.Helper()
	if code, output := w.start(subcommand, arguments...).end(); code != 0 {
		w.Fatalf("%s: exit status %d\n%s", subcommand, code, output)
	}
}

// fails is a command whose errors match the pattern, however they are wrapped.
func (w *workspace) fails(pattern, subcommand string, arguments ...string) {
	w.Helper()
	code, output := w.start(subcommand, arguments...).end()
	if text := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " "); code == 0 || !regexp.MustCompile(pattern).MatchString(text) {
		w.Errorf("%s: exit status %d, want an error that matches %q:\n%s", subcommand, code, pattern, output)
	}
}

// noChanges is a plan that finds nothing to do.
func (w *workspace) noChanges(arguments ...string) {
	w.Helper()
	if code, output := w.start("plan", append(arguments, "-detailed-exitcode")...).end(); code != 0 {
		w.Errorf("plan: exit status %d, want no changes\n%s", code, output)
	}
}

// ids are those of the resources in the state, sorted.
func (w *workspace) ids() (ids []string) {
	w.Helper()
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
		w.Fatal(err)
	}
	for _, resource := range state.Resources {
		for _, instance := range resource.Instances {
			ids = append(ids, instance.Attributes.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
