package atlantis

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"terraform-provider-emissary/test/deps"
)

// server stands in for an Atlantis server: it has the repository, the shared
// plugin cache, and the environment in which the engine runs.
type server struct {
	engine     string
	dir        string
	kubeconfig []byte
	workflow   workflow
}

// needsBackend skips where the engine was built without the backend that keeps the
// states of the example: see tools/terraform/build.
func needsBackend(t *testing.T, backend string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), fmt.Appendf(nil, "terraform {\n  backend %q {}\n}\n", backend), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := deps.Terraform(t)
	output, err := exec.CommandContext(t.Context(), engine, "-chdir="+dir, "init", "-backend=false", "-no-color").CombinedOutput()
	switch {
	case err != nil && strings.Contains(string(output), "There is no backend type named"):
		t.Skipf("skipped: %s has no backend %q, which Terraform's own module lacks", filepath.Base(engine), backend)
	case err != nil:
		t.Fatalf("%v\n%s", err, output)
	}
}

// newServer makes the server's folders and the repository, with the lock files
// that its owners would have committed.
func newServer(t *testing.T, kubeconfig string) *server {
	t.Helper()
	s := &server{engine: deps.Terraform(t), dir: t.TempDir(), workflow: readWorkflow(t, "emissary")}
	var err error
	if s.kubeconfig, err = os.ReadFile(kubeconfig); err != nil {
		t.Fatal(err)
	}
	writeMirror(t, s.path("providers"))
	s.write(t, "kubeconfig", s.kubeconfig) // the state's
	rc, err := os.ReadFile(example("server", "terraformrc"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "terraformrc", bytes.ReplaceAll(rc, []byte("/etc/atlantis/providers"), []byte(s.path("providers"))))
	if err := os.Mkdir(s.path("plugin-cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.path("repo"), os.DirFS(example("repo"))); err != nil {
		t.Fatal(err)
	}
	for _, p := range readRepoConfig(t).Projects {
		in := clone{server: s, dir: s.path("repo", p.Dir), kubeconfig: s.path("kubeconfig")}
		in.must(t, "providers", "lock", "-fs-mirror="+s.path("providers"), "-platform="+runtime.GOOS+"_"+runtime.GOARCH)
	}
	return s
}

func (s *server) path(elements ...string) string {
	return filepath.Join(append([]string{s.dir}, elements...)...)
}

func (s *server) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// clone is a clone of the repository with credentials of its own.
type clone struct {
	*server
	dir        string // the project's folder in the clone
	kubeconfig string
}

// planFile is the name that the server gives to the plan of a project.
const planFile = "default.tfplan"

// clone makes a clone of the repository, with a copy of the credentials.
func (s *server) clone(t *testing.T, p project) clone {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "repo"), os.DirFS(s.path("repo"))); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, s.kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return clone{server: s, dir: filepath.Join(dir, "repo", p.Dir), kubeconfig: kubeconfig}
}

// forget removes the clone and its credentials.
func (c clone) forget(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Dir(c.kubeconfig)); err != nil {
		t.Fatal(err)
	}
}

// arguments are the commands of the server's own steps.
func (c clone) arguments(s step) []string {
	command := map[string][]string{
		"init":  {"init", "-input=false"},
		"plan":  {"plan", "-input=false", "-refresh", "-out", filepath.Join(c.dir, planFile)},
		"show":  {"show", "-json", filepath.Join(c.dir, planFile)},
		"apply": {"apply", "-input=false"},
	}[s.name]
	command = append(command, s.arguments...)
	if s.name == "apply" {
		command = append(command, filepath.Join(c.dir, planFile)) // after all flags
	}
	return command
}

// stage runs the steps of a stage and returns what the last one printed. The
// extra arguments are those of the comment, "atlantis plan -- -destroy", which
// go to the step of the same name.
func (c clone) stage(t *testing.T, name string, extra ...string) (output string) {
	t.Helper()
	for _, s := range c.workflow.steps(t, name) {
		switch s.name {
		case "policy_check":
			checkPolicies(t, output)
			continue
		case name:
			s.arguments = append(s.arguments, extra...)
		}
		output = c.must(t, c.arguments(s)...)
	}
	return output
}

// must runs the engine and returns its standard output.
func (c clone) must(t *testing.T, arguments ...string) string {
	t.Helper()
	stdout, stderr, err := c.run(t, arguments...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(c.engine), strings.Join(arguments, " "), err, stdout, stderr)
	}
	return stdout
}

// run runs the engine as the server does. It fails the test when the provider
// printed anything on its standard output: that would be in no comment, and may
// be in none.
func (c clone) run(t *testing.T, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	log := filepath.Join(c.dir, "engine.log")
	command := exec.CommandContext(t.Context(), c.engine, arguments...)
	command.Dir = c.dir
	command.Env = append(os.Environ(),
		"TF_IN_AUTOMATION=true", "TF_CLI_ARGS=-no-color", "CHECKPOINT_DISABLE=1", "WORKSPACE=default", "DIR="+c.dir,
		"TF_CLI_CONFIG_FILE="+c.path("terraformrc"), "TF_PLUGIN_CACHE_DIR="+c.path("plugin-cache"),
		"KUBE_CONFIG_PATH="+c.path("kubeconfig"), "KUBECONFIG="+c.kubeconfig,
		"TF_LOG=WARN", "TF_LOG_PATH="+log)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	err = command.Run()
	if content, readErr := os.ReadFile(log); readErr == nil {
		// The engine's words for what a plugin prints on its standard output.
		if at := bytes.Index(content, []byte("unexpected data")); at >= 0 {
			t.Errorf("%s: the provider printed something: %s", arguments[0], firstLine(content[at:]))
		}
	} else if !os.IsNotExist(readErr) {
		t.Fatal(readErr)
	}
	return out.String(), problems.String(), err
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return fmt.Sprintf("%q", line)
}
