package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/scenario"
	"terraform-provider-emissary/test/bench/testbed"
)

// The scenarios, in the order they run.
const (
	apply      = "apply"
	memory     = "memory"
	status     = "status"
	answers    = "answers"
	throughput = "throughput"
	footprints = "footprints"
	benchmarks = "benchmarks"
	provider   = "provider"
)

var allScenarios = []string{apply, memory, status, answers, throughput, footprints, benchmarks, provider}

// The ports of what listens.
const (
	gatewayPort    = 8080
	httpsPort      = 8443
	throughputPort = 18000
)

// plan says what to run, and how much of it.
type plan struct {
	scenarios []string
	shapes    []testbed.Shape
	// sizes are the numbers of Mappings, ascending.
	sizes []int
	// samples is how many Mappings are applied at each size, edits how many are edited for the count of status writes.
	samples, edits int
	// added is how many Mappings are added one by one, addTime bounds how long that may take, changes is how often
	// backends, endpoints and certificates change.
	added   int
	addTime time.Duration
	changes int
	// prefixes are the numbers of prefixes to compare the throughput of, with that of the first one.
	prefixes []int
	rounds   int
	round    time.Duration
	// footprint is the number of Mappings that Envoy's memory for one is measured with.
	footprint int
	// planned is the number of Mappings that the provider plans and applies, turns how often.
	planned, turns int
}

func wholePlan() plan {
	return plan{
		shapes: []testbed.Shape{testbed.Prefixes, testbed.Hosts},
		sizes:  []int{100, 1000, 3000, 10000}, samples: 100, edits: 20,
		added: 3000, addTime: 4 * time.Minute, changes: 12,
		prefixes: []int{10, 100, 1000, 10000}, rounds: 30, round: 300 * time.Millisecond,
		footprint: 3000,
		planned:   1000, turns: 2,
	}
}

func quickPlan() plan {
	return plan{
		shapes: []testbed.Shape{testbed.Hosts},
		sizes:  []int{20}, samples: 3, edits: 2,
		added: 5, addTime: time.Minute, changes: 1,
		prefixes: []int{2, 20}, rounds: 1, round: 100 * time.Millisecond,
		footprint: 20,
		planned:   20, turns: 1,
	}
}

// runner is a plan under way.
type runner struct {
	plan
	dir     string
	results *report.Results
}

// run runs the plan. A part that fails is noted among the results and the rest goes on.
func (p plan) run(ctx context.Context) (*report.Results, error) {
	dir, err := os.MkdirTemp("", "emissary-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	backend, err := load.StartBackend("backend", fmt.Sprintf("0.0.0.0:%d", testbed.BackendPort))
	if err != nil {
		return nil, err
	}
	defer backend.Close()
	r := &runner{plan: p, dir: dir, results: &report.Results{Machine: report.ThisMachine()}}
	if r.results.Machine.Version, err = testbed.Version(ctx); err != nil {
		return nil, err
	}
	if r.wants(benchmarks) {
		r.part(ctx, "Go benchmarks", r.benchmarks)
	}
	if r.wants(footprints) {
		r.part(ctx, "footprints in Envoy", r.footprints)
	}
	if r.wants(throughput) {
		r.part(ctx, "throughput", r.throughput)
	}
	if r.wants(answers) {
		r.part(ctx, "answers", r.answers)
	}
	if r.wants(apply) || r.wants(memory) || r.wants(status) {
		for _, shape := range r.shapes {
			r.part(ctx, "Mappings as "+string(shape), func(ctx context.Context) error { return r.stations(ctx, shape) })
		}
	}
	if r.wants(apply) {
		r.part(ctx, "Mappings in a folder", r.folders)
	}
	if r.wants(provider) {
		r.part(ctx, "the provider", r.provider)
	}
	return r.results, context.Cause(ctx)
}

func (r *runner) wants(name string) bool { return slices.Contains(r.scenarios, name) }

// part runs one part of the plan, unless the run was interrupted.
func (r *runner) part(ctx context.Context, what string, run func(context.Context) error) {
	if ctx.Err() != nil {
		return
	}
	start := time.Now()
	fmt.Printf("%s …\n", what)
	err := run(ctx)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // logs may follow
		r.results.Failures = append(r.results.Failures, what+": "+first)
		fmt.Printf("%s: failed: %v\n", what, err)
	}
	fmt.Printf("%s: %s\n", what, time.Since(start).Round(time.Second))
}

// stations stops at each size on the way to the largest and measures there.
func (r *runner) stations(ctx context.Context, shape testbed.Shape) (err error) {
	plane, err := testbed.StartPlane(ctx, r.dir, shape, gatewayPort)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	if r.results.Machine.Kubernetes, err = plane.Version(); err != nil {
		return err
	}
	for i, n := range r.sizes {
		if err := r.station(ctx, plane, shape, n, i == len(r.sizes)-1); err != nil {
			return fmt.Errorf("at %d Mappings: %w", n, err)
		}
	}
	return nil
}

func (r *runner) station(ctx context.Context, plane *testbed.Plane, shape testbed.Shape, n int, last bool) error {
	s, err := scenario.Arrive(ctx, plane, testbed.ControllerOptions{Dir: r.dir, Port: gatewayPort}, shape, n, r.samples)
	if err != nil {
		return err
	}
	defer s.Controller.Stop()
	fmt.Printf("  %6d %s: created in %.1f s, served after %.1f s, every status written after %.1f s\n",
		n, shape, s.Load.Seconds(), s.Start.Seconds(), s.Settled.Seconds())
	if r.results.Machine.Envoy, err = s.Controller.EnvoyVersion(ctx); err != nil {
		return err
	}
	if r.wants(memory) {
		result, err := scenario.Memory(ctx, s)
		if err != nil {
			return err
		}
		r.results.Memory = append(r.results.Memory, result)
		fmt.Printf("  %6d %s: controller %d MiB, Envoy %d MiB\n", n, shape, result.ControllerResident>>20, result.EnvoyResident>>20)
	}
	if r.wants(apply) {
		result, err := scenario.Apply(ctx, s, r.samples)
		if err != nil {
			return err
		}
		r.results.Apply = append(r.results.Apply, result)
		fmt.Printf("  %6d %s: apply to first 200: p50 %.1f ms, p99 %.1f ms, wrong answers %v\n", n, shape, result.FromSent.P50, result.FromSent.P99, result.Wrong)
	}
	if r.wants(status) && last {
		result, err := scenario.Status(ctx, s, r.edits)
		if err != nil {
			return err
		}
		r.results.Status = append(r.results.Status, result)
		fmt.Printf("  %6d %s: %d changes, %d status writes\n", n, shape, result.Changes, result.Writes)
	}
	return nil
}

// folders measures apply without an API server.
func (r *runner) folders(ctx context.Context) error {
	for _, shape := range r.shapes {
		for _, n := range r.sizes {
			result, err := scenario.ApplyToFolder(ctx, r.dir, gatewayPort, shape, n, r.samples)
			if err != nil {
				return fmt.Errorf("at %d Mappings: %w", n, err)
			}
			r.results.Apply = append(r.results.Apply, result)
			fmt.Printf("  %6d %s: write to first 200: p50 %.1f ms, p99 %.1f ms, wrong answers %v\n", n, shape, result.FromSent.P50, result.FromSent.P99, result.Wrong)
		}
	}
	return nil
}

// answers counts wrong answers while things change, on a control plane of its own.
func (r *runner) answers(ctx context.Context) (err error) {
	const already = 50
	shape := testbed.Hosts
	plane, err := testbed.StartPlane(ctx, r.dir, shape, gatewayPort)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	s, err := scenario.Arrive(ctx, plane, testbed.ControllerOptions{Dir: r.dir, Port: gatewayPort}, shape, already, r.added)
	if err != nil {
		return err
	}
	defer s.Controller.Stop()
	for _, measure := range []func() (report.Answers, error){
		func() (report.Answers, error) { return scenario.Rotated(ctx, s, httpsPort, 10*r.changes) },
		func() (report.Answers, error) { return scenario.Swapped(ctx, s, r.changes) },
		func() (report.Answers, error) { return scenario.Rolled(ctx, s, r.changes) },
		func() (report.Answers, error) { return scenario.Replaced(ctx, s, r.changes) },
		func() (report.Answers, error) { return scenario.Added(ctx, s, r.added, r.addTime) },
	} {
		result, err := measure()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, s.Controller.LogTail())
		}
		r.results.Answers = append(r.results.Answers, result)
		fmt.Printf("  %s: %d changes, %d requests, wrong answers %v\n", result.What, result.Changes, result.Asked, result.Wrong)
	}
	return nil
}

func (r *runner) throughput(ctx context.Context) (err error) {
	r.results.Throughput, err = scenario.Throughput(ctx, r.dir, throughputPort, r.prefixes, r.rounds, r.round)
	for _, result := range r.results.Throughput {
		fmt.Printf("  %d prefixes, %s, whole %t: %.1f %% of the rate at %d\n", result.N, result.Paths, result.Whole, 100*result.Share, result.Base)
	}
	return err
}

func (r *runner) footprints(ctx context.Context) (err error) {
	r.results.Footprints, err = scenario.Footprints(ctx, r.dir, r.footprint)
	for _, result := range r.results.Footprints {
		fmt.Printf("  %s: %.1f KiB for a Mapping\n", result.Form, result.KiB())
	}
	return err
}

func (r *runner) benchmarks(ctx context.Context) (err error) {
	r.results.Benchmarks, err = scenario.Benchmarks(ctx, "./controller/compile", "./controller/xds")
	return err
}

// provider measures the provider, on a control plane without other Mappings.
func (r *runner) provider(ctx context.Context) (err error) {
	plane, err := testbed.StartPlane(ctx, r.dir, testbed.Hosts, gatewayPort)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	result, err := scenario.Provider(ctx, r.dir, plane, r.planned, r.turns)
	if err != nil {
		return err
	}
	r.results.Provider, result.Machine = result, r.results.Machine
	if result.Machine.Kubernetes, err = plane.Version(); err != nil {
		return err
	}
	for _, o := range result.Operations {
		fmt.Printf("  %s with %s %s: %.2f s, %.2f s of processor time\n", o.What, o.With, o.Engine, o.WallMedian(), o.CPUMedian())
	}
	return nil
}
