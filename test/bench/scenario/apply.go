package scenario

import (
	"context"
	"fmt"
	"time"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

// servedTimeout bounds the wait for one new Mapping.
const servedTimeout = time.Minute

// Apply creates further Mappings one by one and measures how long each takes to be served. Each begins when the status
// of the one before is written, as a person or Terraform would apply one after the other.
func Apply(ctx context.Context, s *Station, samples int) (report.Apply, error) {
	before, err := s.Controller.Metrics(ctx)
	if err != nil {
		return report.Apply{}, err
	}
	result := report.Apply{Source: "cluster", Shape: string(s.Shape), N: s.N, Wrong: load.Wrong{}}
	var sent, created, programmed []time.Duration
	for range samples {
		one, err := applyOne(ctx, s.Plane, s.Controller, s.Shape, s.Plane.Next())
		if err != nil {
			return report.Apply{}, err
		}
		sent, created = append(sent, one.served.Sub(one.sent)), append(created, one.served.Sub(one.created))
		if err := s.Plane.AwaitProgrammed(ctx, one.mapping); err != nil {
			return report.Apply{}, err
		}
		programmed = append(programmed, time.Since(one.sent))
		asked, wrong := one.probe.Stop()
		result.Asked += asked
		result.Wrong.Add(wrong)
	}
	after, err := s.Controller.Metrics(ctx)
	if err != nil {
		return report.Apply{}, err
	}
	result.FromSent, result.FromCreated = report.NewDistribution(sent), report.NewDistribution(created)
	result.ToProgrammed = report.NewDistribution(programmed)
	result.Inside = inside(before, after)
	return result, nil
}

// applied is one Mapping that was created and is served. Its probe goes on.
type applied struct {
	sent, created, served time.Time
	mapping               *v3alpha1.Mapping
	probe                 *load.Probe
}

func applyOne(ctx context.Context, plane *testbed.Plane, controller *testbed.Controller, shape testbed.Shape, i int) (one applied, err error) {
	ctx, cancel := context.WithTimeout(ctx, servedTimeout)
	defer cancel()
	one.mapping = shape.Mapping(i)
	one.probe = load.StartProbe(context.WithoutCancel(ctx), controller.Address, shape.Request(i))
	defer func() {
		if err != nil {
			_, wrong := one.probe.Stop()
			err = fmt.Errorf("apply %s: %w (wrong answers: %v)\n%s", one.mapping.Name, err, wrong, controller.LogTail())
		}
	}()
	if err = one.probe.AwaitAbsent(ctx); err != nil {
		return one, err
	}
	one.sent = time.Now()
	if err = plane.Objects.Create(ctx, one.mapping); err != nil {
		return one, err
	}
	one.created = time.Now()
	one.served, err = one.probe.AwaitServed(ctx)
	return one, err
}

// inside reads from the controller's metrics where the time between two scrapes went.
func inside(before, after testbed.Metrics) map[string]float64 {
	steps := map[string]float64{}
	note := func(step, histogram string, labels ...string) {
		if mean := after.Mean(before, histogram, labels...); mean > 0 {
			steps[step] = mean * 1000
		}
	}
	note("compile", "emissary_compile_seconds")
	for _, kind := range []string{"Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration", "ScopedRouteConfiguration"} {
		note("Envoy takes "+kind, "emissary_xds_ack_seconds", "type", kind)
	}
	return steps
}
