package scenario

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

const (
	// throughputConnections keep one Envoy worker busy all the time.
	throughputConnections = 16
	// portsEach is how many ports a controller and its Envoy need.
	portsEach = 10
)

// rate is what one round measured.
type rate struct {
	perProcessorSecond, perSecond float64
}

// paths are the ways to choose what to ask for. The last prefix is the worst of a list of routes, and always in the
// processor's caches; at random, the caches have to hold all that Envoy keeps for every route.
var paths = map[string]func(n int) int{
	"last":   func(n int) int { return n - 1 },
	"random": rand.IntN,
}

// Throughput measures the requests for each second of processor time of an Envoy with one worker, at each number of
// prefixes on one Host, and at the most of them also where the route table is not cut. All the Envoys run at once and are asked in turn: the first one, which is what the others are
// compared with, before each of the others, round after round. A slow moment of the machine then hits both sides of a
// ratio.
func Throughput(ctx context.Context, dir string, port int, prefixes []int, rounds int, each time.Duration) (results []report.Throughput, err error) {
	var gateways []*gateway
	defer func() {
		for _, g := range gateways {
			g.controller.Stop()
		}
	}()
	start := func(prefixes, tableSize int) error {
		g, err := startGateway(ctx, dir, port+len(gateways)*portsEach, prefixes, tableSize)
		if err != nil {
			return fmt.Errorf("%d prefixes: %w", prefixes, err)
		}
		gateways = append(gateways, g)
		return nil
	}
	for _, n := range prefixes {
		if err := start(n, 0); err != nil {
			return nil, err
		}
	}
	if most := slices.Max(prefixes); most > compile.Defaults().RouteTableSize {
		if err := start(most, 2*most); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		for _, g := range gateways {
			if _, err := g.measure(ctx, each/2, paths[name], load.Wrong{}); err != nil { // connections to the backend, caches
				return nil, err
			}
		}
		compared, err := compare(ctx, gateways, rounds, each, name)
		if err != nil {
			return nil, err
		}
		results = append(results, compared...)
	}
	return results, nil
}

func compare(ctx context.Context, gateways []*gateway, rounds int, each time.Duration, name string) ([]report.Throughput, error) {
	base, others := gateways[0], gateways[1:]
	results := make([]report.Throughput, len(others))
	for range rounds {
		for i, g := range others {
			r := &results[i]
			if r.Wrong == nil {
				*r = report.Throughput{N: g.prefixes, Base: base.prefixes, Paths: name, Whole: g.whole, Wrong: load.Wrong{}}
			}
			of, err := base.measure(ctx, each, paths[name], r.Wrong)
			if err != nil {
				return nil, err
			}
			at, err := g.measure(ctx, each, paths[name], r.Wrong)
			if err != nil {
				return nil, err
			}
			r.BasePerSecond, r.BaseWall = append(r.BasePerSecond, of.perProcessorSecond), append(r.BaseWall, of.perSecond)
			r.PerSecond, r.Wall = append(r.PerSecond, at.perProcessorSecond), append(r.Wall, at.perSecond)
		}
	}
	for i := range results {
		results[i].Compare()
	}
	return results, nil
}

// gateway is a controller in folder mode whose Envoy has one worker.
type gateway struct {
	controller *testbed.Controller
	prefixes   int
	// whole is set where the route table is not cut though it is large.
	whole bool
}

func startGateway(ctx context.Context, dir string, port, prefixes, tableSize int) (*gateway, error) {
	folder, err := testbed.NewFolder(dir)
	if err != nil {
		return nil, err
	}
	shape := testbed.Prefixes
	objects := append(shape.Base(port), shape.Surroundings(0)...)
	for i := range prefixes {
		mapping := shape.Mapping(i)
		// One Service for all: what is compared is finding the route, not connections to more and more clusters.
		mapping.Spec.Service = shape.Mapping(0).Spec.Service
		objects = append(objects, mapping)
	}
	if err := folder.Write("all.yaml", objects...); err != nil {
		return nil, err
	}
	controller, err := testbed.StartController(ctx, testbed.ControllerOptions{Manifests: string(folder), Dir: dir, Port: port, Workers: 1, RouteTableSize: tableSize})
	if err != nil {
		return nil, err
	}
	g := &gateway{controller: controller, prefixes: prefixes, whole: tableSize > 0}
	if err := serves(ctx, controller, shape.Request(prefixes-1)); err != nil {
		controller.Stop()
		return nil, err
	}
	return g, nil
}

func (g *gateway) measure(ctx context.Context, duration time.Duration, path func(n int) int, wrong load.Wrong) (rate, error) {
	before, err := g.controller.EnvoyUsage()
	if err != nil {
		return rate{}, err
	}
	start := time.Now()
	served, bad := load.Saturate(ctx, g.controller.Address, throughputConnections, duration, func() load.Request {
		return testbed.Prefixes.Request(path(g.prefixes))
	})
	took := time.Since(start)
	after, err := g.controller.EnvoyUsage()
	if err != nil {
		return rate{}, err
	}
	wrong.Add(bad)
	processor := after.CPU - before.CPU
	if served == 0 || processor == 0 {
		return rate{}, fmt.Errorf("%d prefixes: %d requests served in %s of Envoy's time, wrong answers %v", g.prefixes, served, processor, bad)
	}
	return rate{perProcessorSecond: float64(served) / processor.Seconds(), perSecond: float64(served) / took.Seconds()}, nil
}
