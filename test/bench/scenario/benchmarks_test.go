package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/test/bench/report"
)

func TestParseBenchmarks(t *testing.T) {
	t.Parallel()
	const output = `goos: linux
pkg: example
BenchmarkOne/hosts/100-2   	    1000	      3000 ns/op	     567 B/op	       8 allocs/op
BenchmarkOne/hosts/100-2   	    1000	      1000 ns/op	     569 B/op	       8 allocs/op
BenchmarkOne/hosts/100-2   	    1000	      2000 ns/op	     568 B/op	       8 allocs/op
--- BENCH: BenchmarkOne
BenchmarkFull-16   	       1	 1.5e+06 ns/op	        12.5 routes/op	  100 B/op	  2 allocs/op
PASS
`
	want := []report.Benchmark{
		{Name: "One/hosts/100", Nanoseconds: 2000, Bytes: 568, Allocations: 8},
		{Name: "Full", Nanoseconds: 1.5e6, Bytes: 100, Allocations: 2},
	}
	if diff := cmp.Diff(want, parseBenchmarks(output)); diff != "" {
		t.Error(diff)
	}
}
