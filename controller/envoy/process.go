package envoy

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is one run of Envoy.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	exited  chan struct{} // closed once the process is gone and its output read
}

// startProcess starts Envoy with its standard error, its own log, going to ours.
func startProcess(log *slog.Logger, cmd *exec.Cmd) (*process, error) {
	// A pipe of our own, because cmd.StderrPipe closes its end on Wait, before
	// the last lines, which say why Envoy ended, have been read.
	output, input, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for its log: %w", err)
	}
	cmd.Stderr = input
	cmd.SysProcAttr = attributes()
	err = cmd.Start()
	_ = input.Close() // Envoy has its own copy
	if err != nil {
		_ = output.Close()
		return nil, err
	}
	p := &process{cmd: cmd, started: time.Now(), exited: make(chan struct{})}
	go func() {
		forward(log, output)
		_ = output.Close()
		_ = cmd.Wait() // state tells the rest
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// state says how the process ended. Call it after exited is closed.
func (p *process) state() string { return p.cmd.ProcessState.String() }

// terminate asks the process to end and, after a grace, makes it.
func (p *process) terminate(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.kill()
		<-p.exited
	}
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }
