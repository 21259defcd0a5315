package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
	WithEngine          = "terraform_data" // the engine without any provider
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
	// Engine is the version of Terraform or OpenTofu.
	Engine string `json:"engine"`
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
func (p *Provider) Add(what, with string, wall, cpu float64) {
	for i := range p.Operations {
		if o := &p.Operations[i]; o.What == what && o.With == with {
			o.Wall, o.CPU = append(o.Wall, wall), append(o.CPU, cpu)
			return
		}
	}
	p.Operations = append(p.Operations, Operation{What: what, With: with, Wall: []float64{wall}, CPU: []float64{cpu}})
}

// Operation finds what was measured; nil when it was not.
func (p *Provider) Operation(what, with string) *Operation {
	for i := range p.Operations {
		if o := &p.Operations[i]; o.What == what && o.With == with {
			return o
		}
	}
	return nil
}

// Rows holds the figures against the goals.
func (p *Provider) Rows() []Row {
	size := thousands(p.N)
	return []Row{
		p.absolute("plan of "+size+" new objects with no cluster", OpPlan, planSeconds, "s", 1),
		p.relative("the same plan, compared with kubectl_manifest", OpPlan, WithKubectlManifest, planShare),
		p.relative(fmt.Sprintf("apply of %s Mappings, compared with kubectl apply --server-side, both %d at a time", size, p.Parallelism), OpApply, WithKubectl, applyShare),
		p.absolute("refresh of "+size+" unchanged objects", OpRefresh, refreshSeconds, "s", 1),
		p.absolute("start of the provider until its schema is served", OpStart, startSeconds, "ms", 1000),
	}
}

func (p *Provider) absolute(what, operation string, most float64, unit string, scale float64) Row {
	row := Row{What: what, Goal: fmt.Sprintf("≤ %s %s", number(most*scale), unit)}
	o := p.Operation(operation, WithProvider)
	if o == nil {
		row.Verdict = NotMeasured
		return row
	}
	row.Measured = fmt.Sprintf("%s %s (%s %s of processor time)", number(scale*o.WallMedian()), unit, number(scale*o.CPUMedian()), unit)
	row.Verdict = verdict(true, o.WallMedian() <= most)
	return row
}

func (p *Provider) relative(what, operation, with string, most float64) Row {
	row := Row{What: what, Goal: fmt.Sprintf("≤ %s ×", number(most))}
	ours, theirs := p.Operation(operation, WithProvider), p.Operation(operation, with)
	if ours == nil || theirs == nil {
		row.Verdict = NotMeasured
		return row
	}
	ratio := ours.WallMedian() / theirs.WallMedian()
	row.Measured = fmt.Sprintf("%s × (%s of processor time): %s s to %s s", number(ratio), number(ours.CPUMedian()/theirs.CPUMedian())+" ×",
		number(ours.WallMedian()), number(theirs.WallMedian()))
	row.Verdict = verdict(true, ratio <= most)
	return row
}

//go:embed provider.md.tmpl
var providerText string

var providerPage = template.Must(template.New("provider").Funcs(template.FuncMap{"thousands": thousands, "number": number}).Parse(providerText))

// Write writes provider.json and provider.md to a folder.
func (p *Provider) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := providerPage.Execute(&page, p); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"provider.json": append(raw, '\n'), "provider.md": page.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Summary is the rows, for a terminal.
func (p *Provider) Summary() string {
	var b strings.Builder
	for _, row := range p.Rows() {
		fmt.Fprintf(&b, "\n%-8s %s (goal: %s)\n         %s\n", row.Verdict, row.What, row.Goal, row.Measured)
	}
	return b.String()
}
