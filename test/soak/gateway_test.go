package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
	"terraform-provider-emissary/test/page"
)

// patience bounds the wait for a round, on a machine that has much else to do.
const patience = 2 * time.Minute

// gateway is a controller in this process, with its Envoy, on a folder.
type gateway struct {
	folder
	port  int
	admin string
	log   string
}

// start starts a controller on an empty folder until the test ends. Everything listens on loopback.
func start(t *testing.T) *gateway {
	t.Helper()
	command := deps.Envoy(t)
	ports := loopback.Ports(t, 4)
	g := &gateway{folder: folder{dir: t.TempDir()}, port: ports[0], admin: address(ports[3]), log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(g.log)
	if err != nil {
		t.Fatal(err)
	}
	options := controller.Options{
		Manifests: g.dir,
		Log:       slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Environment: controller.Environment{
			AmbassadorID: "default", Namespace: "default", LogLevel: "warn",
			BindAddress: "127.0.0.1", HealthNetwork: "tcp", HealthAddress: address(ports[1]), HealthPort: ports[1],
			ReadyPort: ports[2], AdminPort: ports[3], EnvoyCommand: command, EnvoyConcurrency: 1, DrainTime: time.Second,
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- controller.Run(ctx, options) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(g.log)
			t.Logf("the end of the log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return g
}

// awaitServed returns when Envoy serves the round, and has nothing more of the ones before.
func (g *gateway) awaitServed(t *testing.T) {
	t.Helper()
	await(t, "the mark of the round", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(g.port)+"/mark", nil)
		if err != nil {
			return err
		}
		request.Host = "soak.example"
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if to := response.Header.Get("Location"); !strings.HasSuffix(to, g.path()) {
			return fmt.Errorf("the answer is %s to %q, not to %s", response.Status, to, g.path())
		}
		return nil
	})
}

// usage is what the controller and its Envoy use.
type usage struct{ heap, tables, goroutines, envoy float64 }

// usage waits until Envoy has let go of the last clusters that went: that takes a grace.
func (g *gateway) usage(t *testing.T) usage {
	t.Helper()
	await(t, "Envoy to have the clusters of the round and no others", func(ctx context.Context) error {
		text, err := page.Get(ctx, g.admin, "/stats?filter=^cluster_manager.active_clusters$")
		if err != nil {
			return err
		}
		_, number, _ := strings.Cut(string(text), ": ")
		have, err := strconv.Atoi(strings.TrimSpace(number))
		if err == nil && have-files*perFile > ownClusters {
			err = fmt.Errorf("it has %d", have)
		}
		return err
	})
	var memory struct {
		Allocated float64 `json:"allocated,string"`
	}
	text, err := page.Get(t.Context(), g.admin, "/memory")
	if err == nil {
		err = json.Unmarshal(text, &memory)
	}
	if err != nil {
		t.Fatalf("Envoy's memory: %v", err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	tables, others := heap()
	return usage{heap: others, tables: tables, goroutines: float64(runtime.NumGoroutine()), envoy: memory.Allocated}
}

// ownClusters are those that Envoy has besides one for each Mapping: the controller, its pages, itself.
const ownClusters = 4

func await(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s: %v", patience, what, err)
		}
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
