package report

import (
	"bytes"
	_ "embed"
	"math"
	"text/template"
)

// Plot is a line chart with logarithmic axes, drawn as SVG.
type Plot struct {
	// File is the name of the file, Title what stands above.
	File, Title string
	// X and Y say what the axes show, with the unit.
	X, Y string
	// Lines are what is shown.
	Lines []Line
}

// Line is one line of a plot.
type Line struct {
	Name   string
	Points []Point
	// Dashed is for what is shown to compare with.
	Dashed bool
}

// Point is a point of a line. Both coordinates must be positive.
type Point struct{ X, Y float64 }

// The size of a plot, and of the area within its axes.
const (
	plotWidth, plotHeight   = 760, 380
	plotLeft, plotTop       = 70, 40
	plotRight, plotBottom   = 500, 330
	legendLeft, legendPitch = 520, 20
)

// colours tell lines apart also for the colour-blind (Okabe and Ito).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"}

//go:embed plot.svg.tmpl
var plotText string

var plotTemplate = template.Must(template.New("plot").Funcs(template.FuncMap{"number": number}).Parse(plotText))

// axis maps values to places.
type axis struct {
	low, high float64 // logarithms
	from, to  float64
}

// newAxis leaves a little air on both ends, and shows a decade at least, so that noise looks like noise.
func newAxis(low, high, from, to float64) axis {
	a := axis{low: math.Log10(low) - 0.08, high: math.Log10(high) + 0.08, from: from, to: to}
	if missing := 1 - (a.high - a.low); missing > 0 {
		a.low, a.high = a.low-missing/2, a.high+missing/2
	}
	return a
}

func (a axis) at(value float64) float64 {
	return a.from + (math.Log10(value)-a.low)/(a.high-a.low)*(a.to-a.from)
}

// tick is a labelled place on an axis.
type tick struct {
	At    float64
	Label string
}

// ticks are at 1, 2 and 5 times the powers of ten, or at the powers alone where that would be too many.
func (a axis) ticks() []tick {
	factors := []float64{1, 2, 5}
	if a.high-a.low > 2.5 {
		factors = factors[:1]
	}
	var all []tick
	for power := math.Floor(a.low); power <= a.high; power++ {
		for _, factor := range factors {
			value := factor * math.Pow(10, power)
			if log := math.Log10(value); log >= a.low && log <= a.high {
				label := number(value)
				if value >= 1000 {
					label = thousands(int(value))
				}
				all = append(all, tick{At: a.at(value), Label: label})
			}
		}
	}
	return all
}

// shape is a line as it is drawn.
type shape struct {
	Name, Colour string
	Dashed       bool
	Points       []Point // in the plot's own coordinates
	LegendY      float64
}

func (p Plot) draw() ([]byte, error) {
	lowX, highX, lowY, highY := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, line := range p.Lines {
		for _, point := range line.Points {
			lowX, highX = min(lowX, point.X), max(highX, point.X)
			lowY, highY = min(lowY, point.Y), max(highY, point.Y)
		}
	}
	x, y := newAxis(lowX, highX, plotLeft, plotRight), newAxis(lowY, highY, plotBottom, plotTop)
	var shapes []shape
	for i, line := range p.Lines {
		s := shape{Name: line.Name, Colour: colours[i%len(colours)], Dashed: line.Dashed, LegendY: plotTop + legendPitch*float64(i)}
		for _, point := range line.Points {
			s.Points = append(s.Points, Point{X: x.at(point.X), Y: y.at(point.Y)})
		}
		shapes = append(shapes, s)
	}
	var svg bytes.Buffer
	err := plotTemplate.Execute(&svg, map[string]any{
		"Plot": p, "Shapes": shapes, "XTicks": x.ticks(), "YTicks": y.ticks(),
		"Width": plotWidth, "Height": plotHeight, "Left": plotLeft, "Top": plotTop, "Right": plotRight, "Bottom": plotBottom,
		"LegendLeft": legendLeft,
	})
	return svg.Bytes(), err
}
