package envoy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

// Config is what a Supervisor needs to run Envoy.
type Config struct {
	// Bootstrap is what Envoy starts with, from Bootstrap. Required.
	Bootstrap *bootstrapv3.Bootstrap
	// Command is the Envoy binary. Default: $ENVOY, or "envoy" on PATH.
	Command string
	// Dir receives the bootstrap and admin address files; it must exist and be
	// writable. Required.
	Dir string
	// Concurrency is the number of worker threads; 0 leaves it to Envoy, one
	// per CPU (ENVOY_CONCURRENCY).
	Concurrency int
	// LogLevel is Envoy's: trace, debug, info, warning, error, critical, off.
	// Default "warning".
	LogLevel string
	// DrainTime bounds how long connections of a replaced or removed listener
	// and of a stopping Envoy may go on. Default 600 s (AMBASSADOR_DRAIN_TIME).
	DrainTime time.Duration
	// Logger receives Envoy's own log and the supervisor's; nil discards.
	Logger *slog.Logger
	// Stdout becomes Envoy's standard output, where access logs go unless the
	// Module says otherwise: as they are, whatever the log level. Nil discards.
	Stdout *os.File
}

// Restarting begins quickly, so that a crash is a short gap, and backs off, so
// that an Envoy that cannot start does not keep a CPU busy. One that has run for
// a while starts again quickly.
const (
	firstRestart = 100 * time.Millisecond
	lastRestart  = 10 * time.Second
	ranWell      = 30 * time.Second
)

var logLevelNames = []string{"trace", "debug", "info", "warning", "error", "critical", "off"}

// Supervisor keeps one Envoy running: it starts it, restarts it with capped
// exponential backoff when it ends by itself, and ends it gracefully. Envoy
// runs in a process group of its own, so that an interrupt typed at a terminal
// reaches only the controller, which then drains it; on Linux the kernel ends
// it when the controller dies.
type Supervisor struct {
	config Config
	log    *slog.Logger
	admin  *Admin

	mu       sync.Mutex
	current  *process
	stopping chan struct{} // closed by the first Stop
}

// NewSupervisor checks the configuration and writes the bootstrap file. It
// starts nothing.
func NewSupervisor(c Config) (*Supervisor, error) {
	if c.Bootstrap == nil || c.Dir == "" {
		return nil, errors.New("envoy supervisor: a bootstrap and a directory are required")
	}
	c.LogLevel = cmp.Or(c.LogLevel, "warning")
	if !slices.Contains(logLevelNames, c.LogLevel) {
		return nil, fmt.Errorf("envoy supervisor: the log level is %q, want one of %s", c.LogLevel, strings.Join(logLevelNames, ", "))
	}
	if c.Concurrency < 0 {
		return nil, fmt.Errorf("envoy supervisor: the concurrency (ENVOY_CONCURRENCY) is %d, want 0 for one worker per CPU, or more", c.Concurrency)
	}
	c.Command = cmp.Or(c.Command, os.Getenv("ENVOY"), "envoy")
	c.DrainTime = cmp.Or(c.DrainTime, 600*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := &Supervisor{config: c, log: c.Logger, stopping: make(chan struct{})}
	s.admin = newAdmin(s.file("envoy-admin-address.txt"))

	bootstrap, err := protojson.MarshalOptions{Multiline: true}.Marshal(c.Bootstrap)
	if err != nil {
		return nil, fmt.Errorf("envoy supervisor: writing the bootstrap: %w", err)
	}
	if err := os.WriteFile(s.file("envoy-bootstrap.json"), bootstrap, 0o600); err != nil {
		return nil, fmt.Errorf("envoy supervisor: writing the bootstrap: %w", err)
	}
	return s, nil
}

func (s *Supervisor) file(name string) string { return filepath.Join(s.config.Dir, name) }

// Admin returns the client of the running Envoy's admin interface; while Envoy
// is not up its calls fail.
func (s *Supervisor) Admin() *Admin { return s.admin }

// Run starts Envoy and keeps it running until Stop has ended it (nil) or ctx is
// done, when Envoy is ended at once, without draining, and the context's error
// is returned. An Envoy that cannot be started at all (no such binary) is an
// error; one that dies is restarted.
func (s *Supervisor) Run(ctx context.Context) error {
	// The kernel ties a child to the thread that made it, not to the process
	// (PR_SET_PDEATHSIG): this thread must live as long as Envoy may.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	wait := firstRestart
	for {
		p, err := s.start()
		if p == nil {
			return err // nil when stopping
		}
		select {
		case <-p.exited:
		case <-ctx.Done():
			p.kill()
			<-p.exited
			return ctx.Err()
		}
		if s.isStopping() {
			return nil
		}
		if time.Since(p.started) >= ranWell {
			wait = firstRestart
		}
		s.log.Error("Envoy has ended by itself, restarting it", "pid", p.pid(), "state", p.state(), "after", time.Since(p.started), "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stopping:
			return nil
		}
		wait = min(2*wait, lastRestart)
	}
}

// start starts one Envoy, unless the supervisor is stopping.
func (s *Supervisor) start() (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopping() {
		return nil, nil
	}
	if err := os.Remove(s.admin.addressFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("envoy supervisor: removing the last Envoy's admin address: %w", err)
	}
	cmd := exec.Command(s.config.Command, s.arguments()...)
	if s.config.Stdout != nil {
		cmd.Stdout = s.config.Stdout
	}
	p, err := startProcess(s.log, cmd)
	if err != nil {
		return nil, fmt.Errorf("starting Envoy (set ENVOY to the path of its binary): %w", err)
	}
	s.log.Info("Envoy started", "pid", p.pid(), "command", s.config.Command)
	s.current = p
	return p, nil
}

// arguments is Envoy's command line. Hot restart needs shared memory and a
// second Envoy; configuration changes need neither, they arrive by xDS.
func (s *Supervisor) arguments() []string {
	args := []string{
		"--config-path", s.file("envoy-bootstrap.json"),
		"--admin-address-path", s.admin.addressFile,
		"--disable-hot-restart",
		"--log-level", s.config.LogLevel,
		"--log-format", logFormat,
		"--drain-time-s", fmt.Sprint(max(1, int(s.config.DrainTime.Seconds()))),
	}
	if s.config.LogLevel == "info" {
		// At info, main lists every extension compiled in.
		args = append(args, "--component-log-level", "main:warning")
	}
	if s.config.Concurrency > 0 {
		args = append(args, "--concurrency", fmt.Sprint(s.config.Concurrency))
	}
	return args
}

func (s *Supervisor) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
