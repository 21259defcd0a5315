package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/facts"
	"terraform-provider-emissary/test/behaviour/probe"
	"terraform-provider-emissary/test/behaviour/services"
	"terraform-provider-emissary/test/behaviour/spec"
)

// laterTimeout bounds the wait for what comes after an answer: a mirrored copy, a status.
const laterTimeout = 5 * time.Second

// session sends the probes of one case to a ready controller.
type session struct {
	client     *probe.Client
	controller *controller
	journal    *backend.Journal
	plan       *services.Plan
	namespace  string      // the controller's
	sent       int         // probes; gives each an id of its own
	dump       *facts.Dump // what Envoy has; fetched when a probe first needs it
	compiled   *facts.Dump // what compile says; made when Envoy hides something
}

// first sends the probes of the first step. The controller has said that it is ready, so each must hold at
// once.
func (s *session) first(ctx context.Context, probes []spec.Probe) []ProbeResult {
	var results []ProbeResult
	for i := range probes {
		results = append(results, s.run(ctx, fmt.Sprintf("probe %d", i+1), &probes[i]))
	}
	return results
}

// later sends the probes of a later step. Nothing tells when a change of the manifests has reached Envoy,
// so each is repeated until it holds.
func (s *session) later(ctx context.Context, step int, probes []spec.Probe) []ProbeResult {
	s.dump, s.compiled = nil, nil
	var results []ProbeResult
	deadline := time.Now().Add(laterTimeout)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for i := range probes {
		label := fmt.Sprintf("step %d, probe %d", step, i+1)
		result := s.run(ctx, label, &probes[i])
		for len(result.Failures) > 0 && time.Now().Before(deadline) && ctx.Err() == nil {
			<-ticker.C
			s.dump, s.compiled = nil, nil
			result = s.run(ctx, label, &probes[i])
		}
		results = append(results, result)
	}
	return results
}

// run sends one probe and compares all that it expects.
func (s *session) run(ctx context.Context, label string, p *spec.Probe) ProbeResult {
	result := ProbeResult{Title: label + ": " + describe(p), Note: p.Note, Artifact: p.PeerArtifact}
	s.sent++
	failures, err := s.check(ctx, fmt.Sprintf("probe-%d", s.sent), p)
	if err != nil {
		failures = append(failures, probe.Failure{Key: "probe", Got: err.Error(), Want: "an answer"})
	}
	result.Failures = failures
	return result
}

func (s *session) check(ctx context.Context, id string, p *spec.Probe) ([]probe.Failure, error) {
	var failures []probe.Failure
	var answer *probe.Answer
	if p.Request != nil {
		answers, err := s.client.Sample(ctx, p.Request, id, probe.Samples(&p.Expect))
		if err != nil {
			return nil, err
		}
		answer = answers[0]
		failures = append(failures, probe.CheckSamples(&p.Expect, answers, s.canonical)...)
		failures = append(failures, probe.Check(&p.Expect, probe.Evidence{
			Answer: answer, Records: s.journal.Of(id), Canonical: s.canonical, Endpoint: s.plan.Endpoint,
		})...)
		failures = append(failures, s.checkMirror(id, &p.Expect)...)
	}
	if len(p.Expect.Route) > 0 || len(p.Expect.Cluster) > 0 {
		differences, err := s.checkFacts(ctx, p, answer)
		if err != nil {
			return failures, err
		}
		failures = append(failures, differences...)
	}
	if p.Expect.RejectedResource != "" {
		failures = append(failures, s.checkRejected(ctx, p.Expect.RejectedResource)...)
	}
	return failures, nil
}

func (s *session) canonical(name string) string { return services.Canonical(name, s.namespace) }

// checkMirror waits for the copy: Envoy sends it on the side.
func (s *session) checkMirror(id string, e *spec.Expect) []probe.Failure {
	if e.MirrorTo == "" {
		return nil
	}
	want := s.canonical(string(e.MirrorTo))
	arrived := s.journal.Await(id, laterTimeout, func(seen *backend.Seen) bool {
		for _, name := range seen.Backends {
			if name == want {
				return true
			}
		}
		return false
	})
	if arrived {
		return nil
	}
	return []probe.Failure{{Key: "mirror_to", Got: "no copy in " + laterTimeout.String(), Want: want}}
}

// describe tells what a probe asks, in one line.
func describe(p *spec.Probe) string {
	if p.Request == nil {
		return "a report about " + p.Expect.RejectedResource
	}
	r := p.Request
	method, scheme := r.Method, r.Scheme
	if method == "" {
		method = "GET"
	}
	if scheme == "" {
		scheme = "http"
	}
	text := fmt.Sprintf("%s %s://%s%s on port %d", method, scheme, r.Host, r.Path, r.ListenerPort)
	var extras []string
	for name, values := range r.Headers {
		extras = append(extras, name+": "+strings.Join(values, ", "))
	}
	if r.SNI != nil {
		extras = append(extras, fmt.Sprintf("SNI %q", *r.SNI))
	}
	if len(extras) > 0 {
		text += " (" + strings.Join(extras, "; ") + ")"
	}
	return text
}
