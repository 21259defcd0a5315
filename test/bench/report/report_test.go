package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/test/bench/load"
)

func TestDistribution(t *testing.T) {
	t.Parallel()
	var durations []time.Duration
	for i := 100; i > 0; i-- {
		durations = append(durations, time.Duration(i)*time.Millisecond)
	}
	d := NewDistribution(durations)
	d.Samples = nil
	if diff := cmp.Diff(Distribution{Mean: 50.5, P50: 50, P90: 90, P99: 99, Max: 100}, d); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Distribution{}, NewDistribution(nil)); diff != "" {
		t.Error(diff)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{0.0123: "0.012", 0.5: "0.5", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 20: "20", 100: "100"} {
		if got := number(value); got != want {
			t.Errorf("number(%g) = %s, want %s", value, got, want)
		}
	}
	for value, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := thousands(value); got != want {
			t.Errorf("thousands(%d) = %s, want %s", value, got, want)
		}
	}
}

// good are results that meet every goal.
func good() *Results {
	r := &Results{
		Throughput: []Throughput{{N: 10000, Base: 10, Paths: "random", PerSecond: []float64{97, 98, 96}, BasePerSecond: []float64{100, 100, 100}}},
		Answers:    []Answers{{What: "backends swapped", Changes: 3, Planned: 3, Asked: 1000}},
		Status:     []Status{{Shape: "hosts", N: 10000, Changes: 20, Writes: 20}},
		Benchmarks: []Benchmark{
			{Name: "Full10000/hosts", Nanoseconds: 140e6},
			{Name: "OneMapping/hosts/100", Nanoseconds: 50e3, Bytes: 1000, Allocations: 10},
			{Name: "OneMapping/hosts/10000", Nanoseconds: 60e3, Bytes: 1200, Allocations: 11},
			{Name: "OneEndpoint/hosts/10000", Nanoseconds: 9e3, Bytes: 100, Allocations: 1},
		},
	}
	for _, shape := range []string{"prefixes", "hosts"} {
		for _, n := range []int{1000, 10000} {
			r.Apply = append(r.Apply, Apply{Source: "cluster", Shape: shape, N: n, FromSent: Distribution{P50: 12, P99: 30}, Asked: 5})
			r.Memory = append(r.Memory, Memory{Shape: shape, N: n, ControllerResident: 150 << 20, EnvoyResident: int64(n) * 15 << 10})
		}
	}
	r.Throughput[0].Compare()
	return r
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, row := range good().Rows() {
		if row.Verdict != Met {
			t.Errorf("%s: %s, measured %q", row.What, row.Verdict, row.Measured)
		}
	}
	for _, row := range (&Results{}).Rows() {
		if row.Verdict != NotMeasured || row.Measured != "" {
			t.Errorf("of nothing: %s: %s, measured %q", row.What, row.Verdict, row.Measured)
		}
	}

	tests := []struct {
		name  string
		spoil func(*Results)
		// unmet are beginnings of the rows that are not met.
		unmet []string
	}{
		{"a slow median at one size", func(r *Results) { r.Apply[1].FromSent.P50 = 21 }, []string{"apply → first 200 through Envoy, one more Mapping on top of N prefixes"}},
		{"a slow tail at one size", func(r *Results) { r.Apply[2].FromSent.P99 = 76 }, []string{"apply → first 200 through Envoy, one more Mapping on top of N Hosts"}},
		{"a slow folder is no goal", func(r *Results) { r.Apply[0].Source, r.Apply[0].FromSent.P50 = "folder", 100 }, nil},
		{"a wrong answer", func(r *Results) { r.Answers[0].Wrong = load.Wrong{"503": 1} }, []string{"wrong answers"}},
		{"a wrong answer while applying", func(r *Results) { r.Apply[0].Wrong = load.Wrong{"503": 1} }, []string{"wrong answers"}},
		{"fewer changes than planned", func(r *Results) { r.Answers[0].Changes = 2 }, []string{"wrong answers"}},
		{"a slow full compile", func(r *Results) { r.Benchmarks[0].Nanoseconds = 151e6 }, []string{"full compile"}},
		{"a slow change", func(r *Results) { r.Benchmarks[2].Nanoseconds = 1.1e6 }, []string{"compile after one changed Mapping"}},
		{"a slow endpoint", func(r *Results) { r.Benchmarks[3].Nanoseconds = 0.11e6 }, []string{"compile after one changed endpoint"}},
		{"fewer requests", func(r *Results) { r.Throughput[0].Share = 0.94 }, []string{"requests/s"}},
		{"a large controller", func(r *Results) { r.Memory[1].ControllerResident = 201 << 20 }, []string{"controller memory"}},
		{"a large Envoy", func(r *Results) { r.Memory[3].EnvoyResident *= 2 }, []string{"Envoy memory"}},
		{"bytes that grow", func(r *Results) { r.Benchmarks[2].Bytes = 1501 }, []string{"bytes and allocations"}},
		{"allocations that grow", func(r *Results) { r.Benchmarks[2].Allocations = 16 }, []string{"bytes and allocations"}},
		{"a write too many", func(r *Results) { r.Status[0].Writes = 21 }, []string{"status writes"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := good()
			test.spoil(r)
			var unmet []string
			for _, row := range r.Rows() {
				if row.Verdict != Met {
					unmet = append(unmet, row.What)
				}
			}
			if len(unmet) != len(test.unmet) || len(unmet) == 1 && !strings.HasPrefix(unmet[0], test.unmet[0]) {
				t.Errorf("not met: %q, want %q", unmet, test.unmet)
			}
		})
	}
}

func TestGrowths(t *testing.T) {
	t.Parallel()
	r := &Results{Benchmarks: []Benchmark{
		{Name: "OneMapping/10000/hosts", Bytes: 3}, {Name: "OneMapping/100/hosts", Bytes: 1}, {Name: "OneMapping/100/prefixes", Bytes: 2},
		{Name: "OneMapping/1000/prefixes", Bytes: 4}, {Name: "OneService/100", Bytes: 5}, {Name: "Full/100", Bytes: 6}, {Name: "Full/1000", Bytes: 7},
	}}
	want := []Growth{
		{Name: "OneMapping/hosts", Points: []GrowthPoint{{N: 100, Bytes: 1}, {N: 10000, Bytes: 3}}},
		{Name: "OneMapping/prefixes", Points: []GrowthPoint{{N: 100, Bytes: 2}, {N: 1000, Bytes: 4}}},
	}
	if diff := cmp.Diff(want, r.Growths()); diff != "" {
		t.Error(diff)
	}
}

// TestWrite reads every file back that Write makes.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := good().Write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1,000: 12 / 30, 10,000: 12 / 30", "| met |", "97.0 %", "| 10,000 hosts |", "](apply.svg)", "](throughput.svg)", "](change.svg)", "](memory.svg)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("README.md has no %q:\n%s", want, page)
		}
	}
	for _, name := range []string{"apply.svg", "throughput.svg", "change.svg", "memory.svg"} {
		picture, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		defer func() { _ = picture.Close() }()
		for decoder := xml.NewDecoder(picture); err == nil; {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPlotPlaces checks where points land: decades are as far from one another as their logarithms.
func TestPlotPlaces(t *testing.T) {
	t.Parallel()
	a := newAxis(10, 1000, 0, 216) // 2 decades and 0.08 on each side: 100 for a decade
	for value, want := range map[float64]float64{10: 8, 100: 108, 1000: 208} {
		if got := a.at(value); got < want-0.001 || got > want+0.001 {
			t.Errorf("%g is at %g, want %g", value, got, want)
		}
	}
	var labels []string
	for _, tick := range a.ticks() {
		labels = append(labels, tick.Label)
	}
	if diff := cmp.Diff([]string{"10", "20", "50", "100", "200", "500", "1,000"}, labels); diff != "" {
		t.Error(diff)
	}
}
