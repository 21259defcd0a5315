package envoy

import (
	"context"
	"errors"
)

// Admin is a client of Envoy's admin interface. Calls take at most five seconds
// (the configuration dump thirty) unless ctx ends sooner.
type Admin struct{}

// Info is what Envoy says of itself.
type Info struct {
	// State is LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING.
	State string
	// Version is Envoy's own version line.
	Version string
	// UptimeSeconds counts since the process started.
	UptimeSeconds float64
}

// Live reports that Envoy serves.
func (i Info) Live() bool { return i.State == "LIVE" }

// Info asks /server_info.
func (a *Admin) Info(ctx context.Context) (Info, error) { return Info{}, errors.ErrUnsupported }

// ActiveConnections counts the downstream connections open on the listeners,
// the ready listener's aside.
func (a *Admin) ActiveConnections(ctx context.Context) (int, error) { return 0, errors.ErrUnsupported }

// ConfigDump returns /config_dump with endpoints, as JSON.
func (a *Admin) ConfigDump(ctx context.Context) ([]byte, error) { return nil, errors.ErrUnsupported }

// Get returns the body of any admin page, for example "/stats/prometheus".
func (a *Admin) Get(ctx context.Context, path string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}
