package scenario

import (
	"context"

	"terraform-provider-emissary/test/bench/report"
)

// Memory reads what the controller and its Envoy use. The controller must be fresh, so that nothing but N matters.
func Memory(ctx context.Context, s *Station) (report.Memory, error) {
	controller, err := s.Controller.Usage()
	if err != nil {
		return report.Memory{}, err
	}
	envoy, err := s.Controller.EnvoyUsage()
	if err != nil {
		return report.Memory{}, err
	}
	allocated, err := s.Controller.EnvoyAllocated(ctx)
	if err != nil {
		return report.Memory{}, err
	}
	metrics, err := s.Controller.Metrics(ctx)
	if err != nil {
		return report.Memory{}, err
	}
	return report.Memory{
		Shape: string(s.Shape), N: s.N,
		ControllerResident: controller.Resident,
		ControllerPeak:     controller.Peak,
		ControllerHeap:     int64(metrics.Sum("go_memstats_heap_alloc_bytes")),
		EnvoyResident:      envoy.Resident,
		EnvoyAllocated:     allocated,
		StartSeconds:       s.Start.Seconds(),
		SettledSeconds:     s.Settled.Seconds(),
	}, nil
}
