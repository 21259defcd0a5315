package envoy

import (
	"context"
	"errors"
	"log/slog"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
)

// Config is what a Supervisor needs to run Envoy.
type Config struct {
	// Bootstrap is what Envoy starts with, from Bootstrap. Required.
	Bootstrap *bootstrapv3.Bootstrap
	// Command is the Envoy binary. Default: $ENVOY, or "envoy" on PATH.
	Command string
	// Dir receives the bootstrap and admin address files; it must exist and be
	// writable. Required.
	Dir string
	// Concurrency is the number of worker threads; 0 leaves it to Envoy, one
	// per CPU (ENVOY_CONCURRENCY).
	Concurrency int
	// LogLevel is Envoy's: trace, debug, info, warning, error, critical, off.
	// Default "info".
	LogLevel string
	// DrainTime bounds how long connections of a replaced or removed listener
	// and of a stopping Envoy may go on. Default 600 s (AMBASSADOR_DRAIN_TIME).
	DrainTime time.Duration
	// Logger receives Envoy's lines and the supervisor's own; nil discards.
	Logger *slog.Logger
}

// Supervisor keeps one Envoy running: it starts it, restarts it with capped
// exponential backoff when it ends by itself, and ends it gracefully.
type Supervisor struct{}

// NewSupervisor checks the configuration. It starts nothing.
func NewSupervisor(c Config) (*Supervisor, error) { return nil, errors.ErrUnsupported }

// Run starts Envoy and keeps it running until Stop has ended it (nil) or ctx is
// done, when Envoy is ended at once, without draining, and the context's error
// is returned. An Envoy that cannot be started at all (no such binary) is an
// error; one that dies is restarted.
func (s *Supervisor) Run(ctx context.Context) error { return errors.ErrUnsupported }

// Stop drains Envoy and ends it: health checks fail, listeners stop accepting
// and tell clients to go away, and Envoy ends when the last connection has, or
// when ctx is done or the drain time has passed. It returns when the process is
// gone; the error says if connections were cut.
func (s *Supervisor) Stop(ctx context.Context) error { return errors.ErrUnsupported }

// Admin returns the client of the running Envoy's admin interface; while Envoy
// is not up its calls fail.
func (s *Supervisor) Admin() *Admin { return nil }
