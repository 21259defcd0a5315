// Package diag serves the controller's own HTTP pages on port 8877, under the paths Emissary uses: health checks,
// metrics, and the diagnostics JSON.
package diag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// checkTimeout bounds a health check; kubelet's own default is a second.
	checkTimeout = 2 * time.Second
	// scrapeTimeout bounds the fetch of Envoy's statistics, and of the diagnostics.
	scrapeTimeout = 10 * time.Second
)

// Options are what the pages show.
type Options struct {
	// Alive returns an error when only a restart would help.
	Alive func(context.Context) error
	// Ready returns an error while traffic should go elsewhere.
	Ready func(context.Context) error
	// Metrics are the controller's own.
	Metrics prometheus.Gatherer
	// EnvoyMetrics returns Envoy's statistics in Prometheus format.
	EnvoyMetrics func(context.Context) ([]byte, error)
	// Diagnostics returns what the diagnostics page shows, to be rendered as JSON. It waits no longer than the context.
	Diagnostics func(context.Context) (any, error)
	// Public reports whether the diagnostics are for everybody (Module ambassador, diagnostics.enabled or
	// allow_non_local). They are always for this machine.
	Public func() bool
	// Log takes failures.
	Log *slog.Logger
}

// Handler returns the pages.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /ambassador/v0/check_alive", check(o.Alive, "Ambassador is alive and well", "Ambassador is not alive"))
	mux.Handle("GET /ambassador/v0/check_ready", check(o.Ready, "Ambassador is ready and waiting", "Ambassador is not ready"))
	mux.Handle("GET /ambassador/v0/diag/{$}", diagnostics(o))
	mux.Handle("GET /metrics", metrics(o))
	return mux
}

// Serve answers on the listener until the context ends.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func check(healthy func(context.Context) error, good, bad string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := healthy(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "%s: %v\n", bad, err)
			return
		}
		fmt.Fprintln(w, good)
	}
}

// metrics serves the controller's metrics and, after them, Envoy's. Envoy's names all start with "envoy_", so that the
// two cannot collide. While Envoy does not answer its part is missing.
func metrics(o Options) http.Handler {
	own := promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{DisableCompression: true, EnableOpenMetrics: false})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own.ServeHTTP(w, r)
		ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout)
		defer cancel()
		envoy, err := o.EnvoyMetrics(ctx)
		if err != nil {
			o.Log.Debug("no metrics from Envoy", "error", err)
			return
		}
		_, _ = w.Write(envoy)
	})
}

// diagnostics serves the diagnostics as JSON, with and without Emissary's ?json=true. Elsewhere than on this machine the
// page does not exist unless it is public.
func diagnostics(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !o.Public() && !local(r) {
			http.NotFound(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout)
		defer cancel()
		page, err := o.Diagnostics(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		body, err := json.MarshalIndent(page, "", "  ")
		if err != nil {
			o.Log.Error("diagnostics cannot be rendered", "error", err)
			http.Error(w, "diagnostics cannot be rendered, see the log", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n'))
	}
}

// local reports whether a request was made on this machine. One that came through Envoy was not, wherever its
// connection comes from.
func local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Envoy-Original-Path") != "" {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
