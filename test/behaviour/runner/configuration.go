package runner

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"terraform-provider-emissary/test/behaviour/facts"
	"terraform-provider-emissary/test/behaviour/probe"
	"terraform-provider-emissary/test/behaviour/spec"
)

// checkFacts compares the configuration that the request meets.
func (s *session) checkFacts(ctx context.Context, p *spec.Probe, answer *probe.Answer) ([]probe.Failure, error) {
	if s.dump == nil {
		dump, err := facts.Fetch(ctx, s.controller.admin)
		if err != nil {
			return nil, err
		}
		s.dump = dump
	}
	var failures []probe.Failure
	if want := p.Expect.Route; len(want) > 0 {
		route := s.path(s.dump, p, answer).Route()
		if facts.Redacted(route) {
			if err := s.compile(ctx); err != nil {
				return nil, err
			}
			route = s.path(s.compiled, p, answer).Route()
		}
		failures = append(failures, compare("route", want, route)...)
	}
	if want := p.Expect.Cluster; len(want) > 0 {
		path := s.path(s.dump, p, answer)
		if name, ok := want["service"].(string); ok {
			path = s.dump.ClusterOf(s.at(s.canonical(name)))
			want = maps.Clone(want)
			delete(want, "service")
		}
		failures = append(failures, compare("cluster", want, path.Cluster())...)
	}
	return failures, nil
}

// compile asks the controller's own compiler for what Envoy's admin interface redacts.
func (s *session) compile(ctx context.Context) error {
	if s.compiled != nil {
		return nil
	}
	output, err := s.controller.compile(ctx)
	if err != nil {
		return err
	}
	s.compiled, err = facts.Compiled(output)
	return err
}

func compare(key string, want, got map[string]any) []probe.Failure {
	if got == nil {
		return []probe.Failure{{Key: key, Got: "none in Envoy's configuration", Want: "one that the request meets"}}
	}
	var failures []probe.Failure
	for _, d := range facts.Compare(want, got) {
		failures = append(failures, probe.Failure{Key: key + "." + d.Fact, Got: d.Got, Want: d.Want})
	}
	return failures
}

// path follows the probe's request through a configuration, to the backend that answered it.
func (s *session) path(dump *facts.Dump, p *spec.Probe, answer *probe.Answer) *facts.Path {
	if p.Request == nil {
		return nil
	}
	r := p.Request
	request := &facts.Request{
		Port: r.ListenerPort, TLS: r.Scheme == "https", SNI: probe.ServerName(r), Host: r.Host,
		Path: r.Path, Method: r.Method, Headers: map[string][]string{},
	}
	if request.Method == "" {
		request.Method = "GET"
	}
	for name, values := range r.Headers {
		request.Headers[name] = values
	}
	var target facts.Target
	if answer != nil && answer.Seen != nil {
		target = s.at(answer.Seen.Backends...)
	}
	return dump.Find(request, target)
}

// at is the target of backends by name.
func (s *session) at(names ...string) facts.Target {
	addresses := map[netip.AddrPort]bool{}
	for address, here := range s.plan.Backends {
		addresses[address] = slices.ContainsFunc(here, func(name string) bool { return slices.Contains(names, name) })
	}
	return facts.AtAddress(addresses, s.plan.Names)
}
