package controller_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
)

// strictEnvoy is the real Envoy with a bound on regular expressions that the compiler does not know of, and without the
// extensions for the PROXY protocol and for authorization: whatever the compiler checks, a Mapping of a longer expression,
// a Listener of that protocol and an AuthService are refused by Envoy alone. It writes its pid beside itself.
func strictEnvoy(t *testing.T) (command, pidFile string) {
	t.Helper()
	dir := t.TempDir()
	command, pidFile = filepath.Join(dir, "envoy"), filepath.Join(dir, "pid")
	script := `#!/bin/sh
case "$*" in *"--mode validate"*) ;; *) echo $$ >'` + pidFile + `' ;; esac
exec '` + deps.Envoy(t) + `' "$@" --disable-extensions envoy.filters.listener/envoy.filters.listener.proxy_protocol,envoy.filters.http/envoy.filters.http.ext_authz --config-yaml '{layered_runtime: {layers: [{name: strict, static_layer: {re2.max_program_size.error_level: 40}}]}}'
`
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return command, pidFile
}

const (
	poisonPath = "/poison/[a-z]{60}"
	curedPath  = "/poison/[a-z]*"
)

// poisoned is a folder of 50 good Mappings of five Hosts, served by a strict Envoy.
type poisoned struct {
	*site
	manifests        string // the Listener, the Hosts and the 50
	command, pidFile string
	ports            []int
}

const hostsOfPoisoned = 5

func newPoisoned(t *testing.T) *poisoned {
	t.Helper()
	ports := loopback.Ports(t, 4)
	p := &poisoned{site: &site{
		dir: t.TempDir(), http: ports[0], health: fmt.Sprintf("http://127.0.0.1:%d/ambassador/v0/", ports[1]), backend: backend(t), log: &buffer{},
	}, ports: ports[1:]}
	p.command, p.pidFile = strictEnvoy(t)
	var manifests strings.Builder
	manifests.WriteString(listener("http", "HTTP", p.http))
	for i := range hostsOfPoisoned {
		fmt.Fprintf(&manifests, "---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h%[1]d}\n"+
			"spec: {hostname: h%[1]d.example.com, requestPolicy: {insecure: {action: Route}}}\n", i)
	}
	for i := range 50 {
		manifests.WriteString(p.mapping(fmt.Sprintf("good-%d", i), fmt.Sprintf("h%d.example.com", i%hostsOfPoisoned), fmt.Sprintf("/good-%d/", i)))
	}
	p.manifests = manifests.String()
	p.write(t, "good.yaml", p.manifests)
	return p
}

func listener(name, protocol string, port int) string {
	return fmt.Sprintf("---\napiVersion: getambassador.io/v3alpha1\nkind: Listener\nmetadata: {name: %s}\n"+
		"spec: {port: %d, protocol: %s, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}\n", name, port, protocol)
}

// mapping is a manifest; a prefix with a bracket is a regular expression.
func (p *poisoned) mapping(name, hostname, prefix string) string {
	return fmt.Sprintf("---\napiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: %s}\n"+
		"spec: {hostname: %q, prefix: %q, prefix_regex: %t, service: %q}\n", name, hostname, prefix, strings.Contains(prefix, "["), p.backend)
}

// ask asks for a path of a Host.
func (s *site) ask(host, path string, want int) error {
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.http, path), nil)
	if err != nil {
		return err
	}
	request.Host = host
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		return fmt.Errorf("%s%s: %s, want %d", host, path, response.Status, want)
	}
	return nil
}

// allServed asks for each of the 50.
func (p *poisoned) allServed() error {
	for i := range 50 {
		if err := p.ask(fmt.Sprintf("h%d.example.com", i%hostsOfPoisoned), fmt.Sprintf("/good-%d/", i), http.StatusOK); err != nil {
			return err
		}
	}
	return nil
}

// watched asks for the 50, one after the other, while something goes on. Every answer must be right.
func (p *poisoned) watched(t *testing.T, something func()) {
	t.Helper()
	stop := make(chan struct{})
	var wrong []error
	rounds := 0
	var client sync.WaitGroup
	client.Go(func() {
		for ; ; rounds++ {
			if err := p.allServed(); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", time.Now().UTC().Format(time.StampMilli), err))
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	something()
	close(stop)
	client.Wait()
	if len(wrong) > 0 {
		t.Errorf("%d of %d rounds went wrong, the first: %v", len(wrong), rounds+1, wrong[0])
	}
}

// said reports whether a line of the log has all the parts, about an object.
func (s *site) said(object string, parts ...string) bool {
	for line := range strings.Lines(s.log.String()) {
		missing := func(part string) bool { return !strings.Contains(line, part) }
		if strings.Contains(line, "object="+strconv.Quote(object)) && !slices.ContainsFunc(parts, missing) {
			return true
		}
	}
	return false
}

// says waits for such a line.
func (s *site) says(t *testing.T, object string, parts ...string) {
	t.Helper()
	s.await(t, "the verdict on "+object, func() error {
		if !s.said(object, parts...) {
			return fmt.Errorf("no line with %q", parts)
		}
		return nil
	})
}

func TestAPoisonCostsOnlyItself(t *testing.T) {
	t.Parallel()
	p := newPoisoned(t)
	stop := p.start(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	p.await(t, "the 50", p.allServed)

	const refused = "object has a problem"
	begin := time.Now()
	p.watched(t, func() {
		p.write(t, "poison.yaml", p.mapping("poison", "h1.example.com", poisonPath))
		for i := range 20 { // changes that overtake Envoy's refusal
			p.write(t, fmt.Sprintf("burst-%d.yaml", i), p.mapping(fmt.Sprintf("burst-%d", i), "h1.example.com", fmt.Sprintf("/burst-%d/", i)))
		}
		p.says(t, "Mapping default/poison", refused, "programmed=false", "reason=RejectedByEnvoy", "program size")
		t.Logf("found after %s", time.Since(begin).Round(time.Millisecond))
		p.await(t, "what came after the poison", func() error { return p.ask("h1.example.com", "/burst-19/", http.StatusOK) })
		if p.said("Mapping default/poison", "object is served") {
			t.Error("the poison is said to be served")
		}

		// The others change on.
		begin = time.Now()
		p.write(t, "more.yaml", p.mapping("more", "h1.example.com", "/more/"))
		p.await(t, "a change beside the poison", func() error { return p.ask("h1.example.com", "/more/", http.StatusOK) })
		t.Logf("a change beside it is served after %s", time.Since(begin).Round(time.Millisecond))

		// A good Mapping that becomes a poison is served as it was.
		p.write(t, "more.yaml", p.mapping("more", "h1.example.com", poisonPath))
		p.says(t, "Mapping default/more", refused, "generation=2", "reason=RejectedByEnvoy", "(generation 1 is still served)")
		if err := p.ask("h1.example.com", "/more/", http.StatusOK); err != nil {
			t.Errorf("the version before is not served: %v", err)
		}
	})

	// A crash of Envoy costs what was in flight.
	p.killEnvoy(t)
	p.await(t, "the 50 after a crash of Envoy", p.allServed)
	p.watched(t, func() {
		p.await(t, "the version before of what became a poison", func() error { return p.ask("h1.example.com", "/more/", http.StatusOK) })
	})

	// Both start anew, and a folder has no memory: the poisons are found again before anything is called ready.
	stop()
	p.log = &buffer{}
	begin = time.Now()
	p.run(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	t.Logf("ready %s after a restart", time.Since(begin).Round(time.Millisecond))
	p.watched(t, func() {
		p.says(t, "Mapping default/poison", refused, "reason=RejectedByEnvoy", "program size")
		p.says(t, "Mapping default/more", refused, "generation=1", "reason=RejectedByEnvoy")

		p.write(t, "poison.yaml", p.mapping("poison", "h1.example.com", curedPath))
		p.says(t, "Mapping default/poison", "object is served", "generation=2")
		if err := p.ask("h1.example.com", "/poison/", http.StatusOK); err != nil {
			t.Errorf("said to be served: %v", err)
		}
	})
}

// killEnvoy ends the Envoy that serves, and waits for the next one.
func (p *poisoned) killEnvoy(t *testing.T) {
	t.Helper()
	before, err := os.ReadFile(p.pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(before)))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.await(t, "another Envoy", func() error {
		after, err := os.ReadFile(p.pidFile)
		if err == nil && string(after) == string(before) {
			err = errors.New("it is the one that was killed")
		}
		return err
	})
}

// TestAListenerThatCannotBeOpened holds a port that a Listener wants: no object is at fault, and none may be left out.
func TestAListenerThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := newPoisoned(t)
	p.write(t, "taken.yaml", listener("taken", "HTTP", taken.Addr().(*net.TCPAddr).Port))
	p.run(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	p.watched(t, func() {
		p.says(t, "Listener default/taken", "object has a problem", "programmed=false", "in use")
	})
}

// TestAListenerThatEnvoyRefusesAtTheStart begins with a Listener of which no version was ever accepted.
func TestAListenerThatEnvoyRefusesAtTheStart(t *testing.T) {
	t.Parallel()
	p := newPoisoned(t)
	port := loopback.Ports(t, 1)[0]
	p.write(t, "proxied.yaml", listener("proxied", "HTTPPROXY", port))
	p.run(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	p.watched(t, func() {
		p.says(t, "Listener default/proxied", "object has a problem", "programmed=false", "reason=RejectedByEnvoy", "proxy_protocol")

		p.write(t, "proxied.yaml", listener("proxied", "HTTP", port))
		p.says(t, "Listener default/proxied", "object is served", "generation=2")
	})
	p.http = port
	p.await(t, "the 50 through the Listener as it is now", p.allServed)
	if strings.Contains(p.log.String(), "HeldBack") {
		t.Error("others were blamed")
	}
}

// TestAnAuthServiceThatEnvoyRefuses shows in listeners only. No Listener may be blamed for it, and no request passes that
// it is there to stop, neither where requests were served before nor at the start.
func TestAnAuthServiceThatEnvoyRefuses(t *testing.T) {
	t.Parallel()
	p := newPoisoned(t)
	stop := p.start(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	p.await(t, "the 50", p.allServed)
	stopped := func() error { return p.ask("h1.example.com", "/good-1/", http.StatusInternalServerError) }

	p.write(t, "auth.yaml", fmt.Sprintf("apiVersion: getambassador.io/v3alpha1\nkind: AuthService\nmetadata: {name: auth}\n"+
		"spec: {auth_service: %q, proto: http}\n", p.backend))
	p.says(t, "AuthService default/auth", "object has a problem", "reason=RejectedByEnvoy", "ext_authz", "every request but the probes is refused")
	p.await(t, "requests being stopped", stopped)

	stop()
	stop = p.start(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	if err := stopped(); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := os.Remove(filepath.Join(p.dir, "auth.yaml")); err != nil {
		t.Fatal(err)
	}
	p.await(t, "the 50 without an AuthService", p.allServed)
	if p.said("Listener default/http", "object has a problem") {
		t.Error("the Listener was blamed")
	}
	stop()
}
