package report

import (
	"math"
	"slices"
	"time"
)

// Distribution sums up durations, in milliseconds, and keeps them.
type Distribution struct {
	Mean    float64   `json:"mean"`
	P50     float64   `json:"p50"`
	P90     float64   `json:"p90"`
	P99     float64   `json:"p99"`
	Max     float64   `json:"max"`
	Samples []float64 `json:"samples,omitempty"`
}

// NewDistribution sums up. Of no durations everything is 0.
func NewDistribution(durations []time.Duration) Distribution {
	d := Distribution{}
	if len(durations) == 0 {
		return d
	}
	sum := 0.0
	for _, duration := range durations {
		milliseconds := math.Round(float64(duration.Microseconds())/10) / 100
		d.Samples = append(d.Samples, milliseconds)
		sum += milliseconds
	}
	sorted := slices.Sorted(slices.Values(d.Samples))
	d.Mean = sum / float64(len(sorted))
	d.P50, d.P90, d.P99 = percentile(sorted, 50), percentile(sorted, 90), percentile(sorted, 99)
	d.Max = sorted[len(sorted)-1]
	return d
}

// percentile is by nearest rank: one of the values, never something in between.
func percentile(sorted []float64, percent float64) float64 {
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// Median of no values is 0.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return percentile(slices.Sorted(slices.Values(values)), 50)
}
