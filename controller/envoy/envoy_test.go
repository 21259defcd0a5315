package envoy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/durationpb"

	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
)

// world is a real Envoy under a supervisor, fed by a real xDS server.
type world struct {
	*Supervisor
	t         *testing.T
	xds       *xds.Server
	registry  *prometheus.Registry // of xds
	stopXDS   func()
	socket    string
	port      int // of the listener
	ready     int // of the ready listener
	logs      *safeBuffer
	ran       chan error
	resources []xds.Resource
}

// start runs Envoy with the listener and route that every test needs; nothing
// is served until serve.
func start(t *testing.T, options Options, config Config) *world {
	t.Helper()
	config.Command = deps.Envoy(t)
	dir := t.TempDir()
	w := &world{t: t, logs: &safeBuffer{}, ran: make(chan error, 1), port: loopback.Ports(t, 1)[0], ready: loopback.Ports(t, 1)[0]}
	log := slog.New(slog.NewTextHandler(w.logs, nil))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.logs.String())
		}
	})

	w.socket = filepath.Join(dir, "xds.sock")
	options.XDSSocket = w.socket
	w.startXDS()
	t.Cleanup(func() { w.stopXDS() })
	var err error
	if config.Bootstrap, err = Bootstrap(options); err != nil {
		t.Fatal(err)
	}
	config.Dir, config.Concurrency, config.Logger = dir, 1, log
	if w.Supervisor, err = NewSupervisor(config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { w.ran <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-w.ran; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		w.ran <- nil // for a test that has already waited
	})
	return w
}

// startXDS starts an xDS server without resources.
func (w *world) startXDS() {
	w.t.Helper()
	w.registry = prometheus.NewRegistry()
	w.xds = xds.NewServer(xds.Options{Logger: slog.New(slog.NewTextHandler(w.logs, nil)), Registerer: w.registry})
	listener, err := net.Listen("unix", w.socket)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.xds.Serve(ctx, listener) }()
	w.stopXDS = func() {
		cancel()
		if err := <-served; err != nil {
			w.t.Errorf("xds.Serve: %v", err)
		}
	}
}

// count sums a counter of the xDS server.
func (w *world) count(name string) (sum float64) {
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// serve hands Envoy a route to the backend and waits until it is acknowledged.
func (w *world) serve(backend *httptest.Server, name string) {
	w.t.Helper()
	host, port, _ := net.SplitHostPort(backend.Listener.Addr().String())
	ready, err := ReadyListener(w.ready)
	if err != nil {
		w.t.Fatal(err)
	}
	w.resources = []xds.Resource{
		{ID: xds.ID{TypeURL: xds.ClusterType, Name: name}, Message: &clusterv3.Cluster{
			Name:                 name,
			ConnectTimeout:       durationpb.New(time.Second),
			ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
			EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: fromADS()},
		}},
		{ID: xds.ID{TypeURL: xds.EndpointType, Name: name}, Message: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(host, atoi(port))}},
			}}}},
		}},
		{ID: xds.ID{TypeURL: xds.ListenerType, Name: "http"}, Message: httpListener(w.port)},
		{ID: xds.ID{TypeURL: xds.ListenerType, Name: ready.GetName()}, Message: ready},
		{ID: xds.ID{TypeURL: xds.RouteType, Name: "http"}, Message: routeTo(name)},
	}
	if st := w.update(w.resources...); st.Rejected != nil {
		w.t.Fatalf("Envoy rejects %+v", st.Rejected)
	}
}

// get fetches a path through Envoy.
func (w *world) get(path string) (int, string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", w.port, path))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// answers checks that Envoy answers 200 with a body, now.
func (w *world) answers(want string) {
	w.t.Helper()
	status, body, err := w.get("/")
	if err != nil || status != http.StatusOK || body != want {
		w.t.Fatalf("got %d %q, %v through Envoy; want 200 %q", status, body, err, want)
	}
}

func (w *world) readiness() int {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/ready", w.ready))
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestServe(t *testing.T) {
	t.Parallel()
	w := start(t, Options{Statsd: &Statsd{Host: "127.0.0.1", Dog: true}, MaxHeapBytes: 1 << 30}, Config{LogLevel: "info"})
	if got := w.readiness(); got != 0 {
		t.Errorf("without configuration /ready answers %d, want no listener", got)
	}
	w.serve(backend(t, "one"), "one")
	w.answers("one")
	if got := w.readiness(); got != http.StatusOK {
		t.Errorf("/ready answers %d, want 200", got)
	}
	if info, err := w.Admin().Info(t.Context()); err != nil || !info.Live() || info.Version == "" {
		t.Errorf("Info: %+v, %v", info, err)
	}

	w.serve(backend(t, "two"), "two") // acknowledged means served: no retries
	w.answers("two")

	dump, err := w.Admin().ConfigDump(t.Context())
	if err != nil || !bytes.Contains(dump, []byte(`"two"`)) || !bytes.Contains(dump, []byte("EndpointsConfigDump")) {
		t.Errorf("ConfigDump: %d bytes, %v", len(dump), err)
	}
	if logs := w.logs.String(); strings.Contains(strings.ToLower(logs), "deprecated") {
		t.Error("the bootstrap or a listener of ours uses something deprecated")
	}
}

func TestCrashIsHealed(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{})
	w.serve(backend(t, "one"), "one")
	w.answers("one")

	pid := w.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the restarted Envoy serves", func() bool {
		status, body, err := w.get("/")
		return err == nil && status == http.StatusOK && body == "one"
	})
	if w.pid() == pid {
		t.Error("Envoy was killed and still has its process id")
	}
}

func TestStopDrains(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{DrainTime: 30 * time.Second})
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(rw, "late")
	}))
	t.Cleanup(slow.Close)
	w.serve(slow, "slow")

	type answer struct {
		status int
		body   string
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		status, body, err := w.get("/")
		answered <- answer{status, body, err}
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- w.Stop(t.Context()) }()
	eventually(t, "/ready says that Envoy drains", func() bool { return w.readiness() == http.StatusServiceUnavailable })
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned (%v) with a request under way", err)
	default:
	}
	close(release)
	if got := <-answered; got.err != nil || got.status != http.StatusOK || got.body != "late" {
		t.Errorf("the request under way got %+v, want 200", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := <-w.ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	w.ran <- nil
	if _, err := w.Admin().Info(t.Context()); err == nil {
		t.Error("Envoy still answers after Stop")
	}
}

// Idle keep-alive connections, which clients may hold for an hour, do not keep
// Envoy from ending.
func TestStopLeavesIdleConnections(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{DrainTime: time.Minute})
	w.serve(backend(t, "one"), "one")
	idle := http.Client{Transport: &http.Transport{}}
	resp, err := idle.Get(fmt.Sprintf("http://127.0.0.1:%d/", w.port))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if load, err := w.Admin().Load(t.Context()); err != nil || load != (Load{Connections: 1}) {
		t.Errorf("Load: %+v, %v; want one idle connection", load, err)
	}
	began := time.Now()
	if err := w.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if took := time.Since(began); took < drainIdle {
		t.Errorf("the idle connection was cut after %s, want at least %s", took, drainIdle)
	}
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	w := start(t, Options{}, Config{DrainTime: time.Second})
	arrived, release := make(chan struct{}), make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(stuck.Close)
	t.Cleanup(func() { close(release) })
	w.serve(stuck, "stuck")
	go func() { _, _, _ = w.get("/") }()
	<-arrived
	if err := w.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "1 connections are cut, 1 of them busy") {
		t.Errorf("Stop with a request that never ends: %v", err)
	}
}

func TestRunWithoutEnvoy(t *testing.T) {
	t.Parallel()
	b, err := Bootstrap(Options{XDSSocket: "/run/xds.sock"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSupervisor(Config{Bootstrap: b, Dir: t.TempDir(), Command: filepath.Join(t.TempDir(), "envoy")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "set ENVOY to the path of its binary") {
		t.Errorf("Run: %v, want an error that says what to do", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("Stop without an Envoy: %v", err)
	}
}

func (s *Supervisor) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.pid()
}

func backend(t *testing.T, answer string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	t.Cleanup(s.Close)
	return s
}

func httpListener(port int) *listenerv3.Listener {
	return &listenerv3.Listener{
		Name:    "http",
		Address: address("127.0.0.1", port),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: typed(&hcmv3.HttpConnectionManager{
				StatPrefix: "ingress",
				HttpFilters: []*hcmv3.HttpFilter{{
					Name:       "envoy.filters.http.router",
					ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: typed(&routerv3.Router{})},
				}},
				RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
					RouteConfigName: "http",
					ConfigSource: &corev3.ConfigSource{
						ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
						ResourceApiVersion:    corev3.ApiVersion_V3,
					},
				}},
			})},
		}}}},
	}
}

func routeTo(cluster string) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{Name: "http", VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"},
		Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}}},
		}},
	}}}
}

func atoi(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

// eventually polls, because an outside process gives no event to wait for.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(30 * time.Second); !ok(); {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("timed out waiting: %s", what)
		}
	}
}

type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
