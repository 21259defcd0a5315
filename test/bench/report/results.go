// Package report owns what a run of the benchmarks found out: the figures as they were measured, the goals they are held
// against, and how both are shown as JSON, as a table and as plots.
package report

import "terraform-provider-emissary/test/bench/load"

// Results are all figures of one run. A part that did not run is empty.
type Results struct {
	Machine    Machine      `json:"machine"`
	Apply      []Apply      `json:"apply,omitempty"`
	Answers    []Answers    `json:"answers,omitempty"`
	Throughput []Throughput `json:"throughput,omitempty"`
	Memory     []Memory     `json:"memory,omitempty"`
	Footprints []Footprint  `json:"footprints,omitempty"`
	Status     []Status     `json:"status,omitempty"`
	Benchmarks []Benchmark  `json:"benchmarks,omitempty"`
	// Provider has a page of its own.
	Provider *Provider `json:"-"`
	// Failures are the parts that could not be measured, and why.
	Failures []string `json:"failures,omitempty"`
}

// Machine says what the figures were measured on.
type Machine struct {
	Date       string `json:"date"`
	Processor  string `json:"processor"`
	Cores      int    `json:"cores"`
	MemoryMiB  int    `json:"memory_mib"`
	Go         string `json:"go"`
	Envoy      string `json:"envoy,omitempty"`
	Kubernetes string `json:"kubernetes,omitempty"`
	// Version is the product's.
	Version string `json:"version"`
}

// Apply is how long it takes from creating one more Mapping on top of N to the first 200 through Envoy.
type Apply struct {
	Source string `json:"source"` // "cluster" or "folder"
	Shape  string `json:"shape"`
	N      int    `json:"n"`
	// FromSent counts from the moment the Mapping was sent, FromCreated from the moment the API server had answered.
	FromSent    Distribution `json:"from_sent_ms"`
	FromCreated Distribution `json:"from_created_ms"`
	// ToProgrammed counts from sending until the Mapping's status says Programmed. There is none in a folder.
	ToProgrammed *Distribution `json:"to_programmed_ms,omitempty"`
	// Inside says where the time goes, as the controller's own metrics have it: the mean of each step.
	Inside map[string]float64 `json:"inside_mean_ms"`
	Asked  int                `json:"requests"`
	Wrong  load.Wrong         `json:"wrong"`
}

// Answers is what visitors got while something changed.
type Answers struct {
	What    string     `json:"what"`
	Changes int        `json:"changes"`
	Planned int        `json:"planned"`
	Seconds float64    `json:"seconds"`
	Asked   int        `json:"requests"`
	Wrong   load.Wrong `json:"wrong"`
	// FromSent is as in Apply, where the changes are new Mappings.
	FromSent *Distribution `json:"from_sent_ms,omitempty"`
}

// Throughput compares the rate at N prefixes with the rate at the fewest, in rounds that alternate between the two.
type Throughput struct {
	N    int `json:"n"`
	Base int `json:"base"`
	// Paths says what was asked for: "last", always the last prefix, or "random", any of them.
	Paths string `json:"paths"`
	// Whole is set where the table was given to Envoy in one piece, which is not the default at that size.
	Whole bool `json:"whole,omitempty"`
	// PerSecond is requests for each second of Envoy's processor time, in each round, Wall for each second.
	PerSecond     []float64 `json:"per_cpu_second"`
	BasePerSecond []float64 `json:"base_per_cpu_second"`
	Wall          []float64 `json:"per_second"`
	BaseWall      []float64 `json:"base_per_second"`
	// Share is the median of the rounds' ratios PerSecond / BasePerSecond.
	Share float64    `json:"share"`
	Wrong load.Wrong `json:"wrong"`
}

// Memory is what a fresh controller and its Envoy use once everything is served and every status is written.
type Memory struct {
	Shape string `json:"shape"`
	N     int    `json:"n"`
	// ControllerResident is now, ControllerPeak is the most it had since its start, ControllerHeap is what its Go heap
	// holds. All in bytes.
	ControllerResident int64 `json:"controller_resident"`
	ControllerPeak     int64 `json:"controller_peak"`
	ControllerHeap     int64 `json:"controller_heap"`
	EnvoyResident      int64 `json:"envoy_resident"`
	EnvoyAllocated     int64 `json:"envoy_allocated"`
	// StartSeconds is from starting the controller to the last Mapping's first 200.
	StartSeconds float64 `json:"start_seconds"`
	// SettledSeconds is from starting the controller to the last status written.
	SettledSeconds float64 `json:"settled_seconds"`
}

// Footprint is what one Mapping makes Envoy allocate, in one form.
type Footprint struct {
	Form string `json:"form"`
	// N is how many Mappings were added to measure it.
	N     int     `json:"n"`
	Bytes float64 `json:"bytes"`
}

// KiB is the footprint in the unit of the goal.
func (f Footprint) KiB() float64 { return f.Bytes / 1024 }

// Status is how many status writes a change of one Mapping causes.
type Status struct {
	Shape   string `json:"shape"`
	N       int    `json:"n"`
	Changes int    `json:"changes"`
	Writes  int    `json:"writes"`
}

// Benchmark is a Go benchmark: the medians of its runs.
type Benchmark struct {
	Name        string  `json:"name"`
	Nanoseconds float64 `json:"ns_per_op"`
	Bytes       float64 `json:"bytes_per_op"`
	Allocations float64 `json:"allocs_per_op"`
}

// Count adds what a probe or a crowd saw.
func (a *Answers) Count(asked int, wrong load.Wrong) {
	a.Asked += asked
	a.Wrong.Add(wrong)
}

// Compare sets Share from the rounds.
func (t *Throughput) Compare() {
	var ratios []float64
	for i := range t.PerSecond {
		ratios = append(ratios, t.PerSecond[i]/t.BasePerSecond[i])
	}
	t.Share = Median(ratios)
}
