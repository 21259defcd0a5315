package matchtree

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
)

// BenchmarkBuild builds the tree of a host again after one of its routes changed.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{100, 300, 1000, 10000} {
		for _, kind := range []string{"plain", "pairs", "mixed"} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				entries := entriesOf(table(n, kind))
				Build(entries)
				changed := 0
				b.ReportAllocs()
				for b.Loop() {
					entries[changed] = NewEntry(entries[changed].Route())
					changed = (changed + 1) % len(entries)
					if _, matcher := Build(entries); matcher == nil {
						b.Fatal("no tree")
					}
				}
			})
		}
	}
}

// table is a host's table with n prefixes and a catch-all: plain, in pairs, or mixed with ten regular expressions that
// have no literal, as many others as a tenth of the prefixes, and a few case-insensitive ones.
func table(n int, kind string) []*routev3.Route {
	var routes []*routev3.Route
	add := func(match *routev3.RouteMatch) {
		if kind == "pairs" {
			secure := proto.CloneOf(match)
			secure.Headers = []*routev3.HeaderMatcher{exactHeader("x-forwarded-proto", "https")}
			routes = append(routes, answering(len(routes), secure))
		}
		routes = append(routes, answering(len(routes), match))
	}
	if kind == "mixed" {
		for i := range 10 {
			add(regexMatch(fmt.Sprintf(".*/special-%d", i)))
			match := prefixMatch(fmt.Sprintf("/Any-Case-%d/", i))
			match.CaseSensitive = falseValue
			add(match)
		}
		for i := range n / 10 {
			add(regexMatch(fmt.Sprintf("/regex-%05d/[^/]+", i)))
		}
	}
	for i := range n {
		add(prefixMatch(fmt.Sprintf("/mapping-%05d/", i)))
	}
	add(prefixMatch("/"))
	return routes
}

// BenchmarkEnvoy measures what a request costs one Envoy worker when the last of n prefixes serves it, and what the
// routes cost in memory. The routes answer themselves: with an upstream in between the ratios are nearer to 1.
func BenchmarkEnvoy(b *testing.B) {
	for _, kind := range []string{"plain", "pairs", "mixed"} {
		for _, n := range []int{10, 30, 100, 1000, 10000} {
			for _, form := range []string{"list", "tree"} {
				b.Run(fmt.Sprintf("%s/%s/%d", kind, form, n), func(b *testing.B) { benchmarkEnvoy(b, table(n, kind), n, form == "tree") })
			}
		}
	}
}

func benchmarkEnvoy(b *testing.B, routes []*routev3.Route, n int, asTree bool) {
	virtual := &routev3.VirtualHost{Name: "all", Domains: []string{"*"}}
	virtual.Routes = routes
	if asTree {
		virtual.Routes, virtual.Matcher = Build(entriesOf(routes))
	}
	e := startEnvoy(b, map[string]*routev3.RouteConfiguration{"http": {VirtualHosts: []*routev3.VirtualHost{virtual}}})
	last := request{target: fmt.Sprintf("/mapping-%05d/", n-1)}
	const clients = 8
	b.SetParallelism(clients / 2)
	before := e.cpuTicks(b)
	b.RunParallel(func(pb *testing.PB) {
		c := e.client(b, "http")
		for pb.Next() {
			c.get(b, "host", last)
		}
	})
	// The clock of /proc/pid/stat has 100 ticks a second.
	b.ReportMetric(float64(e.cpuTicks(b)-before)*10000/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(e.memory(b)/(1<<20), "MiB")
}

// cpuTicks is the processor time that Envoy has used.
func (e *envoy) cpuTicks(b *testing.B) int {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}

// memory is how many bytes Envoy has allocated.
func (e *envoy) memory(b *testing.B) float64 {
	b.Helper()
	answer, err := http.Get("http://" + e.admin + "/memory")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var memory struct {
		Allocated float64 `json:"allocated,string"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&memory); err != nil {
		b.Fatal(err)
	}
	return memory.Allocated
}
