package envoy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Admin is a client of the running Envoy's admin interface. Calls take at most
// five seconds (the configuration dump thirty) unless their context ends sooner.
type Admin struct {
	// addressFile is where Envoy writes the address of the interface. It is
	// read for each call, because a restarted Envoy may have another.
	addressFile string
	client      *http.Client
}

func newAdmin(addressFile string) *Admin {
	// Without keep-alive an ended Envoy leaves no connection to trip over.
	return &Admin{addressFile: addressFile, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// errNotUp says that Envoy has not come as far as to open the interface.
var errNotUp = errors.New("envoy's admin interface is not up")

// Info is what Envoy says of itself.
type Info struct {
	// State is LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING.
	State string
	// Version is Envoy's own version line.
	Version string
}

// Live reports that Envoy serves.
func (i Info) Live() bool { return i.State == "LIVE" }

// Info asks /server_info.
func (a *Admin) Info(ctx context.Context) (Info, error) {
	body, err := a.Get(ctx, "/server_info")
	if err != nil {
		return Info{}, err
	}
	return readInfo(body)
}

func readInfo(body []byte) (info Info, err error) {
	if err := json.Unmarshal(body, &info); err != nil {
		return Info{}, fmt.Errorf("envoy's /server_info: %w", err)
	}
	return info, nil
}

// Load is what Envoy's clients have open, the ready listener's and the admin
// interface's aside.
type Load struct {
	// Connections counts downstream connections, busy or idle.
	Connections int
	// Busy counts HTTP requests under way and TCP connections being proxied.
	Busy int
}

// Load asks /stats.
func (a *Admin) Load(ctx context.Context) (Load, error) {
	const filter = `^(listener|http|tcp)\..*\.downstream_(cx|rq)_active$`
	body, err := a.Get(ctx, "/stats?format=json&filter="+url.QueryEscape(filter))
	if err != nil {
		return Load{}, err
	}
	return readLoad(body)
}

func readLoad(body []byte) (load Load, err error) {
	var stats struct {
		Stats []struct {
			Name  string
			Value int
		}
	}
	if err := json.Unmarshal(body, &stats); err != nil {
		return Load{}, fmt.Errorf("envoy's /stats: %w", err)
	}
	for _, s := range stats.Stats {
		scope, rest, _ := strings.Cut(s.Name, ".")
		if prefix, _, _ := strings.Cut(rest, "."); prefix == "admin" || prefix == readyStats {
			continue
		}
		switch {
		// A listener counts each worker's connections too.
		case scope == "listener" && strings.HasSuffix(rest, ".downstream_cx_active") && !strings.Contains(rest, ".worker_"):
			load.Connections += s.Value
		case scope == "http" && strings.HasSuffix(rest, ".downstream_rq_active"),
			scope == "tcp" && strings.HasSuffix(rest, ".downstream_cx_active"):
			load.Busy += s.Value
		}
	}
	return load, nil
}

// ConfigDump returns /config_dump with endpoints, as JSON.
func (a *Admin) ConfigDump(ctx context.Context) ([]byte, error) {
	return a.call(ctx, http.MethodGet, "/config_dump?include_eds", 30*time.Second)
}

// Get returns the body of any admin page, for example "/stats/prometheus".
func (a *Admin) Get(ctx context.Context, path string) ([]byte, error) {
	return a.call(ctx, http.MethodGet, path, 5*time.Second)
}

// post performs an admin action.
func (a *Admin) post(ctx context.Context, path string) error {
	_, err := a.call(ctx, http.MethodPost, path, 5*time.Second)
	return err
}

func (a *Admin) call(ctx context.Context, method, path string, bound time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	addr, err := os.ReadFile(a.addressFile)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(addr) == 0 {
		return nil, errNotUp
	}
	if err != nil {
		return nil, fmt.Errorf("finding envoy's admin interface: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+strings.TrimSpace(string(addr))+path, nil)
	if err != nil {
		return nil, fmt.Errorf("envoy's admin interface: %w", err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("envoy's admin interface: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("envoy's admin interface: reading %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("envoy's admin interface: %s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(body)))
	}
	return body, nil
}
