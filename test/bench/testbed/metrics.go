package testbed

import (
	"strconv"
	"strings"
)

// Metrics are the samples of one scrape, in Prometheus' text format.
type Metrics []sample

type sample struct {
	name, labels string
	value        float64
}

func parseMetrics(text []byte) Metrics {
	var metrics Metrics
	for line := range strings.Lines(string(text)) {
		series, number, found := cutLast(strings.TrimSpace(line), " ")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			continue
		}
		name, labels, _ := strings.Cut(series, "{")
		metrics = append(metrics, sample{name: name, labels: labels, value: value})
	}
	return metrics
}

func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

// Sum adds up the samples of a metric that have these labels, given as name, value, name, value. It is 0 for a metric
// that is not there.
func (m Metrics) Sum(name string, labels ...string) float64 {
	sum := 0.0
next:
	for _, s := range m {
		if s.name != name {
			continue
		}
		for i := 0; i < len(labels); i += 2 {
			if !strings.Contains(s.labels, labels[i]+`="`+labels[i+1]+`"`) {
				continue next
			}
		}
		sum += s.value
	}
	return sum
}

// Mean is the mean of what a histogram has taken in since an earlier scrape, 0 when that is nothing.
func (m Metrics) Mean(earlier Metrics, histogram string, labels ...string) float64 {
	count := m.Sum(histogram+"_count", labels...) - earlier.Sum(histogram+"_count", labels...)
	if count == 0 {
		return 0
	}
	return (m.Sum(histogram+"_sum", labels...) - earlier.Sum(histogram+"_sum", labels...)) / count
}
