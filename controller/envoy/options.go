package envoy

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Options is what Bootstrap needs to know.
type Options struct {
	// NodeID and NodeCluster name this Envoy to the controller, in its logs
	// and in traces. Default "envoy" and "emissary".
	NodeID, NodeCluster string
	// XDSSocket is the path of the unix socket on which the controller serves
	// delta ADS. Required.
	XDSSocket string
	// AdminPort is the admin interface's port on 127.0.0.1 (ENVOY_ADMIN_PORT);
	// 0 picks a free one, which the supervisor reads back.
	AdminPort int
	// Statsd sends Envoy's statistics to a statsd server; nil does not.
	Statsd *Statsd
	// MaxConnections bounds the downstream connections of the whole process;
	// more are refused. Default DefaultMaxConnections.
	MaxConnections int64
	// MaxHeapBytes makes Envoy give memory back as it nears this heap size and
	// refuse requests just below it, rather than be killed. 0 sets no bound.
	MaxHeapBytes uint64
}

// DefaultMaxConnections is what Envoy's edge practices and its peers use.
const DefaultMaxConnections = 50000

// Statsd is a statsd server, reached by UDP.
type Statsd struct {
	// Host is an IP address or a DNS name; a name is looked up once.
	Host string
	// Port is 8125 by default.
	Port int
	// Dog sends tags the DogStatsD way.
	Dog bool
	// FlushInterval is how often statistics are sent; one second by default.
	FlushInterval time.Duration
}

// address looks the statsd server up: Envoy takes only an IP address there.
func (s *Statsd) address() (*net.UDPAddr, error) {
	port := s.Port
	if port == 0 {
		port = 8125
	}
	addr, err := net.ResolveUDPAddr("udp", net.JoinHostPort(s.Host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("looking up the statsd server STATSD_HOST %q: %w", s.Host, err)
	}
	return addr, nil
}

// check reports what is missing or out of range.
func (o *Options) check() error {
	var problems []error
	if o.XDSSocket == "" {
		problems = append(problems, errors.New("the path of the xDS socket is empty"))
	}
	// The kernel's limit (sun_path), with its terminating zero.
	if len(o.XDSSocket) > 107 {
		problems = append(problems, fmt.Errorf("the path of the xDS socket is %d bytes, at most 107 work: %s", len(o.XDSSocket), o.XDSSocket))
	}
	if o.AdminPort < 0 || o.AdminPort > 65535 {
		problems = append(problems, fmt.Errorf("the admin port is %d, want 0 to 65535", o.AdminPort))
	}
	return errors.Join(problems...)
}
