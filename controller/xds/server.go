package xds

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
	// TableTimeout bounds how long listeners wait for Envoy to acknowledge the
	// route tables that they choose from. Nothing outside of Envoy has a part in
	// that, so it is long: only a busy machine, or a table that Envoy refuses,
	// takes more than moments. Default DefaultTableTimeout.
	TableTimeout time.Duration
	// RemovalTimeout bounds how long a removed resource stays in Envoy waiting
	// for its users to be acknowledged without it.
	// Default DefaultRemovalTimeout.
	RemovalTimeout time.Duration
	// RemovalGrace is how long a cluster stays after its users are settled: a
	// request that was routed before may still be on its way to the cluster,
	// held up by authorization or a retry. Default DefaultRemovalGrace.
	RemovalGrace time.Duration
	// RetryInterval is when a rejected resource is tried again, doubling with
	// each further rejection up to MaxRetryInterval: some rejections are
	// Envoy's circumstances, such as an address still in use, not the
	// resource's fault. Default DefaultRetryInterval.
	RetryInterval time.Duration
}

// Defaults of Options.
const (
	DefaultWarmTimeout    = 2 * time.Second
	DefaultTableTimeout   = 30 * time.Second
	DefaultRemovalTimeout = 5 * time.Second
	DefaultRemovalGrace   = time.Second
	DefaultRetryInterval  = 10 * time.Second
	MaxRetryInterval      = 5 * time.Minute
)

// Server stores Envoy resources and serves them by delta ADS to any number of
// Envoys. All methods are safe for concurrent use.
type Server struct {
	log     *slog.Logger
	options Options
	metrics *metrics

	// updating serialises Update and Apply, so that they can compare and
	// marshal without holding up the streams.
	updating sync.Mutex

	mu       sync.RWMutex // guards everything below
	tables   map[string]*table
	revision uint64
	// acknowledged and ready are as in State.
	acknowledged uint64
	ready        bool
	streams      map[*stream]struct{}
	rejected     map[ID]*slot
	overtaken    map[ID]Rejection // see Rejection.Overtaken
	retained     map[ID]*slot
	watchers     map[chan State]struct{}
}

// NewServer returns a server without resources. Envoys may connect at once;
// they are answered after the first Update, so that a restarted controller
// never takes configuration away before it has read the cluster.
func NewServer(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.WarmTimeout == 0 {
		o.WarmTimeout = DefaultWarmTimeout
	}
	if o.TableTimeout == 0 {
		o.TableTimeout = DefaultTableTimeout
	}
	if o.RemovalTimeout == 0 {
		o.RemovalTimeout = DefaultRemovalTimeout
	}
	if o.RemovalGrace == 0 {
		o.RemovalGrace = DefaultRemovalGrace
	}
	if o.RetryInterval == 0 {
		o.RetryInterval = DefaultRetryInterval
	}
	s := &Server{
		log:       o.Logger,
		options:   o,
		metrics:   newMetrics(o.Registerer),
		tables:    make(map[string]*table, len(kinds)),
		streams:   make(map[*stream]struct{}),
		rejected:  make(map[ID]*slot),
		overtaken: make(map[ID]Rejection),
		retained:  make(map[ID]*slot),
		watchers:  make(map[chan State]struct{}),
	}
	for _, k := range kinds {
		s.tables[k.typeURL] = &table{kind: k, slots: make(map[string]*slot), gone: make(map[string]*slot)}
	}
	return s
}

// wake tells every stream that there may be something to send. Callers hold mu.
func (s *Server) wake() {
	for st := range s.streams {
		st.poke()
	}
}
