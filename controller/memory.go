package controller

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent is how much the heap may grow before garbage is collected, in percent of what is in use. The controller makes
// little garbage once it serves, so that a small number costs no time that anybody notices. Measured at 10,000 Mappings
// with a Service each: with Go's default of 100 the process has 195 MiB of its own a while after the start, which takes
// 3.0 seconds of a processor; with this number and giveBack it is 137 MiB and 5.0 seconds.
const gcPercent = 30

// limitShare is the controller's part of the container's memory limit; Envoy, which runs in the same container, needs
// about twice as much.
const limitShare = 0.5

// limitFiles are where a container finds its memory limit: cgroup v2, then v1.
var limitFiles = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// boundMemory has the runtime keep little more memory than is in use, and collect garbage more often rather than pass the
// container's limit. GOGC and GOMEMLIMIT, where they are set, decide instead.
func boundMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if limit, found := containerLimit(limitFiles); found && os.Getenv("GOMEMLIMIT") == "" {
		share := int64(limitShare * float64(limit))
		debug.SetMemoryLimit(share)
		log.Debug("memory is limited", "container", limit, "controller", share)
	}
}

// containerLimit reads the memory limit in bytes, if there is one, from the first of the files that exists.
func containerLimit(files []string) (bytes int64, found bool) {
	// Version 1 says "none" by the largest number of pages.
	const none = 1 << 60
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		bytes, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // version 2 says "max" when there is none
		return bytes, err == nil && bytes < none
	}
	return 0, false
}

// giveBack returns the memory that reading and compiling everything took to the system once Envoy has it. By itself the
// runtime would do so over some minutes.
func (c *controller) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for state := range c.server.Watch(ctx) {
		if state.Ready {
			debug.FreeOSMemory()
			return nil
		}
	}
	return nil
}
