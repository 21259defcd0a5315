package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/test/behaviour/spec"
	"terraform-provider-emissary/test/page"
)

const (
	// readyTimeout bounds the start of the controller and its Envoy, on a busy machine.
	readyTimeout = 60 * time.Second
	pollInterval = 20 * time.Millisecond
	// logTail is how much of a log a message quotes.
	logTail = 20
)

// controller is a running controller in folder mode.
type controller struct {
	process   *exec.Cmd
	exited    chan struct{}
	logFile   string
	manifests string // the folder it serves
	gateway   netip.Addr
	health    string // "host:port" of health checks and diagnostics
	admin     string // "host:port" of Envoy's admin interface
}

// startController writes the objects to a folder and starts the controller on it.
func startController(ctx context.Context, t *task, c *spec.Case, objects []map[string]any, at ports) (*controller, error) {
	manifests := filepath.Join(t.Scratch, "manifests")
	if err := writeObjects(manifests, objects); err != nil {
		return nil, err
	}
	env := t.environment(c, at)
	log, err := os.Create(filepath.Join(t.Scratch, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	gateway, err := netip.ParseAddr(env["AMBASSADOR_ENVOY_BIND_ADDRESS"])
	if err != nil {
		return nil, fmt.Errorf("AMBASSADOR_ENVOY_BIND_ADDRESS: %w", err)
	}
	if gateway.IsUnspecified() {
		gateway = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	controller := &controller{
		process:   exec.CommandContext(ctx, t.Binary, "controller", "--manifests", manifests),
		exited:    make(chan struct{}),
		logFile:   log.Name(),
		manifests: manifests,
		gateway:   gateway,
		health:    net.JoinHostPort(env["AMBASSADOR_HEALTHCHECK_BIND_ADDRESS"], env["AMBASSADOR_HEALTHCHECK_BIND_PORT"]),
		admin:     net.JoinHostPort("127.0.0.1", env["ENVOY_ADMIN_PORT"]),
	}
	for name, value := range env {
		controller.process.Env = append(controller.process.Env, name+"="+value)
	}
	controller.process.Stdout, controller.process.Stderr = log, log
	controller.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that stop reaches its Envoy too
	if err := controller.process.Start(); err != nil {
		return nil, fmt.Errorf("starting the controller: %w", err)
	}
	go func() {
		_ = controller.process.Wait()
		close(controller.exited)
	}()
	return controller, nil
}

// writeObjects writes all objects as one stream of documents, in place of those that are there.
func writeObjects(dir string, objects []map[string]any) error {
	var stream bytes.Buffer
	for _, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		stream.WriteString("---\n")
		stream.Write(document)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// Written beside and renamed, so that nobody reads half of it.
	draft := filepath.Join(dir, ".objects")
	if err := os.WriteFile(draft, stream.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(dir, "objects.yaml"))
}

// diagnostics is the part of the controller's diagnostics that the runner reads.
type diagnostics struct {
	Envoy struct {
		Ready        bool   `json:"ready"`
		Revision     uint64 `json:"revision"`
		Acknowledged uint64 `json:"acknowledged"`
	} `json:"envoy_status"`
	Problems []struct {
		Object string `json:"object"` // "Kind namespace/name"
	} `json:"problems"`
}

func (c *controller) diagnostics(ctx context.Context) (*diagnostics, error) {
	body, err := page.Get(ctx, c.health, "/ambassador/v0/diag/?json=true")
	if err != nil {
		return nil, err
	}
	var d diagnostics
	return &d, json.Unmarshal(body, &d)
}

// awaitReady waits until the controller says that it is ready and Envoy has acknowledged all it was given.
func (c *controller) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		last := c.settled(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-c.exited:
			return fmt.Errorf("the controller ended while it started: %s\n%s", c.process.ProcessState, c.tail())
		case <-ctx.Done():
			return fmt.Errorf("the controller did not become ready in %s: %w\n%s", readyTimeout, last, c.tail())
		}
	}
}

// settled returns nil when there is nothing left to wait for.
func (c *controller) settled(ctx context.Context) error {
	if _, err := page.Get(ctx, c.health, "/ambassador/v0/check_ready"); err != nil {
		return err
	}
	d, err := c.diagnostics(ctx)
	if err != nil {
		return err
	}
	if d.Envoy.Acknowledged < d.Envoy.Revision {
		return fmt.Errorf("envoy has acknowledged revision %d of %d", d.Envoy.Acknowledged, d.Envoy.Revision)
	}
	return nil
}

// compile runs the compile command on the same manifests, in the same environment.
func (c *controller) compile(ctx context.Context) ([]byte, error) {
	command := exec.CommandContext(ctx, c.process.Path, "compile", "--filename", c.manifests, "--output", "json")
	command.Env = c.process.Env
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("compile: %w: %s", err, stderr.String())
	}
	return output, nil
}

// log is what the controller and its Envoy have said so far.
func (c *controller) log() string {
	data, err := os.ReadFile(c.logFile)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (c *controller) tail() string {
	lines := strings.Split(strings.TrimSpace(c.log()), "\n")
	return strings.Join(lines[max(0, len(lines)-logTail):], "\n")
}

// stop ends the controller and its Envoy at once and returns the log.
func (c *controller) stop() string {
	_ = syscall.Kill(-c.process.Process.Pid, syscall.SIGKILL)
	<-c.exited
	return c.log()
}
