package probe

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"terraform-provider-emissary/test/behaviour/spec"
)

const (
	// weightSamples is how many requests a share is measured over, at least. With 1,000 the standard
	// deviation of a share is at most 1.6 %, so that the default tolerance is five of them.
	weightSamples    = 1000
	endpointSamples  = 100
	defaultTolerance = 0.08
	samplers         = 4
)

// Samples is how many requests a probe needs; 1 for a probe about a single request.
func Samples(e *spec.Expect) int {
	switch {
	case len(e.Weights) > 0:
		return max(e.Samples, weightSamples)
	case e.Samples > 0:
		return e.Samples
	case e.DistinctEndpoints > 0:
		return endpointSamples
	default:
		return 1
	}
}

// Sample sends a request n times, each on a connection of its own, so that choices made for a connection
// are made as often as those made for a request.
func (c *Client) Sample(ctx context.Context, r *spec.Request, id string, n int) ([]*Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, failed := make([]*Answer, n), make([]error, samplers)
	var group sync.WaitGroup
	for worker := range samplers {
		group.Go(func() {
			for i := worker; i < n; i += samplers {
				if answers[i], failed[worker] = c.Send(ctx, r, id); failed[worker] != nil {
					cancel()
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// CheckSamples compares many answers with the expectations about shares and endpoints.
func CheckSamples(e *spec.Expect, answers []*Answer, canonical func(string) string) []Failure {
	var f failures
	if len(e.Weights) > 0 {
		checkWeights(&f, e, answers, canonical)
	}
	if e.DistinctEndpoints > 0 {
		endpoints := map[string]bool{}
		for _, a := range answers {
			if a.Seen != nil {
				endpoints[a.Seen.Endpoint] = true
			}
		}
		if len(endpoints) != e.DistinctEndpoints {
			got := fmt.Sprintf("%d over %d requests: %v", len(endpoints), len(answers), slices.Sorted(maps.Keys(endpoints)))
			f.add("distinct_endpoints", got, e.DistinctEndpoints)
		}
	}
	return f
}

func checkWeights(f *failures, e *spec.Expect, answers []*Answer, canonical func(string) string) {
	tolerance := e.Tolerance
	if tolerance == 0 {
		tolerance = defaultTolerance
	}
	want := map[string]float64{}
	for name, share := range e.Weights {
		if name != unanswered {
			name = canonical(name)
		}
		want[name] += share
	}
	got := map[string]float64{}
	for _, a := range answers {
		got[shareOf(a, want)] += 1 / float64(len(answers))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if math.Abs(got[name]-want[name]) > tolerance {
			f.add("weights."+name, fmt.Sprintf("%.3f over %d requests", got[name], len(answers)),
				fmt.Sprintf("%.3f ± %.2f", want[name], tolerance))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, named := want[name]; !named && got[name] > tolerance {
			f.add("weights."+name, fmt.Sprintf("%.3f over %d requests", got[name], len(answers)), "none")
		}
	}
}

// unanswered is the name of the gateway's own share.
const unanswered = "404"

// shareOf names the share an answer counts for.
func shareOf(a *Answer, want map[string]float64) string {
	if a.Seen == nil {
		if a.Closed != "" {
			return "closed"
		}
		return fmt.Sprint(a.Status)
	}
	for _, name := range a.Seen.Backends {
		if _, named := want[name]; named {
			return name
		}
	}
	return a.Seen.Backends[0]
}
