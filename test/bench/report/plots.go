package report

import "slices"

// plots are the plots of what was measured.
func (r *Results) plots() []Plot {
	var plots []Plot
	for _, plot := range []Plot{r.applyPlot(), r.throughputPlot(), r.growthPlot(), r.memoryPlot()} {
		if plot.Lines = drawable(plot.Lines); len(plot.Lines) > 0 {
			plots = append(plots, plot)
		}
	}
	return plots
}

// drawable leaves out points without a logarithm, and lines without points.
func drawable(lines []Line) []Line {
	var kept []Line
	for _, line := range lines {
		var points []Point
		for _, point := range line.Points {
			if point.X > 0 && point.Y > 0 {
				points = append(points, point)
			}
		}
		if len(points) > 0 {
			line.Points = points
			kept = append(kept, line)
		}
	}
	return kept
}

func (r *Results) applyPlot() Plot {
	plot := Plot{File: "apply.svg", Title: "From apply to the first 200, one more Mapping on top of N", X: "Mappings", Y: "ms"}
	if len(r.Apply) == 0 {
		return plot
	}
	for _, shape := range []string{"prefixes", "hosts"} {
		p50, p99 := Line{Name: "p50, " + shape}, Line{Name: "p99, " + shape}
		for _, a := range r.Apply {
			if a.Shape == shape && a.Source == "cluster" {
				p50.Points = append(p50.Points, Point{float64(a.N), a.FromSent.P50})
				p99.Points = append(p99.Points, Point{float64(a.N), a.FromSent.P99})
			}
		}
		plot.Lines = append(plot.Lines, p50, p99)
	}
	least, most := float64(r.Apply[0].N), float64(r.Apply[0].N)
	for _, a := range r.Apply {
		least, most = min(least, float64(a.N)), max(most, float64(a.N))
	}
	plot.Lines = append(plot.Lines,
		Line{Name: "goal for p50", Dashed: true, Points: []Point{{least, applyP50}, {most, applyP50}}},
		Line{Name: "goal for p99", Dashed: true, Points: []Point{{least, applyP99}, {most, applyP99}}},
		Line{Name: "Contour, mean", Dashed: true, Points: []Point{{100, 28}, {1000, 101}, {3000, 329}}},
		Line{Name: "Envoy Gateway, mean", Dashed: true, Points: []Point{{100, 58}, {1000, 319}, {3000, 658}}})
	return plot
}

func (r *Results) throughputPlot() Plot {
	plot := Plot{File: "throughput.svg", Title: "Requests for each second of Envoy's processor time", X: "prefixes on one Host", Y: "% of the rate at 10"}
	if len(r.Throughput) == 0 {
		return plot
	}
	for _, paths := range []string{"last", "random"} {
		line := Line{Name: "asking for " + map[string]string{"last": "the last one", "random": "any one"}[paths]}
		for _, t := range r.Throughput {
			if t.Paths == paths && !t.Whole {
				line.Points = append(line.Points, Point{float64(t.N), 100 * t.Share})
			}
		}
		if len(line.Points) > 0 {
			line.Points = slices.Insert(line.Points, 0, Point{float64(r.Throughput[0].Base), 100})
			plot.Lines = append(plot.Lines, line)
		}
	}
	plot.Lines = append(plot.Lines, Line{Name: "a list, the last one", Dashed: true, Points: []Point{{10, 100}, {1000, 81}, {10000, 26}}})
	return plot
}

func (r *Results) growthPlot() Plot {
	plot := Plot{File: "change.svg", Title: "Bytes allocated for one change among N", X: "Mappings or resources", Y: "bytes"}
	for _, g := range r.Growths() {
		line := Line{Name: g.Name}
		for _, point := range g.Points {
			line.Points = append(line.Points, Point{float64(point.N), point.Bytes})
		}
		plot.Lines = append(plot.Lines, line)
	}
	return plot
}

func (r *Results) memoryPlot() Plot {
	plot := Plot{File: "memory.svg", Title: "Memory at N Mappings with a Service each", X: "Mappings", Y: "MiB"}
	for _, shape := range []string{"prefixes", "hosts"} {
		controller, envoy := Line{Name: "controller, " + shape}, Line{Name: "Envoy, " + shape}
		for _, m := range r.Memory {
			if m.Shape == shape {
				controller.Points = append(controller.Points, Point{float64(m.N), float64(m.ControllerResident) / (1 << 20)})
				envoy.Points = append(envoy.Points, Point{float64(m.N), float64(m.EnvoyResident) / (1 << 20)})
			}
		}
		plot.Lines = append(plot.Lines, controller, envoy)
	}
	return plot
}
