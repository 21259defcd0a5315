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
	"fmt"
	"os"
	"os/exec"
	"path"
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
	required    string // the block that requires the providers
}

// Peer is another provider in a configuration beside the one that is tested.
type Peer struct {
	// Name is what the configuration calls it.
	Name string
	// Source is its namespace and type.
	Source string
	// Path is its program.
	Path string
}

// New makes a workspace for one test. It skips where no engine is there.
func New(t testing.TB, config string) *Workspace {
	t.Helper()
	return On(t, deps.Terraform(t), config)
}

// On is New with an engine, the path of Terraform or OpenTofu, and with peers.
func On(t testing.TB, engine, config string, peers ...Peer) *Workspace {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var required, overrides strings.Builder
	for _, p := range append(peers, Peer{Name: "emissary", Source: "emissary/emissary", Path: self}) {
		// An engine looks for the program in a folder, by the type in its name.
		folder := t.TempDir()
		if err := os.Symlink(p.Path, filepath.Join(folder, "terraform-provider-"+path.Base(p.Source))); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&required, "    %s = {\n      source = %q\n    }\n", p.Name, p.Source)
		fmt.Fprintf(&overrides, "    %q = %q\n", p.Source, folder)
	}
	terraformrc := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(terraformrc, []byte("provider_installation {\n  dev_overrides {\n"+overrides.String()+"  }\n  direct {}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &Workspace{
		t: t, engine: engine, dir: t.TempDir(), environment: append(os.Environ(), "TF_CLI_CONFIG_FILE="+terraformrc, "TF_IN_AUTOMATION=1"),
		required: "terraform {\n  required_providers {\n" + required.String() + "  }\n}\n",
	}
	w.Write(config)
	return w
}

// Write replaces the configuration.
func (w *Workspace) Write(config string) {
	w.t.Helper()
	w.Config = config
	w.File("main.tf", w.required+config)
}

// File writes a file beside the configuration.
func (w *Workspace) File(name, text string) {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
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

// Change is what a plan does to a resource.
type Change struct {
	// Actions are "no-op", "create", "update", "delete", "forget" and the like.
	Actions []string
	// MovedFrom is the resource that a moved block moves here.
	MovedFrom string
	// Imported is the id that an import block imports.
	Imported string
}

// Plan writes a plan to the file "plan" and returns what it does by the address of
// the resource.
func (w *Workspace) Plan() map[string]Change {
	w.t.Helper()
	w.Must("plan", "-out=plan")
	show := exec.Command(w.engine, "show", "-json", "plan")
	show.Dir, show.Env = w.dir, w.environment
	output, err := show.Output()
	if err != nil {
		w.t.Fatalf("show: %v\n%s", err, output)
	}
	var plan struct {
		Changes []struct {
			Address  string
			Previous string `json:"previous_address"`
			Change   struct {
				Actions   []string
				Importing struct{ ID string }
			}
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(output, &plan); err != nil {
		w.t.Fatal(err)
	}
	changes := map[string]Change{}
	for _, c := range plan.Changes {
		changes[c.Address] = Change{Actions: c.Change.Actions, MovedFrom: c.Previous, Imported: c.Change.Importing.ID}
	}
	return changes
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
