package xds

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what goes over the wire. "type" is the resource's own name:
// Cluster, RouteConfiguration and so on.
type metrics struct {
	pushes, resources, bytes, acks, nacks     *prometheus.CounterVec
	ackSeconds                                *prometheus.HistogramVec
	clients, revision, acknowledged, rejected prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "emissary", Subsystem: "xds", Name: name, Help: help}, []string{"type"})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "emissary", Subsystem: "xds", Name: name, Help: help})
	}
	m := &metrics{
		pushes:    counter("pushes_total", "Responses sent to Envoys."),
		resources: counter("resources_total", "Resources added, changed or removed in those responses."),
		bytes:     counter("bytes_total", "Bytes of the resources sent."),
		acks:      counter("acks_total", "Responses that Envoys accepted."),
		nacks:     counter("nacks_total", "Responses that Envoys rejected."),
		ackSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "emissary", Subsystem: "xds", Name: "ack_seconds",
			Help:    "Time from sending a response to its acknowledgement; for clusters this includes warming.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}, []string{"type"}),
		clients:      gauge("clients", "Connected Envoys."),
		revision:     gauge("revision", "Newest revision of the configuration."),
		acknowledged: gauge("acknowledged_revision", "Highest revision that every connected Envoy has answered in full."),
		rejected:     gauge("rejected_resources", "Resources whose newest content Envoy refuses."),
	}
	if r != nil {
		r.MustRegister(m.pushes, m.resources, m.bytes, m.acks, m.nacks, m.ackSeconds,
			m.clients, m.revision, m.acknowledged, m.rejected)
	}
	return m
}
