package controller_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/test/deps"
)

// strictEnvoy is the real Envoy with a bound on regular expressions that the compiler does not know of: whatever the
// compiler checks, a Mapping of a longer expression is one that only Envoy refuses. It writes its pid beside itself.
func strictEnvoy(t *testing.T) (command, pidFile string) {
	t.Helper()
	dir := t.TempDir()
	command, pidFile = filepath.Join(dir, "envoy"), filepath.Join(dir, "pid")
	script := `#!/bin/sh
case "$*" in *"--mode validate"*) ;; *) echo $$ >'` + pidFile + `' ;; esac
exec '` + deps.Envoy(t) + `' "$@" --config-yaml '{layered_runtime: {layers: [{name: strict, static_layer: {re2.max_program_size.error_level: 40}}]}}'
`
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return command, pidFile
}

const (
	poisonPath = "/poison/[a-z]{60}"
	cured      = "/poison/[a-z]*"
)

// poisoned is a folder of 50 good Mappings of five Hosts, served by a strict Envoy.
type poisoned struct {
	*site
	command, pidFile string
	ports            []int
}

const hostsOfPoisoned = 5

func newPoisoned(t *testing.T) *poisoned {
	t.Helper()
	ports := freePorts(t, 4)
	p := &poisoned{site: &site{
		dir: t.TempDir(), http: ports[0], health: fmt.Sprintf("http://127.0.0.1:%d/ambassador/v0/", ports[1]), backend: backend(t), log: &buffer{},
	}, ports: ports[1:]}
	p.command, p.pidFile = strictEnvoy(t)
	p.write(t, "listener.yaml", listener("http", p.http))
	var manifests strings.Builder
	for i := range hostsOfPoisoned {
		fmt.Fprintf(&manifests, "---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h%[1]d}\n"+
			"spec: {hostname: h%[1]d.example.com, requestPolicy: {insecure: {action: Route}}}\n", i)
	}
	for i := range 50 {
		manifests.WriteString(p.mapping(fmt.Sprintf("good-%d", i), fmt.Sprintf("h%d.example.com", i%hostsOfPoisoned), fmt.Sprintf("/good-%d/", i)))
	}
	p.write(t, "good.yaml", manifests.String())
	return p
}

func listener(name string, port int) string {
	return fmt.Sprintf("---\napiVersion: getambassador.io/v3alpha1\nkind: Listener\nmetadata: {name: %s}\n"+
		"spec: {port: %d, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}\n", name, port)
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

// says waits for a line of the log in which an object's verdict has all the parts.
func (s *site) says(t *testing.T, object string, parts ...string) {
	t.Helper()
	s.await(t, "the verdict on "+object, func() error {
		for line := range strings.Lines(s.log.String()) {
			if !strings.Contains(line, "object="+strconv.Quote(object)) {
				continue
			}
			missing := false
			for _, part := range parts {
				missing = missing || !strings.Contains(line, part)
			}
			if !missing {
				return nil
			}
		}
		return fmt.Errorf("no line with %q", parts)
	})
}

func TestAPoisonCostsOnlyItself(t *testing.T) {
	t.Parallel()
	p := newPoisoned(t)
	_ = p.start(t, controller.Options{Manifests: p.dir}, p.command, p.ports)
	p.ready(t)
	p.await(t, "the 50", p.allServed)

	const refused = "object has a problem"
	begin := time.Now()
	p.watched(t, func() {
		p.write(t, "poison.yaml", p.mapping("poison", "h1.example.com", poisonPath))
		p.says(t, "Mapping default/poison", refused, "programmed=false", "reason=RejectedByEnvoy", "program size")
		t.Logf("found after %s", time.Since(begin).Round(time.Millisecond))

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
}
