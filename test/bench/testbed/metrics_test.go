package testbed

import "testing"

func TestMetrics(t *testing.T) {
	t.Parallel()
	before := parseMetrics([]byte("wait_seconds_sum{type=\"Cluster\"} 1\nwait_seconds_count{type=\"Cluster\"} 2\n"))
	after := parseMetrics([]byte(`# HELP wait_seconds Time.
# TYPE wait_seconds histogram
wait_seconds_sum{type="Cluster"} 7
wait_seconds_count{type="Cluster"} 5
wait_seconds_sum{type="Listener"} 100
wait_seconds_count{type="Listener"} 1
requests_total{code="200",path="/a b"} 1.5e+01
requests_total{code="404",path="/a b"} 2
up 1
`))
	for name, test := range map[string]struct{ got, want float64 }{
		"mean since before":    {after.Mean(before, "wait_seconds", "type", "Cluster"), 2},
		"mean of nothing":      {after.Mean(after, "wait_seconds"), 0},
		"sum over labels":      {after.Sum("requests_total"), 17},
		"sum of one label":     {after.Sum("requests_total", "code", "200", "path", "/a b"), 15},
		"sum without labels":   {after.Sum("up"), 1},
		"sum of what is not":   {after.Sum("requests"), 0},
		"sum of a label's end": {after.Sum("requests_total", "code", "20"), 0},
	} {
		if test.got != test.want {
			t.Errorf("%s: %g, want %g", name, test.got, test.want)
		}
	}
}
