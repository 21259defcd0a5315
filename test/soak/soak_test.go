package soak

import (
	"cmp"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

const (
	// defaultTime is how long a soak takes where SOAK says nothing.
	defaultTime = 20 * time.Second
	// samples are taken over the time; those of the first third are the early ones, those of the last third the late ones.
	samples = 9
	// growth and slack are by how much what is used late may exceed what was used early: allocators round up.
	growth       = 1.02
	slack        = 1 << 20 // bytes
	tableGrowth  = 2
	moreRoutines = 4
)

// TestSoak changes 5,000 Mappings, 300 in each round, and looks at the memory and the goroutines of the controller, which
// runs in this process, and at the memory of its Envoy. It runs alone in its package: the heap is everybody's.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: a soak takes its time")
	}
	length := soakTime(t)
	runtime.MemProfileRate = profileRate
	s := start(t)
	s.fill(t, s.port)
	s.awaitServed(t)

	// A first pass over every file brings up what is made once.
	for s.round < files/churned+2 {
		s.churn(t)
		s.awaitServed(t)
	}
	var taken []usage
	begin, first := time.Now(), s.round
	for i := range samples {
		for time.Since(begin) < length*time.Duration(i+1)/samples {
			s.churn(t)
			s.awaitServed(t)
		}
		taken = append(taken, s.usage(t))
		t.Logf("after %3.0f s and %4d rounds: heap %.2f MiB and %.2f of tables, %d goroutines, Envoy %.2f MiB", time.Since(begin).Seconds(), s.round-first,
			taken[i].heap/(1<<20), taken[i].tables/(1<<20), int(taken[i].goroutines), taken[i].envoy/(1<<20))
	}

	third := samples / 3
	early, late := taken[:third], taken[samples-third:]
	for _, figure := range []struct {
		what  string
		of    func(usage) float64
		allow func(early float64) float64
	}{
		{"bytes of the controller's heap without the tables of maps", func(u usage) float64 { return u.heap }, func(e float64) float64 { return e*growth + slack }},
		{"bytes of the tables of maps", func(u usage) float64 { return u.tables }, func(e float64) float64 { return e * tableGrowth }},
		{"goroutines", func(u usage) float64 { return u.goroutines }, func(e float64) float64 { return e + moreRoutines }},
		{"bytes of Envoy", func(u usage) float64 { return u.envoy }, func(e float64) float64 { return e*growth + slack }},
	} {
		before, after := median(early, figure.of), median(late, figure.of)
		if allowed := figure.allow(before); after > allowed {
			t.Errorf("%s grow: %.0f at first and %.0f after %d rounds, where %.0f is allowed", figure.what, before, after, s.round-first, allowed)
		}
	}
}

// soakTime reads SOAK, a duration such as 10m.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := cmp.Or(os.Getenv("SOAK"), defaultTime.String())
	length, err := time.ParseDuration(text)
	if err != nil || length <= 0 {
		t.Fatalf("SOAK is %q: a duration such as 10m is wanted", text)
	}
	return length
}

func median(of []usage, figure func(usage) float64) float64 {
	var figures []float64
	for _, u := range of {
		figures = append(figures, figure(u))
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}
