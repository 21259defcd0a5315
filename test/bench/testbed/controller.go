package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/page"
)

const (
	// readyTimeout bounds a start with 10,000 Mappings on a busy machine.
	readyTimeout = 3 * time.Minute
	// tailLines and tailWidth bound what a message quotes of a log.
	tailLines, tailWidth = 10, 400
)

// Controller is the product's controller, running as a process of its own with its Envoy.
type Controller struct {
	// Address is "host:port" that HTTP requests go to.
	Address string

	process *exec.Cmd
	exited  chan struct{}
	logFile string
	health  string
	admin   string
}

// ControllerOptions say what to serve, and how.
type ControllerOptions struct {
	// Kubeconfig leads to the control plane; Manifests is a folder to serve instead.
	Kubeconfig, Manifests string
	// Dir takes the log and other files.
	Dir string
	// Port is where its HTTP Listener is, or will be. The ones after it are for health checks, readiness and Envoy's
	// admin interface.
	Port int
	// Workers is the number of Envoy's worker threads; 0 is one for each core.
	Workers int
	// RouteTableSize is how many routes Envoy gets in one piece; 0 is the product's default.
	RouteTableSize int
}

// Binary is the path of the product: $BINARY, else what `make build` made.
func Binary() (string, error) {
	path := os.Getenv("BINARY")
	if path == "" {
		path = filepath.Join(deps.Bin(), "terraform-provider-emissary")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the controller is not there, run `make build` first: %w", err)
	}
	return path, nil
}

// Version is the version of the product.
func Version(ctx context.Context) (string, error) {
	binary, err := Binary()
	if err != nil {
		return "", err
	}
	output, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", binary, err)
	}
	// "terraform-provider-emissary v1.2.3 (go1.26, linux/amd64)"
	_, version, _ := strings.Cut(string(output), " ")
	version, _, _ = strings.Cut(strings.TrimSpace(version), " ")
	return version, nil
}

// StartController starts the controller and returns when it says that it is ready. The caller stops it.
func StartController(ctx context.Context, options ControllerOptions) (*Controller, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	envoy, err := deps.EnvoyPath()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(options.Dir, "controller-"+strconv.Itoa(options.Port)+".log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	source := []string{"--kubeconfig", options.Kubeconfig}
	if options.Manifests != "" {
		source = []string{"--manifests", options.Manifests}
	}
	local := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	c := &Controller{
		Address: local(options.Port),
		process: exec.Command(binary, append([]string{"controller"}, source...)...),
		exited:  make(chan struct{}),
		logFile: log.Name(),
		health:  local(options.Port + 1),
		admin:   local(options.Port + 3),
	}
	c.process.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + options.Dir, "TMPDIR=" + options.Dir, "ENVOY=" + envoy,
		"AMBASSADOR_NAMESPACE=" + Namespace,
		"AMBASSADOR_ENVOY_BIND_ADDRESS=127.0.0.1",
		"AMBASSADOR_HEALTHCHECK_BIND_ADDRESS=127.0.0.1",
		"AMBASSADOR_HEALTHCHECK_BIND_PORT=" + strconv.Itoa(options.Port+1),
		"AMBASSADOR_READY_PORT=" + strconv.Itoa(options.Port+2),
		"ENVOY_ADMIN_PORT=" + strconv.Itoa(options.Port+3),
		"ENVOY_CONCURRENCY=" + strconv.Itoa(options.Workers),
	}
	if options.RouteTableSize > 0 {
		c.process.Env = append(c.process.Env, "EMISSARY_ROUTE_TABLE_SIZE="+strconv.Itoa(options.RouteTableSize))
	}
	c.process.Stderr = log                                      // Envoy's access log, on standard output, goes nowhere
	c.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that an interrupt comes to us first
	if err := c.process.Start(); err != nil {
		return nil, fmt.Errorf("start the controller: %w", err)
	}
	go func() {
		_ = c.process.Wait() // how it ended is in its log
		close(c.exited)
	}()
	if err := c.awaitReady(ctx); err != nil {
		err = fmt.Errorf("%w\n%s", err, c.LogTail())
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Controller) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	return Await(ctx, "the controller to be ready", readyTimeout, func(ctx context.Context) error {
		_, err := page.Get(ctx, c.health, "/ambassador/v0/check_ready")
		return err
	})
}

// Stop ends the controller, and with it its Envoy, at once, and returns when their ports are free.
func (c *Controller) Stop() {
	_ = c.process.Process.Kill() // the kernel ends its Envoy with it, but not at the same moment
	<-c.exited
	_ = Await(context.Background(), "Envoy to end", startTimeout, func(context.Context) error {
		if conn, err := net.Dial("tcp", c.admin); err == nil {
			_ = conn.Close()
			return errors.New("it still listens")
		}
		return nil
	})
}

// LogTail is the end of what the controller and its Envoy said, without the ends of lines as long as a configuration.
func (c *Controller) LogTail() string {
	data, err := os.ReadFile(c.logFile)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	for i, line := range lines {
		lines[i] = line[:min(len(line), tailWidth)]
	}
	return strings.Join(lines, "\n")
}

// Metrics returns the controller's metrics, and Envoy's after them.
func (c *Controller) Metrics(ctx context.Context) (Metrics, error) {
	text, err := page.Get(ctx, c.health, "/metrics")
	return parseMetrics(text), err
}

// Usage is what the controller's process uses.
func (c *Controller) Usage() (Usage, error) { return usage(c.process.Process.Pid) }

// EnvoyUsage is what its Envoy uses.
func (c *Controller) EnvoyUsage() (Usage, error) {
	pid, err := child(c.process.Process.Pid)
	if err != nil {
		return Usage{}, err
	}
	return usage(pid)
}

// EnvoyAllocated is the memory that Envoy itself counts as in use, in bytes.
func (c *Controller) EnvoyAllocated(ctx context.Context) (int64, error) {
	body, err := page.Get(ctx, c.admin, "/memory")
	if err != nil {
		return 0, err
	}
	var memory struct {
		Allocated int64 `json:"allocated,string"`
	}
	return memory.Allocated, json.Unmarshal(body, &memory)
}

// EnvoyVersion is Envoy's version number.
func (c *Controller) EnvoyVersion(ctx context.Context) (string, error) {
	body, err := page.Get(ctx, c.admin, "/server_info")
	if err != nil {
		return "", err
	}
	var info struct {
		Version string
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return "", err
	}
	// "<commit>/1.40.0/Clean/RELEASE/BoringSSL"
	if parts := strings.Split(info.Version, "/"); len(parts) > 1 {
		return parts[1], nil
	}
	return info.Version, nil
}
