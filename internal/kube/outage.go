package kube

import (
	"sync"
	"time"
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

// outage follows whether the API server can be reached, over all requests of a
// client. The zero value is a server that can be.
type outage struct {
	mu    sync.Mutex
	since time.Time // of the first failure after the last answer; zero while reachable
	last  time.Time // of the last attempt
	err   error
}

// observe takes note of the outcome of an attempt. It reports whether a failed
// attempt is worth repeating.
func (o *outage) observe(err error) (again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !isUnreachable(err) {
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
