// Package faultproxy stands in front of an API server and breaks requests in the
// ways that API servers, webhooks behind them and networks do.
//
// It is for tests of what survives that. The API server behind it is a real one,
// so that all that is not broken on purpose is as it always is.
package faultproxy

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
)

// Proxy passes requests on, except those that a fault breaks.
type Proxy struct {
	// URL is where it listens, on loopback. It is https, because clients send no
	// credentials in cleartext.
	URL string
	// CA is the certificate to trust, PEM.
	CA string

	forward http.Handler

	mu     sync.Mutex
	rules  []*Rule
	tokens []string // that are accepted; nil accepts everybody
}

// Start starts a proxy to the API server of the configuration. Whoever asks has
// the rights of that configuration. It ends with the test.
func Start(t testing.TB, config *rest.Config) *Proxy {
	t.Helper()
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{forward: &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization") // for the proxy only; see Accept
		},
		// Of clients that have gone.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	server := httptest.NewTLSServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that are cut
	// Watches and what Stall holds end here; without that, Close would wait for them.
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	p.URL = server.URL
	p.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return p
}

// Kubeconfig is the text of a kubeconfig that leads to the proxy, with the user's
// fields as given, for example `tokenFile: /token`. Empty means nobody.
func (p *Proxy) Kubeconfig(user string) string {
	if user == "" {
		user = "{}"
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: proxy
contexts: [{name: proxy, context: {cluster: proxy, user: proxy}}]
clusters: [{name: proxy, cluster: {server: %q, certificate-authority-data: %s}}]
users:
- name: proxy
  user:
    %s
`, p.URL, base64.StdEncoding.EncodeToString([]byte(p.CA)), strings.ReplaceAll(strings.TrimSpace(user), "\n", "\n    "))
}

// Provider is a provider block that leads to the proxy, with more attributes.
func (p *Proxy) Provider(attributes ...string) string {
	return fmt.Sprintf("provider \"emissary\" {\n  host = %q\n  cluster_ca_certificate = <<EOT\n%sEOT\n  %s\n}\n", p.URL, p.CA, strings.Join(attributes, "\n  "))
}

// Accept makes these the only bearer tokens that are not answered with 401.
func (p *Proxy) Accept(tokens ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = append([]string{}, tokens...)
}

// Rule is one way in which requests are broken.
type Rule struct {
	proxy *Proxy
	match Match
	fault Fault
	left  int // how often yet; negative means always
	met   int
}

// Break makes the next requests that match meet the fault, that many of them, or
// all until Heal when times is 0. Where several rules match, the oldest that is
// not used up does.
func (p *Proxy) Break(times int, match Match, fault Fault) *Rule {
	if times == 0 {
		times = -1
	}
	r := &Rule{proxy: p, match: match, fault: fault, left: times}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// Count counts the requests that match and are not broken.
func (p *Proxy) Count(match Match) *Rule { return p.Break(0, match, Pass) }

// Met is how many requests have met the rule since it was made or last asked.
func (r *Rule) Met() int {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	met := r.met
	r.met = 0
	return met
}

// Heal ends the fault.
func (r *Rule) Heal() {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	r.left = 0
}

// ServeHTTP is the proxy as its clients see it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.choose(r)(w, r, p.forward)
}

func (p *Proxy) choose(request *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	token, _ := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if p.tokens != nil && !slices.Contains(p.tokens, token) {
		return Unauthorized
	}
	for _, r := range p.rules {
		if r.left != 0 && r.match(request) {
			r.left = max(r.left-1, -1)
			r.met++
			return r.fault
		}
	}
	return Pass
}

// Match says which requests a rule is about.
type Match func(*http.Request) bool

// All are all requests.
func All(*http.Request) bool { return true }

// Writes are the requests that change something.
func Writes(r *http.Request) bool { return r.Method != http.MethodGet }

// Reads are the requests that do not.
func Reads(r *http.Request) bool { return r.Method == http.MethodGet }

// Deletes are the requests that delete an object.
func Deletes(r *http.Request) bool { return r.Method == http.MethodDelete }

// Watches are the requests that follow changes.
func Watches(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" }

// Of are the requests to objects of a type, or to lists of them.
func Of(plural string) Match {
	return func(r *http.Request) bool { return slices.Contains(strings.Split(r.URL.Path, "/"), plural) }
}

// Lists are the requests for all objects of a type.
func Lists(plural string) Match {
	return func(r *http.Request) bool { return Reads(r) && strings.HasSuffix(r.URL.Path, "/"+plural) }
}

// After are the requests that match, without the first n of them.
func After(n int, match Match) Match {
	var seen atomic.Int64
	return func(r *http.Request) bool { return match(r) && seen.Add(1) > int64(n) }
}

// Both are the requests that match each of these.
func Both(a, b Match) Match {
	return func(r *http.Request) bool { return a(r) && b(r) }
}
