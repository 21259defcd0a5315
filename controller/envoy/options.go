package envoy

import "time"

// Options is what Bootstrap needs to know.
type Options struct {
	// NodeID and NodeCluster name this Envoy to the controller, in its logs
	// and in traces. Default: "envoy" and "emissary".
	NodeID, NodeCluster string
	// XDSSocket is the path of the unix socket on which the controller serves
	// delta ADS. Required.
	XDSSocket string
	// AdminPort is the admin interface's port on 127.0.0.1; 0 picks a free
	// one, which the supervisor reads back.
	AdminPort int
	// Statsd sends Envoy's statistics to a statsd server; nil does not.
	Statsd *Statsd
	// MaxConnections bounds the downstream connections of the whole process
	// (overload manager). Default 50000.
	MaxConnections uint64
}

// Statsd is a statsd sink over UDP.
type Statsd struct {
	// Host is an IP address or a DNS name, resolved once at start.
	Host string
	// Port defaults to 8125.
	Port int
	// Dog sends tags the DogStatsD way.
	Dog bool
	// FlushInterval defaults to one second, as in Emissary.
	FlushInterval time.Duration
}
