package scenario

import (
	"context"
	"fmt"
	"time"

	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
)

// crowdSize clients ask all the time, each after a pause: enough to meet every gap, few enough to leave the machine to
// what is measured.
const (
	crowdSize  = 4
	crowdPause = 5 * time.Millisecond
)

// Added creates Mappings one after the other, each as soon as the one before is served, while others ask for what is
// there already. It ends early, with fewer changes than planned, when the time is up.
func Added(ctx context.Context, s *Station, mappings int, most time.Duration) (report.Answers, error) {
	crowd := load.StartCrowd(ctx, load.CrowdOptions{
		Address: s.Controller.Address, Clients: crowdSize, Pause: crowdPause,
		Request: func(n int) load.Request { return s.Shape.Request(n % s.N) },
	})
	result := report.Answers{What: "Mappings added one by one", Planned: mappings, Wrong: load.Wrong{}}
	start := time.Now()
	var sent []time.Duration
	var last *applied // its probe goes on until the next one is served: what came must stay
	for range mappings {
		if time.Since(start) > most {
			break
		}
		one, err := applyOne(ctx, s.Controller, s.Shape, s.Plane.Next(), s.create)
		if last != nil {
			result.Count(last.probe.Stop())
		}
		if err != nil {
			crowd.Stop()
			return report.Answers{}, fmt.Errorf("after %d Mappings: %w", result.Changes, err)
		}
		sent = append(sent, one.served.Sub(one.sent))
		result.Changes++
		last = one
	}
	if last != nil {
		result.Count(last.probe.Stop())
	}
	result.Seconds = time.Since(start).Seconds()
	result.Count(crowd.Stop())
	times := report.NewDistribution(sent)
	times.Samples = nil // thousands
	result.FromSent = &times
	return result, nil
}
