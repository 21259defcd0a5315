package kube

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	// connectGrace is how long a server that refuses or drops connections is
	// retried: long enough for a restart, short enough for a mistyped host.
	connectGrace = 10 * time.Second
	// believeFor is how long a server that stayed away is taken to be away
	// without asking: else each object of a large state would wait for its own
	// connection to time out.
	believeFor = 5 * time.Second
)

// outage follows whether the API server can be reached, or serves a type, over
// all requests of a client. The zero value is a server that can be and does.
type outage struct {
	mu    sync.Mutex
	since time.Time // of the first failure after the last answer; zero while reachable
	last  time.Time // of the last attempt
	err   error
}

// observe takes note of the outcome of an attempt, and whether that is the outage.
// It reports whether the attempt is worth repeating for that reason.
func (o *outage) observe(err error, away bool) (again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !away {
		o.since = time.Time{}
		return false
	}
	o.last, o.err = time.Now(), err
	if o.since.IsZero() {
		o.since = o.last
	}
	return o.last.Sub(o.since) < connectGrace
}

// known returns the error of an outage that has lasted longer than the grace
// and was confirmed a moment ago, else nil.
func (o *outage) known() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || o.last.Sub(o.since) < connectGrace || time.Since(o.last) > believeFor {
		return nil
	}
	return o.err
}

// outages are those of types that the server should serve and does not. The zero
// value has none.
type outages struct {
	mu  sync.Mutex
	all map[schema.GroupVersionResource]*outage
}

func (o *outages) of(t Type) *outage {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[schema.GroupVersionResource]*outage{}
	}
	if o.all[t.GroupVersionResource] == nil {
		o.all[t.GroupVersionResource] = &outage{}
	}
	return o.all[t.GroupVersionResource]
}
