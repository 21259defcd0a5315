package report

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// ThisMachine describes the machine, as far as it says nothing about whose it is. The versions of what
// is measured are for the run to fill in.
func ThisMachine() Machine {
	m := Machine{
		Date:      time.Now().UTC().Format("2006-01-02"),
		Processor: procField("/proc/cpuinfo", "model name"),
		Cores:     runtime.NumCPU(),
		Go:        strings.TrimPrefix(runtime.Version(), "go"),
	}
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"))
	if err == nil {
		m.MemoryMiB = kilobytes / 1024
	}
	return m
}

// procField returns the value of the first line "name : value" of a file, empty when there is none.
func procField(file, name string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
