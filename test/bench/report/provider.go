package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
)

// What the provider is measured at, and with what it is compared.
const (
	OpPlan    = "plan"    // of N new objects, without a cluster
	OpApply   = "apply"   // of a saved plan of N new objects
	OpRefresh = "refresh" // of N unchanged objects
	OpStart   = "start"   // of the process, until the schema is served

	WithProvider        = "emissary_mapping"
	WithKubectlManifest = "kubectl_manifest"
	WithKubectl         = "kubectl apply --server-side"
	WithEngine          = "terraform_data"              // the engine without any provider
	WithoutEngine       = "the provider without engine" // the protocol's requests, nothing else
)

// The goals of the provider.
const (
	planSeconds    = 5
	planShare      = 1.0 / 3 // of kubectl_manifest
	applyShare     = 1.5     // of kubectl
	refreshSeconds = 3
	startSeconds   = 0.15
)

// Provider is a run of the provider's benchmark. It stands by itself: its page does not mix with that of the controller.
type Provider struct {
	Machine Machine `json:"machine"`
	// Engines are the names and versions of the engines.
	Engines []string `json:"engines"`
	// N is the number of objects, Parallelism how many are written at a time.
	N           int         `json:"n"`
	Parallelism int         `json:"parallelism"`
	Operations  []Operation `json:"operations"`
	Failures    []string    `json:"failures,omitempty"`
}

// Operation is one thing that was measured in several rounds, which take turns with those of the others.
type Operation struct {
	What string `json:"what"`
	With string `json:"with"`
	// Engine is empty where there is none.
	Engine string `json:"engine,omitempty"`
	// Wall is the time from start to end, CPU the processor time of the engine, its plugins and all else it starts,
	// in seconds.
	Wall []float64 `json:"wall_s"`
	CPU  []float64 `json:"cpu_s"`
}

// WallMedian and CPUMedian are those of the rounds, in seconds.
func (o Operation) WallMedian() float64 { return Median(o.Wall) }

// CPUMedian is that of the rounds, in seconds.
func (o Operation) CPUMedian() float64 { return Median(o.CPU) }

// Add notes a round.
func (p *Provider) Add(what, with, engine string, wall, cpu float64) {
	o := p.Operation(what, with, engine)
	if o == nil {
		p.Operations = append(p.Operations, Operation{What: what, With: with, Engine: engine})
		o = &p.Operations[len(p.Operations)-1]
	}
	o.Wall, o.CPU = append(o.Wall, wall), append(o.CPU, cpu)
}

// Operation finds what was measured; nil when it was not.
func (p *Provider) Operation(what, with, engine string) *Operation {
	for i := range p.Operations {
		if o := &p.Operations[i]; o.What == what && o.With == with && o.Engine == engine {
			return o
		}
	}
	return nil
}

// Rows holds the figures against the goals, on each engine.
func (p *Provider) Rows() (rows []Row) {
	size := thousands(p.N)
	applied := fmt.Sprintf("apply of %s Mappings, to kubectl apply --server-side, both %d at a time", size, p.Parallelism)
	each := func(row func(engine string) Row) {
		for _, engine := range p.Engines {
			rows = append(rows, row(engine))
		}
	}
	each(func(engine string) Row {
		return absolute("plan of "+size+" new objects with no cluster, "+engine, p.Operation(OpPlan, WithProvider, engine), planSeconds, "s", 1)
	})
	each(func(engine string) Row {
		return relative("the same plan, to kubectl_manifest, "+engine, p.Operation(OpPlan, WithProvider, engine), p.Operation(OpPlan, WithKubectlManifest, engine), planShare)
	})
	each(func(engine string) Row {
		return relative(applied+", "+engine, p.Operation(OpApply, WithProvider, engine), p.Operation(OpApply, WithKubectl, ""), applyShare)
	})
	rows = append(rows, relative("the provider's own part of that", p.Operation(OpApply, WithoutEngine, ""), p.Operation(OpApply, WithKubectl, ""), applyShare))
	each(func(engine string) Row {
		return absolute("refresh of "+size+" unchanged objects, "+engine, p.Operation(OpRefresh, WithProvider, engine), refreshSeconds, "s", 1)
	})
	rows = append(rows, absolute("the provider's own part of that", p.Operation(OpRefresh, WithoutEngine, ""), refreshSeconds, "s", 1))
	return append(rows, absolute("start of the provider until its schema is served", p.Operation(OpStart, WithProvider, ""), startSeconds, "ms", 1000))
}

func absolute(what string, o *Operation, most float64, unit string, scale float64) Row {
	row := Row{What: what, Goal: fmt.Sprintf("≤ %s %s", number(most*scale), unit), Verdict: NotMeasured}
	if o != nil {
		row.Measured = fmt.Sprintf("%s %s; processor time %s %s", number(scale*o.WallMedian()), unit, number(scale*o.CPUMedian()), unit)
		row.Verdict = verdict(true, o.WallMedian() <= most)
	}
	return row
}

func relative(what string, ours, theirs *Operation, most float64) Row {
	row := Row{What: what, Goal: fmt.Sprintf("≤ %s ×", number(most)), Verdict: NotMeasured}
	if ours != nil && theirs != nil {
		ratio := ours.WallMedian() / theirs.WallMedian()
		row.Measured = fmt.Sprintf("%s ×, %s s to %s s; processor time %s ×, %s s to %s s", number(ratio), number(ours.WallMedian()), number(theirs.WallMedian()),
			number(ours.CPUMedian()/theirs.CPUMedian()), number(ours.CPUMedian()), number(theirs.CPUMedian()))
		row.Verdict = verdict(true, ratio <= most)
	}
	return row
}

//go:embed provider.md.tmpl
var providerText string

var providerPage = template.Must(template.New("provider").Funcs(template.FuncMap{"thousands": thousands, "number": number}).Parse(providerText))

// Write writes provider.json and provider.md to a folder.
func (p *Provider) Write(dir string) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := providerPage.Execute(&page, p); err != nil {
		return err
	}
	return writeFiles(dir, map[string][]byte{"provider.json": append(raw, '\n'), "provider.md": page.Bytes()})
}

// Summary is the rows, for a terminal.
func (p *Provider) Summary() string {
	var b strings.Builder
	for _, row := range p.Rows() {
		b.WriteString(row.text())
	}
	return b.String()
}
