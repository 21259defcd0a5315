package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"terraform-provider-emissary/controller/compile"
)

// metrics are the controller's own; the xDS server adds its own to the same registry.
type metrics struct {
	registry *prometheus.Registry
	compile  prometheus.Histogram
	problems *prometheus.GaugeVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		compile: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "emissary_compile_seconds",
			Help:    "Time from taking changes to having a configuration.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		problems: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ambassador_diagnostics_errors",
			Help: "Problems of the objects of this instance, by severity.",
		}, []string{"severity"}),
	}
	m.registry.MustRegister(m.compile, m.problems, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// compiled records one pass of the loop that compiled.
func (m *metrics) compiled(took time.Duration) { m.compile.Observe(took.Seconds()) }

// count records what is wrong. An object whose newest version is not in force is one error.
func (m *metrics) count(p *published, notInForce int) {
	m.problems.WithLabelValues("error").Set(float64(p.problems[compile.Error] + notInForce))
	m.problems.WithLabelValues("warning").Set(float64(p.problems[compile.Warning]))
}
