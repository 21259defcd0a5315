package diag_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"terraform-provider-emissary/controller/diag"
)

func options() diag.Options {
	healthy := func(context.Context) error { return nil }
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "emissary_test_total", Help: "Test."})
	counter.Inc()
	registry.MustRegister(counter)
	return diag.Options{
		Alive: healthy, Ready: healthy, Metrics: registry,
		EnvoyMetrics: func(context.Context) ([]byte, error) { return []byte("envoy_server_live 1\n"), nil },
		Diagnostics:  func(context.Context) (any, error) { return map[string]int{"revision": 7}, nil },
		Public:       func() bool { return false },
		Log:          slog.New(slog.DiscardHandler),
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	sick := func(context.Context) error { return errors.New("Envoy has not connected yet") }
	tests := map[string]struct {
		change   func(*diag.Options)
		path     string
		from     string
		header   string
		status   int
		contains []string
	}{
		"alive":     {path: "/ambassador/v0/check_alive", status: 200, contains: []string{"Ambassador is alive and well"}},
		"ready":     {path: "/ambassador/v0/check_ready", status: 200, contains: []string{"Ambassador is ready and waiting"}},
		"not alive": {change: func(o *diag.Options) { o.Alive = sick }, path: "/ambassador/v0/check_alive", status: 503, contains: []string{"not alive", "not connected"}},
		"not ready": {change: func(o *diag.Options) { o.Ready = sick }, path: "/ambassador/v0/check_ready", status: 503, contains: []string{"not ready", "not connected"}},
		"metrics":   {path: "/metrics", status: 200, contains: []string{"emissary_test_total 1", "envoy_server_live 1"}},
		"metrics while Envoy is away": {
			change: func(o *diag.Options) {
				o.EnvoyMetrics = func(context.Context) ([]byte, error) { return nil, errors.New("away") }
			},
			path: "/metrics", status: 200, contains: []string{"emissary_test_total 1"},
		},
		"diagnostics from this machine":     {path: "/ambassador/v0/diag/?json=true", status: 200, contains: []string{`"revision": 7`}},
		"diagnostics from elsewhere":        {path: "/ambassador/v0/diag/?json=true", from: "10.1.2.3:5", status: 404},
		"diagnostics through Envoy":         {path: "/ambassador/v0/diag/", header: "X-Forwarded-For", status: 404},
		"public diagnostics from elsewhere": {change: func(o *diag.Options) { o.Public = func() bool { return true } }, path: "/ambassador/v0/diag/", from: "10.1.2.3:5", status: 200, contains: []string{"revision"}},
		"no profiles for anybody":           {path: "/debug/pprof/", status: 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			if test.change != nil {
				test.change(&o)
			}
			request := httptest.NewRequest(http.MethodGet, test.path, nil)
			request.RemoteAddr = "127.0.0.1:4711"
			if test.from != "" {
				request.RemoteAddr = test.from
			}
			if test.header != "" {
				request.Header.Set(test.header, "10.1.2.3")
			}
			response := httptest.NewRecorder()
			diag.Handler(o).ServeHTTP(response, request)
			if response.Code != test.status {
				t.Errorf("status = %d, want %d: %s", response.Code, test.status, response.Body)
			}
			for _, part := range test.contains {
				if !strings.Contains(response.Body.String(), part) {
					t.Errorf("the page lacks %q:\n%s", part, response.Body)
				}
			}
		})
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- diag.Serve(ctx, listener, diag.Handler(options())) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/ambassador/v0/check_alive")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still serving")
	}
}
