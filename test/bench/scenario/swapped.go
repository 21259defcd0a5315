package scenario

import (
	"context"
	"fmt"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

// Swapped moves a Mapping from one Service to another, back and forth. Each time the Service moved away from loses its
// backend after a grace.
func Swapped(ctx context.Context, s *Station, changes int) (report.Answers, error) {
	const port = 9100
	services := []string{"blue", "green"}
	addresses := map[string]string{}
	for _, name := range services {
		if err := s.Plane.Create(ctx, testbed.Service(name, "", port)); err != nil {
			return report.Answers{}, err
		}
		address, err := s.Plane.ClusterIP(ctx, name)
		if err != nil {
			return report.Answers{}, err
		}
		addresses[name] = address
	}
	request := load.Request{Host: s.Shape.Request(0).Host, Path: "/swapped/"}
	specification := func(service string) v3alpha1.MappingSpec {
		return v3alpha1.MappingSpec{Hostname: request.Host, Prefix: request.Path, Service: fmt.Sprintf("%s:%d", service, port)}
	}
	running, err := load.StartBackend(services[0], addresses[services[0]])
	if err != nil {
		return report.Answers{}, err
	}
	defer func() { running.Close() }()
	mapping := testbed.Mapping("swapped", specification(services[0]))
	if err := s.Plane.Create(ctx, mapping); err != nil {
		return report.Answers{}, err
	}
	if err := serves(ctx, s.Controller, request); err != nil {
		return report.Answers{}, err
	}

	crowd := visitors(ctx, s.Controller.Address, nil, request)
	return during("a Mapping's backend swapped", changes, crowd, func(round int) error {
		name := services[round%len(services)]
		next, err := load.StartBackend(name, addresses[name])
		if err != nil {
			return err
		}
		last := running
		running = next
		if err := testbed.Update(ctx, s.Plane, mapping, func(m *v3alpha1.Mapping) { m.Spec = specification(name) }); err != nil {
			return err
		}
		if err := s.Plane.AwaitProgrammed(ctx, mapping); err != nil {
			return err
		}
		if err := answered(ctx, crowd, "by "+name, func(a load.Answer) bool { return a.Backend == name }); err != nil {
			return err
		}
		return leaveAfterGrace(ctx, last)
	})
}
