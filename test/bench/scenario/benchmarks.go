package scenario

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/deps"
)

// benchmarkArguments run each benchmark several times, one package after the other.
var benchmarkArguments = []string{"test", "-p=1", "-run=^$", "-bench=.", "-benchmem", "-benchtime=300ms", "-count=3"}

// Benchmarks runs the Go benchmarks of packages, given as paths from the root of the repository.
func Benchmarks(ctx context.Context, packages ...string) ([]report.Benchmark, error) {
	command := exec.CommandContext(ctx, "go", append(benchmarkArguments, packages...)...)
	command.Dir = deps.Root()
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(command.Args[1:], " "), err, output.String())
	}
	return parseBenchmarks(output.String()), nil
}

// processors is what go test adds to a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

// parseBenchmarks reads the lines of the Go benchmark format and takes the median of each benchmark's runs:
//
//	BenchmarkApplyOne/100-2   1000   1234 ns/op   567 B/op   8 allocs/op
func parseBenchmarks(output string) []report.Benchmark {
	runs := map[string]map[string][]float64{} // by name and unit
	var names []string
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if runs[name] == nil {
			runs[name] = map[string][]float64{}
			names = append(names, name)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
				runs[name][fields[i+1]] = append(runs[name][fields[i+1]], value)
			}
		}
	}
	var all []report.Benchmark
	for _, name := range names {
		all = append(all, report.Benchmark{
			Name:        name,
			Nanoseconds: report.Median(runs[name]["ns/op"]),
			Bytes:       report.Median(runs[name]["B/op"]),
			Allocations: report.Median(runs[name]["allocs/op"]),
		})
	}
	return all
}
