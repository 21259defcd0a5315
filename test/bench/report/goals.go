package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The goals.
const (
	applyP50, applyP99 = 20, 75 // ms
	compileFull        = 150    // ms, of fullSize Mappings
	compileOne         = 1      // ms
	compileEndpoint    = 0.1    // ms
	fullSize           = 10000
	throughputShare    = 0.95
	controllerMemory   = 200 << 20 // bytes, at fullSize
	envoyPerMapping    = 20 << 10  // bytes
	// flatGrowth is by how much the cost of a change may grow while the number of Mappings grows a hundredfold: a tree is a
	// level deeper, a map's bucket fuller.
	flatGrowth = 1.5
)

// Row is one line of the table.
type Row struct {
	What, Goal, Measured, Others string
	Verdict                      Verdict
}

// text is the row for a terminal.
func (r Row) text() string {
	return fmt.Sprintf("\n%-8s %s (goal: %s)\n         %s\n", r.Verdict, r.What, r.Goal, r.Measured)
}

// Verdict says whether a goal is met.
type Verdict string

// The verdicts. NotMeasured is for what the run left out.
const (
	Met         Verdict = "met"
	NotMet      Verdict = "not met"
	NotMeasured Verdict = "not measured"
)

func verdict(measured, met bool) Verdict {
	switch {
	case !measured:
		return NotMeasured
	case met:
		return Met
	}
	return NotMet
}

// Rows holds the figures against the goals.
func (r *Results) Rows() []Row {
	rows := []Row{
		r.applyRow("prefixes", "N prefixes on one Host"),
		r.applyRow("hosts", "N Hosts with a prefix each"),
		r.answersRow(),
	}
	rows = append(rows, r.compileRows()...)
	return append(rows,
		r.throughputRow(),
		r.controllerRow("prefixes", "10,000 Mappings, 10,000 Services"),
		r.controllerRow("hosts", "10,000 Mappings, 10,000 Services, 10,000 Hosts"),
		r.envoyRow(), r.flatRow(), r.statusRow())
}

func (r *Results) applyRow(shape, what string) Row {
	row := Row{
		What: "apply → first 200 through Envoy, one more Mapping on top of " + what,
		Goal: fmt.Sprintf("p50 ≤ %d ms, p99 ≤ %d ms", applyP50, applyP99),
		Others: "mean at 100 / 1,000 / 3,000, on 2 cores: Contour 28 / 101 / 329 ms, Envoy Gateway 58 / 319 / 658 ms, both with " +
			"503s in between; Emissary about 8 s + 1 s batching at 10,000",
	}
	met := true
	var parts []string
	for _, a := range r.Apply {
		if a.Shape == shape && a.Source == "cluster" {
			parts = append(parts, fmt.Sprintf("%s: %s / %s", thousands(a.N), number(a.FromSent.P50), number(a.FromSent.P99)))
			met = met && a.FromSent.P50 <= applyP50 && a.FromSent.P99 <= applyP99
		}
	}
	if len(parts) > 0 {
		row.Measured = "p50 / p99 in ms at " + strings.Join(parts, ", ")
	}
	row.Verdict = verdict(len(parts) > 0, met)
	return row
}

func (r *Results) answersRow() Row {
	row := Row{
		What:   "wrong answers while Mappings are added, backends swapped, endpoints rolled, certificates rotated",
		Goal:   "0",
		Others: "Envoy Gateway about 15,000 while 3,000 routes are added",
	}
	wrong, asked, short := 0, 0, false
	for _, a := range r.Answers {
		wrong, asked = wrong+a.Wrong.Total(), asked+a.Asked
		short = short || a.Changes < a.Planned
	}
	for _, a := range r.Apply {
		wrong, asked = wrong+a.Wrong.Total(), asked+a.Asked
	}
	if row.Verdict = verdict(len(r.Answers) > 0, wrong == 0 && !short); asked > 0 {
		row.Measured = fmt.Sprintf("%s in %s requests", thousands(wrong), thousands(asked))
	}
	return row
}

// compileRow is what to look for among the Go benchmarks, whose names may say more.
var compileRow = []struct {
	what   string
	name   *regexp.Regexp
	most   float64 // ms
	others string
}{
	{"full compile of 10,000 Mappings", regexp.MustCompile(`(?i)full.*10000|full10000`), compileFull,
		"Contour 307 ms, Envoy Gateway about 1,600 ms, Emissary 4 s"},
	{"compile after one changed Mapping among 10,000", regexp.MustCompile(`(?i)one-?mapping.*10000`), compileOne,
		"Contour 342 ms, Envoy Gateway about 1,600 ms, Emissary 7.9 s with its validation"},
	{"compile after one changed endpoint among 10,000", regexp.MustCompile(`(?i)one-?endpoint.*10000`), compileEndpoint,
		"Contour 92 ms, Envoy Gateway about 1,600 ms"},
}

func (r *Results) compileRows() []Row {
	var rows []Row
	for _, c := range compileRow {
		row := Row{What: c.what, Goal: fmt.Sprintf("≤ %s ms", number(c.most)), Others: c.others}
		met := true
		var parts []string
		for _, b := range r.Benchmarks {
			if c.name.MatchString(b.Name) {
				parts = append(parts, fmt.Sprintf("%s ms (%s)", number(b.Nanoseconds/1e6), b.Name))
				met = met && b.Nanoseconds/1e6 <= c.most
			}
		}
		row.Measured, row.Verdict = strings.Join(parts, ", "), verdict(len(parts) > 0, met)
		rows = append(rows, row)
	}
	return rows
}

func (r *Results) throughputRow() Row {
	row := Row{
		What:   "requests/s through one Envoy core at 10,000 prefixes on one Host, as a share of the rate at 10",
		Goal:   fmt.Sprintf("≥ %.0f %%", 100*throughputShare),
		Others: "15–26 % (a list)",
	}
	var parts []string
	met, wrong := true, 0
	for _, t := range r.Throughput {
		what := t.Paths
		if t.Whole {
			what += ", not cut"
		}
		parts = append(parts, fmt.Sprintf("%s, %s: %.1f %% (%s/s)", thousands(t.N), what, 100*t.Share, thousands(int(Median(t.PerSecond)))))
		met = met && (t.Whole || t.Share >= throughputShare)
		wrong += t.Wrong.Total()
	}
	row.Measured = strings.Join(parts, ", ")
	if wrong > 0 {
		row.Measured += fmt.Sprintf("; %d wrong answers", wrong)
	}
	row.Verdict = verdict(len(parts) > 0, met && wrong == 0)
	return row
}

func (r *Results) controllerRow(shape, what string) Row {
	row := Row{
		What:   "controller memory at " + what,
		Goal:   fmt.Sprintf("≤ %d MiB", controllerMemory>>20),
		Others: "measured at 3,000: Contour 926 MiB, Envoy Gateway 234 MiB; published at 5,000: 513 MiB–3.4 GiB",
	}
	var parts []string
	measured, met := false, true
	for _, m := range r.Memory {
		if m.Shape != shape {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %d MiB (peak %d, Go heap %d)",
			thousands(m.N), m.ControllerResident>>20, m.ControllerPeak>>20, m.ControllerHeap>>20))
		if m.N >= fullSize {
			measured, met = true, met && m.ControllerResident <= controllerMemory
		}
	}
	row.Measured, row.Verdict = strings.Join(parts, ", "), verdict(measured, met)
	return row
}

func (r *Results) envoyRow() Row {
	row := Row{
		What:   "Envoy memory for each Mapping with a cluster of its own",
		Goal:   fmt.Sprintf("≤ %d KiB", envoyPerMapping>>10),
		Others: "69–85 KiB",
	}
	var parts []string
	met := true
	for _, shape := range []string{"prefixes", "hosts"} {
		resident, allocated, ok := r.envoyPerMapping(shape)
		if !ok {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %.1f KiB (allocated %.1f)", shape, resident/1024, allocated/1024))
		met = met && resident <= envoyPerMapping
	}
	row.Measured, row.Verdict = strings.Join(parts, ", "), verdict(len(parts) > 0, met)
	return row
}

func (r *Results) envoyPerMapping(shape string) (resident, allocated float64, ok bool) {
	var few, many *Memory
	for i := range r.Memory {
		switch m := &r.Memory[i]; {
		case m.Shape != shape || m.N < 1000:
		case few == nil:
			few = m
		default:
			many = m
		}
	}
	if many == nil {
		return 0, 0, false
	}
	n := float64(many.N - few.N)
	return float64(many.EnvoyResident-few.EnvoyResident) / n, float64(many.EnvoyAllocated-few.EnvoyAllocated) / n, true
}

// changeBenchmark finds the benchmarks of one change among N, and N in their names.
var (
	changeBenchmark = regexp.MustCompile(`(?i)apply-?one|one-?(mapping|endpoint|service|host)`)
	benchmarkSize   = regexp.MustCompile(`\d{2,}`)
)

// Growth is how the cost of one change grows with the number of Mappings.
type Growth struct {
	Name   string
	Points []GrowthPoint
}

// GrowthPoint is the cost of one change among N.
type GrowthPoint struct {
	N                  int
	Bytes, Allocations float64
}

// Growths finds the benchmarks of one change at several N.
func (r *Results) Growths() []Growth {
	var all []Growth
	for _, b := range r.Benchmarks {
		size := benchmarkSize.FindString(b.Name)
		n, err := strconv.Atoi(size)
		if err != nil || !changeBenchmark.MatchString(b.Name) {
			continue
		}
		name := strings.Trim(strings.Replace(strings.Replace(b.Name, size, "", 1), "//", "/", 1), "/")
		i := slices.IndexFunc(all, func(g Growth) bool { return g.Name == name })
		if i < 0 {
			i, all = len(all), append(all, Growth{Name: name})
		}
		all[i].Points = append(all[i].Points, GrowthPoint{N: n, Bytes: b.Bytes, Allocations: b.Allocations})
	}
	for i := range all {
		slices.SortFunc(all[i].Points, func(a, b GrowthPoint) int { return cmp.Compare(a.N, b.N) })
	}
	return slices.DeleteFunc(all, func(g Growth) bool { return len(g.Points) < 2 })
}

func (r *Results) flatRow() Row {
	row := Row{
		What:   "bytes and allocations for one change",
		Goal:   "flat in N",
		Others: "linear",
	}
	var parts []string
	met := true
	for _, g := range r.Growths() {
		first, last := g.Points[0], g.Points[len(g.Points)-1]
		parts = append(parts, fmt.Sprintf("%s: %s → %s B, %s → %s allocations", g.Name,
			thousands(int(first.Bytes)), thousands(int(last.Bytes)), thousands(int(first.Allocations)), thousands(int(last.Allocations))))
		met = met && last.Bytes <= flatGrowth*max(first.Bytes, 1) && last.Allocations <= flatGrowth*max(first.Allocations, 1)
	}
	row.Measured, row.Verdict = strings.Join(parts, "; "), verdict(len(parts) > 0, met)
	return row
}

func (r *Results) statusRow() Row {
	row := Row{
		What:   "status writes at 10,000 Mappings",
		Goal:   "as many as changes",
		Others: "73–1,403 for 1,000 routes, by controller",
	}
	var parts []string
	met := true
	for _, s := range r.Status {
		parts = append(parts, fmt.Sprintf("%s %s: %d writes for %d changes", thousands(s.N), s.Shape, s.Writes, s.Changes))
		met = met && s.Writes <= s.Changes
	}
	row.Measured, row.Verdict = strings.Join(parts, ", "), verdict(len(parts) > 0, met)
	return row
}
