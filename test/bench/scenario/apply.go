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

// servedTimeout bounds the wait for a Mapping to be served by a controller that is ready.
const servedTimeout = time.Minute

// Apply creates further Mappings one by one and measures how long each takes to be served. Each begins when the status
// of the one before is written, as a person or Terraform would apply one after the other.
func Apply(ctx context.Context, s *Station, samples int) (report.Apply, error) {
	result := report.Apply{Source: "cluster", Shape: string(s.Shape), N: s.N, Wrong: load.Wrong{}}
	var programmed []time.Duration
	err := measureApply(ctx, s.Controller, &result, samples, func() (*applied, error) {
		one, err := applyOne(ctx, s.Controller, s.Shape, s.Plane.Next(), s.create)
		if err != nil {
			return nil, err
		}
		err = s.Plane.AwaitProgrammed(ctx, one.mapping)
		programmed = append(programmed, time.Since(one.sent))
		return one, err
	})
	times := report.NewDistribution(programmed)
	result.ToProgrammed = &times
	return result, err
}

func (s *Station) create(ctx context.Context, mapping *v3alpha1.Mapping) error {
	return s.Plane.Objects.Create(ctx, mapping)
}

// ApplyToFolder is Apply in folder mode: what is left when there is no API server in between.
func ApplyToFolder(ctx context.Context, dir string, port int, shape testbed.Shape, n, samples int) (report.Apply, error) {
	result := report.Apply{Source: "folder", Shape: string(shape), N: n, Wrong: load.Wrong{}}
	folder, err := testbed.NewFolder(dir)
	if err != nil {
		return result, err
	}
	objects := shape.Base(port)
	for i := range n + samples {
		objects = append(objects, shape.Surroundings(i)...)
		if i < n {
			objects = append(objects, shape.Mapping(i))
		}
	}
	if err := folder.Write("all.yaml", objects...); err != nil {
		return result, err
	}
	controller, err := testbed.StartController(ctx, testbed.ControllerOptions{Manifests: string(folder), Dir: dir, Port: port})
	if err != nil {
		return result, err
	}
	defer controller.Stop()
	if err := serves(ctx, controller, shape.Request(n-1)); err != nil {
		return result, err
	}
	next := n
	err = measureApply(ctx, controller, &result, samples, func() (*applied, error) {
		next++
		return applyOne(ctx, controller, shape, next-1, func(_ context.Context, mapping *v3alpha1.Mapping) error {
			return folder.Write(mapping.Name+".yaml", mapping)
		})
	})
	return result, err
}

// measureApply applies one Mapping after the other and sums up.
func measureApply(ctx context.Context, controller *testbed.Controller, result *report.Apply, samples int, apply func() (*applied, error)) error {
	before, err := controller.Metrics(ctx)
	if err != nil {
		return err
	}
	var sent, created []time.Duration
	for range samples {
		one, err := apply()
		if err != nil {
			return err
		}
		sent, created = append(sent, one.served.Sub(one.sent)), append(created, one.served.Sub(one.created))
		asked, wrong := one.probe.Stop()
		result.Asked += asked
		result.Wrong.Add(wrong)
	}
	after, err := controller.Metrics(ctx)
	if err != nil {
		return err
	}
	result.FromSent, result.FromCreated = report.NewDistribution(sent), report.NewDistribution(created)
	result.Inside = inside(before, after)
	return nil
}

// applied is one Mapping that was created and is served. Its probe goes on until it is stopped.
type applied struct {
	sent, created, served time.Time
	mapping               *v3alpha1.Mapping
	probe                 *load.Probe
}

// applyOne creates the i-th Mapping of a shape and returns when it is served.
func applyOne(
	ctx context.Context, controller *testbed.Controller, shape testbed.Shape, i int, create func(context.Context, *v3alpha1.Mapping) error,
) (_ *applied, err error) {
	one := &applied{mapping: shape.Mapping(i)}
	one.probe = load.StartProbe(ctx, controller.Address, shape.Request(i))
	ctx, cancel := context.WithTimeout(ctx, servedTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			_, wrong := one.probe.Stop()
			err = fmt.Errorf("apply %s: %w (wrong answers: %v)\n%s", one.mapping.Name, err, wrong, controller.LogTail())
		}
	}()
	if err = one.probe.AwaitAbsent(ctx); err != nil {
		return nil, err
	}
	one.sent = time.Now()
	if err = create(ctx, one.mapping); err != nil {
		return nil, err
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
