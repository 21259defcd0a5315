package xds

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
)

// Options configures a Server. The zero value is good.
type Options struct {
	// Logger receives connections, rejections and bounds that passed; nil
	// discards.
	Logger *slog.Logger
	// Registerer receives the server's metrics; nil keeps them private.
	Registerer prometheus.Registerer
	// WarmTimeout bounds how long listeners and routes wait for Envoy to
	// acknowledge the clusters sent before them, and how long a response may
	// go unanswered before the next one of its type follows.
	// Default DefaultWarmTimeout.
	WarmTimeout time.Duration
	// RemovalTimeout bounds how long a removed resource stays in Envoy waiting
	// for its users to be acknowledged without it.
	// Default DefaultRemovalTimeout.
	RemovalTimeout time.Duration
}

// Server stores Envoy resources and serves them by delta ADS to any number of
// Envoys. All methods are safe for concurrent use.
type Server struct{}

// NewServer returns a server without resources. Envoys may connect at once;
// they are answered after the first Update, so that a restarted controller
// never takes configuration away before it has read the cluster.
func NewServer(o Options) *Server { return &Server{} }

// Update replaces the whole set of resources and returns the revision that
// carries it; an update that changes nothing returns the newest revision.
// It fails, changing nothing, when two resources share an ID, a name is empty
// or a message cannot be marshalled.
func (s *Server) Update(resources []Resource) (revision uint64, err error) {
	return 0, errors.ErrUnsupported
}

// Apply adds or replaces the changed resources and takes out the removed ones;
// every other resource stays. It costs what changed. Otherwise like Update.
func (s *Server) Apply(changed []Resource, removed []ID) (revision uint64, err error) {
	return 0, errors.ErrUnsupported
}

// State returns what is known now.
func (s *Server) State() State { return State{} }

// Watch returns a channel that delivers the state now and after each change,
// until ctx is done, when it is closed. The channel holds only the newest
// state: a slow reader skips the ones in between and never delays the server.
func (s *Server) Watch(ctx context.Context) <-chan State { return nil }

// Wait blocks until the revision is acknowledged or ctx is done.
func (s *Server) Wait(ctx context.Context, revision uint64) (State, error) {
	return State{}, errors.ErrUnsupported
}

// Register adds the aggregated discovery service to a gRPC server of the
// caller's (mutual TLS, other services).
func (s *Server) Register(r grpc.ServiceRegistrar) {}

// Serve answers Envoys on the listener until ctx is done; it closes the
// listener and returns when every stream has ended, nil if ctx ended it.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return errors.ErrUnsupported }
