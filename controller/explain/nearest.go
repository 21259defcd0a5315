package explain

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// mostNear bounds Explanation.Nearest.
const mostNear = 5

// How far a Mapping is from serving a request, the nearest first.
const (
	farBelow     = iota // everything matches, another one comes first
	farUnserved         // path and hostname fit, but nothing serves the Mapping
	farCondition        // of the same Host, with the right path; a header, method or query parameter is missing
	farListener         // everything fits on another Listener or filter chain
	farHost             // everything but the Host fits
	farPath             // of the same Host, with another path
)

// candidate is a Mapping that might have been meant.
type candidate struct {
	Near
	far int
	// unmet is how many conditions keep the request from it; alike is how many characters of path or hostname agree.
	unmet, alike int
}

// search collects candidates, of each Mapping the nearest.
type search struct {
	explainer   *Explainer
	explanation *Explanation
	found       *findings
	request     *received
	best        map[Object]candidate
	// routed are the Mappings that have any route at all.
	routed map[Object]bool
}

// nearest lists the Mappings that do not serve the request and come closest to it.
func (e *Explainer) nearest(x *Explanation, found *findings) []Near {
	if found.chain != nil && found.chain.tcp != nil {
		return nil
	}
	s := &search{explainer: e, explanation: x, found: found, request: found.received, best: map[Object]candidate{}, routed: map[Object]bool{}}
	if s.request == nil {
		s.request = e.asSent(x.Request) // it got nowhere
	}
	s.sameHost()
	s.elsewhere()
	s.unserved()
	for _, o := range x.Outcomes {
		if o.Mapping != nil {
			delete(s.best, *o.Mapping)
		}
	}
	ranked := slices.SortedFunc(maps.Values(s.best), func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(a.far, b.far),
			cmp.Compare(a.unmet, b.unmet),
			cmp.Compare(b.alike, a.alike),
			cmp.Compare(a.Mapping.String(), b.Mapping.String()),
		)
	})
	var list []Near
	for _, c := range ranked[:min(len(ranked), mostNear)] {
		list = append(list, c.Near)
	}
	return list
}

// offer takes a candidate unless a nearer one of the same Mapping is known. The controller's own pages, which are no
// objects, are nobody's intention.
func (s *search) offer(c candidate) {
	if s.explainer.mappings[c.Mapping] == nil {
		return
	}
	known, had := s.best[c.Mapping]
	if !had || c.far < known.far || c.far == known.far && c.unmet < known.unmet {
		s.best[c.Mapping] = c
	}
}

// sameHost looks at the routes of the virtual host that the request fell under.
func (s *search) sameHost() {
	if s.found.host == nil {
		return
	}
	path := s.request.pathOnly()
	for _, route := range s.found.host.all() {
		conditions := unmet(route.Match, s.request)
		c := candidate{Near: Near{Mapping: mappingOf(route)}, unmet: len(conditions)}
		switch {
		case len(conditions) == 0:
			c.far, c.Why = farBelow, s.whyBelow(route)
		case conditions[0].subject == subjectPath:
			c.far, c.alike = farPath, common(literal(route.Match), path)
			if c.alike <= 1 && s.explanation.Served {
				continue // "/" is alike everywhere
			}
			c.Why = whys(conditions)
		default:
			c.far, c.Why = farCondition, whys(conditions)
		}
		s.offer(c)
	}
}

// whyBelow says why a route that matches is not taken.
func (s *search) whyBelow(route *routev3.Route) string {
	if percent(route.Match.RuntimeFraction) == 0 {
		return "it matches, but its weight is 0"
	}
	first := s.explanation.Outcomes[0].Mapping
	if first == nil {
		return "it matches, but its weight leaves it no requests"
	}
	return fmt.Sprintf("it matches too, but %s comes before it in the order of routes", first)
}

// elsewhere looks at all other virtual hosts: those of the same Listener, and those of others.
func (s *search) elsewhere() {
	for _, l := range s.explainer.listeners {
		for _, c := range l.chains {
			for _, t := range s.explainer.tables(c) {
				chosen := t.virtualHost(s.request.host)
				for _, h := range t.hosts {
					s.otherHost(l, c, h, h == chosen && c != s.found.chain)
				}
			}
		}
	}
}

// otherHost looks at the routes of a virtual host; chosen says that the request would fall under it on another chain.
func (s *search) otherHost(l *listener, c *chain, h *virtualHost, chosen bool) {
	for _, route := range h.all() {
		mapping := mappingOf(route)
		s.routed[mapping] = true
		if known, had := s.best[mapping]; had && known.far <= farListener {
			continue
		}
		if h == s.found.host || !s.request.pathMatches(route.Match) || !fitsBut(route.Match, s.request) {
			continue
		}
		if chosen {
			s.offer(candidate{Near: Near{mapping, "it is served " + c.where(l)}, far: farListener})
		} else {
			s.offer(candidate{Near: Near{mapping, s.whyOtherHost(mapping, h)}, far: farHost, alike: alikeHosts(h.domains[0], s.request.host)})
		}
	}
}

// fitsBut reports whether a request meets all conditions but those about its host and about security.
func fitsBut(match *routev3.RouteMatch, r *received) bool {
	return !slices.ContainsFunc(unmet(match, r), func(c condition) bool {
		return c.subject != subjectHostname && c.subject != subjectSecurity
	})
}

// where says how to get to a filter chain.
func (c *chain) where(l *listener) string {
	switch {
	case l.udp:
		return fmt.Sprintf("over HTTP/3 on port %d", l.port)
	case c.terminates:
		return fmt.Sprintf("over TLS on port %d", l.port)
	default:
		return fmt.Sprintf("in cleartext on port %d", l.port)
	}
}

// whyOtherHost says why a Mapping of another virtual host is not in the request's.
func (s *search) whyOtherHost(mapping Object, h *virtualHost) string {
	object := s.explainer.mappings[mapping]
	if object == nil {
		return ""
	}
	hostname := hostnameOf(&object.Spec)
	covers := hostname == "" || domainRank(hostname, s.request.host) >= 0
	switch {
	case covers && s.found.host == nil:
		return "it belongs to a Host, and none matches hostname " + s.request.host
	case len(s.explanation.Hosts) == 0 || !covers:
		return fmt.Sprintf("it is served for hostname %s, not for %s", cmp.Or(hostname, h.domains[0]), s.request.host)
	default:
		return fmt.Sprintf("%s, which has the hostname %s, does not take it: the labels its mappingSelector asks for are missing",
			s.explanation.Hosts[0], s.explanation.VirtualHost)
	}
}

// unserved looks at the Mappings without any route.
func (s *search) unserved() {
	for mapping, object := range s.explainer.mappings {
		if s.routed[mapping] || !s.specMatches(&object.Spec) {
			continue
		}
		c := candidate{Near: Near{mapping, s.explainer.whyUnserved(mapping, object)}, far: farUnserved}
		if hostname := hostnameOf(&object.Spec); hostname != "" && (object.Spec.Hostname != "" || !object.Spec.HostRegex) && domainRank(hostname, s.request.host) < 0 {
			c.far, c.alike = farHost, alikeHosts(hostname, s.request.host)
		}
		s.offer(c)
	}
}

// whyUnserved says why a Mapping has no route.
func (e *Explainer) whyUnserved(mapping Object, object *v3alpha1.Mapping) string {
	if e.output.Reports[store.Ref(mapping)] == nil {
		return fmt.Sprintf("it belongs to another install: its ambassador_id is %v", object.Spec.AmbassadorID)
	}
	if why := e.troubles(mapping, v3alpha1.ConditionAccepted); why != "" {
		return "it is not accepted: " + why
	}
	if why := e.troubles(mapping, ""); why != "" {
		return "it is not served: " + why
	}
	if object.Spec.Shadow != nil && *object.Spec.Shadow {
		return "it is a shadow: it gets copies of requests that another Mapping serves"
	}
	return "Mappings before it in the order of routes take every request that it matches"
}

// troubles joins what keeps a condition of an object from being true; of any, when none is named.
func (e *Explainer) troubles(object Object, condition string) string {
	report := e.output.Reports[store.Ref(object)]
	if report == nil {
		return ""
	}
	var messages []string
	for _, problem := range report.Problems {
		if problem.Severity == compile.Error && (condition == "" || problem.Condition == condition) && !slices.Contains(messages, problem.Message) {
			messages = append(messages, problem.Message)
		}
	}
	return strings.Join(messages, "; ")
}

// specMatches reports whether the path of a Mapping that has no route fits. Of a regular expression that cannot be read,
// which may be why, what it starts with counts.
func (s *search) specMatches(spec *v3alpha1.MappingSpec) bool {
	path := s.request.pathOnly()
	ignoreCase := spec.CaseSensitive != nil && !*spec.CaseSensitive
	switch {
	case spec.PrefixRegex:
		if _, err := regexp.Compile(spec.Prefix); err != nil {
			plain := strings.IndexAny(spec.Prefix, `\.+*?()|[]{}^$`)
			return hasPrefix(path, spec.Prefix[:max(plain, 0)], false)
		}
		return s.request.expressions.match(spec.Prefix, path)
	case spec.PrefixExact:
		return equal(path, spec.Prefix, ignoreCase)
	default:
		return hasPrefix(path, spec.Prefix, ignoreCase)
	}
}

// hostnameOf is the hostname of a Mapping, as a glob or an expression; empty when it has none.
func hostnameOf(spec *v3alpha1.MappingSpec) string {
	return cmp.Or(spec.Hostname, spec.Host, spec.Headers[":authority"])
}

func whys(conditions []condition) string {
	var parts []string
	for _, c := range conditions {
		parts = append(parts, c.why)
	}
	return strings.Join(parts, "; ")
}

// literal is the path of a match as text; of a regular expression, what it starts with.
func literal(match *routev3.RouteMatch) string {
	switch specifier := match.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		return specifier.Prefix
	case *routev3.RouteMatch_Path:
		return specifier.Path
	default:
		expression, err := regexp.Compile(match.GetSafeRegex().GetRegex())
		if err != nil {
			return ""
		}
		prefix, _ := expression.LiteralPrefix()
		return prefix
	}
}

// common is how many characters two texts begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// alikeHosts is how many characters two hostnames end with alike, or begin with.
func alikeHosts(a, b string) int {
	reversed := func(text string) string {
		letters := []byte(text)
		slices.Reverse(letters)
		return string(letters)
	}
	return max(common(a, b), common(reversed(a), reversed(b)))
}
