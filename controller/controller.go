// Package controller is the in-cluster half of the product: it turns the getambassador.io objects of a cluster, or of a
// folder of manifests, into the configuration of the Envoy beside it, and tells the objects' authors what became of
// them.
//
//	watch → inbox → derive → store → compile → xds ──delta ADS──▶ Envoy
//	                   ▲      status ◀── acknowledgement ──┤
//	                   └───── quarantine ◀──── refusal ────┘
//
// One goroutine, the loop, owns the store. It never waits for a network: sources leave events in an inbox that keeps
// the newest of each object, Envoys pull what they may have next, and status is written by others.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/diag"
	"terraform-provider-emissary/controller/envoy"
	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
)

// Options say what to serve.
type Options struct {
	// Environment holds the settings.
	Environment Environment
	// Manifests is a folder to serve instead of a cluster.
	Manifests string
	// Kubeconfig is the file that leads to the cluster. Empty: KUBECONFIG, else the pod's service account.
	Kubeconfig string
	// Log takes everything the controller and its Envoy say.
	Log *slog.Logger
	// AccessLog takes Envoy's access log, unless the Module sends it elsewhere. Nil discards it.
	AccessLog *os.File
}

// Run serves until the context ends; then it drains Envoy and returns. It returns early, with an error, when the
// controller cannot work at all: no Envoy, a port that is taken, a folder that cannot be read.
func Run(ctx context.Context, options Options) error {
	c, err := newController(options)
	if err != nil {
		return err
	}
	defer c.close()
	boundMemory(c.log)
	return c.run(ctx)
}

// controller holds the parts of a running controller.
type controller struct {
	options    Options
	log        *slog.Logger
	dir        string // private: the ADS socket and Envoy's files
	health     net.Listener
	ads        net.Listener
	server     *xds.Server
	supervisor *envoy.Supervisor
	cluster    *cluster // nil in folder mode
	source     watch.Source
	loop       *loop
	draining   chan struct{} // closed when the end has begun
}

func newController(options Options) (_ *controller, err error) {
	c := &controller{options: options, log: options.Log, draining: make(chan struct{})}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	environment := options.Environment
	if c.dir, err = os.MkdirTemp("", "emissary-"); err != nil {
		return nil, fmt.Errorf("folder for Envoy's files: %w", err)
	}
	if c.health, err = net.Listen(environment.HealthNetwork, environment.HealthAddress); err != nil {
		return nil, fmt.Errorf("port for health checks and metrics (AMBASSADOR_HEALTHCHECK_BIND_ADDRESS, AMBASSADOR_HEALTHCHECK_BIND_PORT): %w", err)
	}
	socket := filepath.Join(c.dir, "ads.sock")
	if c.ads, err = net.Listen("unix", socket); err != nil {
		return nil, fmt.Errorf("socket for Envoy: %w", err)
	}
	metrics := newMetrics()
	c.server = xds.NewServer(xds.Options{Logger: c.log.With("part", "xds"), Registerer: metrics.registry})
	if c.supervisor, err = newSupervisor(options, c.dir, socket); err != nil {
		return nil, err
	}
	sink, grace, err := c.openSource()
	if err != nil {
		return nil, err
	}
	ready, err := envoy.ReadyListener(environment.ReadyPort)
	if err != nil {
		return nil, fmt.Errorf("ready listener on port %d: %w", environment.ReadyPort, err)
	}
	settings := CompileOptions(environment)
	settings.Disk = disk{}
	if address, ok := c.health.Addr().(*net.TCPAddr); ok {
		settings.DiagPort = address.Port // port 0 picked a free one
	}
	c.loop = &loop{
		log:          c.log,
		inbox:        newInbox(),
		newCompiler:  func() compiler { return compile.New(settings) },
		server:       c.server,
		fixed:        listeners(ready, compile.ScopeListener()),
		tracker:      status.NewTracker(sink, grace),
		metrics:      metrics,
		ambassadorID: environment.AmbassadorID,
		derived:      derive.New(environment.AmbassadorID, c.log),
		store:        store.New(),
		objects:      map[store.Ref]metav1.Object{},
		rejections:   map[store.Ref]status.Rejected{},
		refused:      map[store.Ref]metav1.Object{},
		trials:       map[store.Ref]trial{},
		quarantine:   newQuarantine(options, c.dir, settings),
		told:         map[store.Ref]status.Rejected{},
		published:    newPublished(),
		questions:    make(chan func()),
	}
	return c, nil
}

// newQuarantine asks the same Envoy that serves. It is beside the controller, so there always is one.
func newQuarantine(options Options, dir string, settings compile.Options) *quarantine.Quarantine {
	return quarantine.New(quarantine.Options{
		Oracle:       quarantine.Envoy{Command: options.Environment.EnvoyCommand, Dir: dir},
		Compile:      func(objects *store.Store) *compile.Output { return compile.Compile(objects, settings) },
		AmbassadorID: options.Environment.AmbassadorID,
		Log:          options.Log.With("part", "quarantine"),
	})
}

func listeners(served ...*listenerv3.Listener) (resources []xds.Resource) {
	for _, l := range served {
		resources = append(resources, xds.Resource{ID: xds.ID{TypeURL: xds.ListenerType, Name: l.GetName()}, Message: l})
	}
	return resources
}

// openSource picks where objects come from and where status goes. A folder is read as a whole: what is missing there is
// not about to come.
func (c *controller) openSource() (sink status.Sink, grace time.Duration, err error) {
	if c.options.Manifests != "" {
		c.source, err = watch.NewFolder(folderOptions(c.options))
		return status.NewLog(c.log), 0, err
	}
	if c.cluster, err = openCluster(c.options); err != nil {
		return nil, 0, err
	}
	c.source = c.cluster.source
	return c.cluster.writer, status.Grace, nil
}

func folderOptions(options Options) watch.FolderOptions {
	environment := options.Environment
	folder := watch.FolderOptions{
		Dir:           options.Manifests,
		LabelSelector: environment.LabelSelector,
		FieldSelector: environment.FieldSelector,
		Log:           options.Log,
	}
	if environment.SingleNamespace {
		folder.Namespace = environment.Namespace
	}
	if environment.CertsSingleNamespace {
		folder.SecretNamespace = environment.Namespace
	}
	return folder
}

func (c *controller) close() {
	for _, listener := range []net.Listener{c.health, c.ads} {
		if listener != nil {
			_ = listener.Close()
		}
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

// run starts every part. Envoy lives longest: it is drained while the rest still serves it, and only then does the rest
// end.
func (c *controller) run(ctx context.Context) error {
	parts, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var running sync.WaitGroup
	start := func(name string, part func(context.Context) error) {
		running.Go(func() {
			if err := part(parts); err != nil && parts.Err() == nil {
				stop(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	start("health checks", func(ctx context.Context) error { return diag.Serve(ctx, c.health, c.pages()) })
	start("xDS", func(ctx context.Context) error { return c.server.Serve(ctx, c.ads) })
	start("source", func(ctx context.Context) error { return c.source.Run(ctx, c.loop.inbox) })
	start("loop", func(ctx context.Context) error { c.loop.run(ctx); return nil })
	start("memory", c.giveBack)
	if c.cluster != nil {
		start("status", c.cluster.lead)
	}
	envoyEnded := make(chan struct{})
	start("envoy", func(ctx context.Context) error {
		defer close(envoyEnded)
		return c.supervisor.Run(ctx)
	})

	select {
	case <-parts.Done():
	case <-ctx.Done():
		c.drain()
	}
	stop(nil)
	running.Wait()
	<-envoyEnded
	if cause := context.Cause(parts); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// drain ends Envoy gracefully, within the drain time.
func (c *controller) drain() {
	close(c.draining)
	c.log.Info("ending: draining Envoy", "at most", c.options.Environment.DrainTime)
	ctx, cancel := context.WithTimeout(context.Background(), c.options.Environment.DrainTime+time.Second)
	defer cancel()
	if err := c.supervisor.Stop(ctx); err != nil {
		c.log.Warn("Envoy did not end gracefully", "error", err)
	}
}

func newSupervisor(options Options, dir, socket string) (*envoy.Supervisor, error) {
	environment := options.Environment
	settings := envoy.Options{
		NodeID:      hostname(),
		NodeCluster: environment.AmbassadorID + "." + environment.Namespace,
		XDSSocket:   socket,
		AdminPort:   environment.AdminPort,
	}
	if environment.Statsd {
		settings.Statsd = &envoy.Statsd{
			Host: environment.StatsdHost, Port: environment.StatsdPort,
			Dog: environment.DogStatsd, FlushInterval: environment.StatsdInterval,
		}
	}
	bootstrap, err := envoy.Bootstrap(settings)
	if err != nil {
		return nil, fmt.Errorf("envoy's bootstrap: %w", err)
	}
	// Envoy says at info what the controller says at debug.
	level := map[string]string{"trace": "debug", "debug": "info", "info": "warning", "warn": "warning", "error": "error"}[environment.LogLevel]
	if environment.EnvoyDebug {
		level = "debug"
	}
	return envoy.NewSupervisor(envoy.Config{
		Bootstrap:   bootstrap,
		Command:     environment.EnvoyCommand,
		Dir:         dir,
		Concurrency: environment.EnvoyConcurrency,
		LogLevel:    level,
		DrainTime:   environment.DrainTime,
		Logger:      options.Log.With("part", "envoy"),
		Stdout:      options.AccessLog,
	})
}

// drainMargin is what Envoy may take, beyond the drain time, to begin with draining.
const drainMargin = 5 * time.Second

// CompileOptions are the settings of the compiler.
func CompileOptions(environment Environment) compile.Options {
	return compile.Options{
		AmbassadorID:        environment.AmbassadorID,
		Namespace:           environment.Namespace,
		BindAddress:         environment.BindAddress,
		AdminPort:           environment.AdminPort,
		DiagPort:            environment.HealthPort,
		LooseLabelSelectors: environment.LooseLabelSelectors,
		MinTLSVersion:       environment.MinTLSVersion,
		DrainTime:           environment.DrainTime + drainMargin,
		RouteTableSize:      environment.RouteTableSize,
	}
}

// hostname is the pod's name in a cluster.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "emissary"
	}
	return name
}

// pages are the controller's own HTTP pages.
func (c *controller) pages() http.Handler {
	return diag.Handler(diag.Options{
		Alive:   c.alive,
		Ready:   c.ready,
		Metrics: c.loop.metrics.registry,
		EnvoyMetrics: func(ctx context.Context) ([]byte, error) {
			return c.supervisor.Admin().Get(ctx, "/stats/prometheus?usedonly")
		},
		Diagnostics: c.diagnostics,
		Public:      c.loop.public.Load,
		Log:         c.log,
	})
}
