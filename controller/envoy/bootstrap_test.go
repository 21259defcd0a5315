package envoy

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
)

var updateGolden = flag.Bool("update", false, "write the golden files")

func TestBootstrap(t *testing.T) {
	t.Parallel()
	tests := map[string]Options{
		"default": {XDSSocket: "/run/emissary/xds.sock"},
		"full": {
			NodeID: "pod-1", NodeCluster: "default.emissary", XDSSocket: "/run/emissary/xds.sock", AdminPort: 8001,
			MaxConnections: 1000, MaxHeapBytes: 512 << 20,
			Statsd: &Statsd{Host: "127.0.0.1", Port: 9125, Dog: true, FlushInterval: 2 * time.Second},
		},
		"statsd": {XDSSocket: "/run/emissary/xds.sock", Statsd: &Statsd{Host: "127.0.0.1"}},
	}
	for name, options := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := Bootstrap(options)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := protojson.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer // protojson varies its spaces on purpose
			if err := json.Indent(&got, raw, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := "testdata/bootstrap-" + name + ".out.json"
			if *updateGolden {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s differs (run with -update to accept):\n%s", file, diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	good, err := Bootstrap(Options{XDSSocket: "/x"})
	if err != nil {
		t.Fatal(err)
	}
	bootstrap := func(o Options) error { _, err := Bootstrap(o); return err }
	supervisor := func(c Config) error { _, err := NewSupervisor(c); return err }
	tests := map[string]struct {
		err  error
		want string
	}{
		"no socket":      {bootstrap(Options{}), "the path of the xDS socket is empty"},
		"long socket":    {bootstrap(Options{XDSSocket: strings.Repeat("x", 108)}), "is 108 bytes, at most 107 work"},
		"admin port":     {bootstrap(Options{XDSSocket: "/x", AdminPort: 65536}), "the admin port is 65536, want 0 to 65535"},
		"statsd host":    {bootstrap(Options{XDSSocket: "/x", Statsd: &Statsd{Host: "not a host"}}), `STATSD_HOST "not a host"`},
		"ready port":     {func() error { _, err := ReadyListener(0); return err }(), "AMBASSADOR_READY_PORT) is 0, want 1 to 65535"},
		"no bootstrap":   {supervisor(Config{Dir: t.TempDir()}), "a bootstrap and a directory are required"},
		"log level":      {supervisor(Config{Bootstrap: good, Dir: t.TempDir(), LogLevel: "loud"}), `the log level is "loud", want one of trace`},
		"concurrency":    {supervisor(Config{Bootstrap: good, Dir: t.TempDir(), Concurrency: -1}), "(ENVOY_CONCURRENCY) is -1"},
		"no such folder": {supervisor(Config{Bootstrap: good, Dir: "/nowhere"}), "writing the bootstrap"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", tt.err, tt.want)
			}
		})
	}
}

func TestForwardLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	forward(log, strings.NewReader("info|main|all up | running\ncritical|backtrace|Caught\n#0: somewhere\n\nwarning|config|last"))
	want := `level=INFO msg="all up | running" component=main
level=ERROR msg=Caught component=backtrace
level=ERROR msg="#0: somewhere" component=backtrace
level=WARN msg=last component=config
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// admin is a client of a made-up admin interface.
func admin(t *testing.T, handler http.HandlerFunc) *Admin {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	file := t.TempDir() + "/address"
	if err := os.WriteFile(file, []byte(strings.TrimPrefix(s.URL, "http://")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newAdmin(file)
}

func TestAdminErrors(t *testing.T) {
	t.Parallel()
	failing := admin(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
	})
	if _, err := failing.Info(t.Context()); err == nil || !strings.Contains(err.Error(), "GET /server_info: 503 Service Unavailable: out of order") {
		t.Errorf("Info: %v", err)
	}
	garbled := admin(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	if _, err := garbled.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "/stats") {
		t.Errorf("Load: %v", err)
	}
	if _, err := newAdmin(t.TempDir() + "/address").Info(t.Context()); err == nil || !strings.Contains(err.Error(), "is not up") {
		t.Errorf("Info without Envoy: %v", err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	a := admin(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"stats":[
			{"name":"http.admin.downstream_rq_active","value":1},
			{"name":"http.ingress.downstream_cx_active","value":7},
			{"name":"http.ingress.downstream_rq_active","value":2},
			{"name":"http.ready.downstream_rq_active","value":1},
			{"name":"listener.0.0.0.0_8080.downstream_cx_active","value":7},
			{"name":"listener.0.0.0.0_8080.worker_0.downstream_cx_active","value":7},
			{"name":"listener.[__]_8443.downstream_cx_active","value":3},
			{"name":"listener.admin.downstream_cx_active","value":1},
			{"name":"listener.ready.downstream_cx_active","value":1},
			{"name":"tcp.ingress.downstream_cx_active","value":3}]}`)
	})
	got, err := a.Load(t.Context())
	if want := (Load{Connections: 10, Busy: 5}); err != nil || got != want {
		t.Errorf("Load: %+v, %v; want %+v", got, err, want)
	}
}
