// Package runner runs behaviour cases: for each it starts the controller in folder mode with a real Envoy,
// gives every upstream an echoing backend, sends the probes and reports what does not hold.
//
// Each case runs in a process of its own, which this package starts by running the same program again; see
// package isolation for why.
package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/behaviour/probe"
)

// Options are what a run needs.
type Options struct {
	// Binary is the provider's, which is the controller too; Envoy is the proxy's.
	Binary, Envoy string
	// Isolation keeps cases apart.
	Isolation isolation.Mode
}

// Result is the outcome of one case.
type Result struct {
	Name   string        `json:"name"`
	Took   time.Duration `json:"took"` // nanoseconds
	Probes []ProbeResult `json:"probes"`
	// Error says why the case could not be run; empty if it could.
	Error string `json:"error,omitempty"`
	// Skipped says why this machine cannot run the case; it then neither passed nor failed.
	Skipped string `json:"skipped,omitempty"`
	// Log is what the controller and its Envoy said.
	Log string `json:"log,omitempty"`
}

// ProbeResult is the outcome of one probe.
type ProbeResult struct {
	Title    string          `json:"title"`
	Note     string          `json:"note,omitempty"`
	Failures []probe.Failure `json:"failures,omitempty"`
	// Artifact: the probe is about a quirk of the peer and does not count.
	Artifact bool `json:"artifact,omitempty"`
}

// Passed tells whether the case ran and everything that counts holds.
func (r *Result) Passed() bool { return r.Error == "" && r.Skipped == "" && r.Failed() == 0 }

// Failed counts the probes that count and do not hold.
func (r *Result) Failed() int {
	n := 0
	for _, p := range r.Probes {
		if len(p.Failures) > 0 && !p.Artifact {
			n++
		}
	}
	return n
}

// caseTimeout bounds one case. The longest are those that measure shares, at some seconds.
const caseTimeout = 2 * time.Minute

// Run runs the cases in dirs, parallel at a time, and calls done with each result in the order of dirs.
func Run(ctx context.Context, o Options, dirs []string, parallel int, done func(*Result)) {
	results := make([]chan *Result, len(dirs))
	for i := range results {
		results[i] = make(chan *Result, 1)
	}
	queue := make(chan int)
	go func() {
		defer close(queue)
		for i := range dirs {
			queue <- i
		}
	}()
	var group sync.WaitGroup
	for slot := range parallel {
		group.Go(func() {
			for i := range queue {
				results[i] <- RunCase(ctx, o, dirs[i], slot)
			}
		})
	}
	for _, result := range results {
		done(<-result)
	}
	group.Wait()
}

// RunCase runs one case. Cases that run at the same time need different slots, from 0 to 63.
func RunCase(ctx context.Context, o Options, dir string, slot int) *Result {
	ctx, cancel := context.WithTimeout(ctx, caseTimeout)
	defer cancel()
	began := time.Now()
	failed := func(err error) *Result {
		return &Result{Name: filepath.Base(dir), Took: time.Since(began), Error: err.Error()}
	}
	// The folder is this process's to remove, so that it goes even if the child is killed. Its name is
	// short because sockets live in it, whose paths may have 107 bytes.
	scratch, err := os.MkdirTemp("", "case-")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	task, err := json.Marshal(task{Options: o, Dir: dir, Slot: slot, Scratch: scratch})
	if err != nil {
		return failed(err)
	}
	child, err := isolation.Child(ctx, o.Isolation, taskVariable+"="+string(task))
	if err != nil {
		return failed(err)
	}
	var stdout, stderr bytes.Buffer
	child.Stdout, child.Stderr = &stdout, &stderr
	// The child watches its standard input: when this process ends, however it does, so does the child.
	if _, err := child.StdinPipe(); err != nil {
		return failed(err)
	}
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = 10 * time.Second
	if err := child.Run(); err != nil {
		return failed(explain(ctx, err, stderr.String()))
	}
	var result Result
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		return failed(fmt.Errorf("the case's process gave no result: %w: %s", err, stderr.String()))
	}
	result.Took = time.Since(began)
	return &result
}

func explain(ctx context.Context, err error, stderr string) error {
	if ctx.Err() != nil {
		err = fmt.Errorf("did not end in time (%w)", ctx.Err())
	}
	if stderr = strings.TrimSpace(stderr); stderr != "" {
		return fmt.Errorf("%w: %s", err, stderr)
	}
	return err
}
