package compile

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"terraform-provider-emissary/crds/v3alpha1"
)

// Which Mappings a Host serves, and which Hosts a Listener serves.

// serves reports whether a Host serves a group of Mappings: by hostname, by the labels its mappingSelector asks for, or
// by both where both are there. A Mapping with neither hostname nor selected labels belongs to no Host.
func (h *host) serves(g *group, loose bool) bool {
	if g.everyHost {
		return true
	}
	hasHostname := g.hostname != "" || g.hostRegex
	byHostname := g.hostRegex || g.hostname != "" && hostnamesOverlap(h.hostname, g.hostname)
	byLabels := h.selector != nil && h.selector.matches(g.labels, loose)
	switch {
	case loose:
		return byHostname || byLabels
	case h.selector != nil && hasHostname:
		return byHostname && byLabels
	case h.selector != nil:
		return byLabels
	default:
		return byHostname
	}
}

// labelSelector is the mappingSelector of a Host.
type labelSelector struct {
	labels      map[string]string
	expressions labels.Selector
}

// newLabelSelector reads a mappingSelector; nil when it selects nothing in particular, as an empty one does.
func newLabelSelector(selector *metav1.LabelSelector) (*labelSelector, error) {
	if selector == nil || selector.MatchLabels == nil && len(selector.MatchExpressions) == 0 {
		return nil, nil
	}
	expressions, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: selector.MatchExpressions})
	if err != nil {
		return nil, fmt.Errorf("mappingSelector.matchExpressions: %w", err)
	}
	return &labelSelector{labels: selector.MatchLabels, expressions: expressions}, nil
}

func (s *labelSelector) matches(set map[string]string, loose bool) bool {
	return labelsMatch(s.labels, set, loose) && s.expressions.Matches(labels.Set(set))
}

// labelsMatch reports whether labels have everything a selector asks for or, when loose, anything of it.
func labelsMatch(selector, set map[string]string, loose bool) bool {
	if len(selector) == 0 {
		return true
	}
	for name, value := range selector {
		got, has := set[name]
		if matches := has && got == value; matches == loose {
			return loose
		}
	}
	return !loose
}

// binds reports whether a Listener serves a Host: one of its own namespace unless it says ALL, with the labels it asks
// for.
func binds(binding *v3alpha1.HostBinding, listenerNamespace string, h *host, loose bool) bool {
	if binding.Namespace.From != v3alpha1.NamespaceFromAll && h.namespace != listenerNamespace {
		return false
	}
	return binding.Selector == nil || labelsMatch(binding.Selector.MatchLabels, h.labels, loose)
}

// hostIndex holds the Hosts of this install, ordered by hostname and then in load order.
type hostIndex struct {
	all []*host
	// plain are those whose hostname is no glob, by hostname, and globs the others.
	plain map[string][]*host
	globs []*host
	// selecting are those with a mappingSelector.
	selecting []*host
}

func newHostIndex(hosts []*host) *hostIndex {
	index := &hostIndex{all: hosts, plain: make(map[string][]*host, len(hosts))}
	index.number(0)
	for _, h := range hosts {
		if isGlob(h.hostname) {
			index.globs = append(index.globs, h)
		} else {
			index.plain[h.hostname] = append(index.plain[h.hostname], h)
		}
		if h.selector != nil {
			index.selecting = append(index.selecting, h)
		}
	}
	return index
}

// associate finds the Hosts of groups, which are in route order, and gives every Host the groups it serves.
func (c *Compiler) associate(ordered []*group) {
	for _, g := range ordered {
		g.hosts = c.hostsOf(g)
		for _, h := range g.hosts {
			h.groups = append(h.groups, g)
		}
	}
}

// hostsOf finds the Hosts that serve a group. Those with a plain hostname are found by it, so that many Hosts with
// Mappings of their own do not cost Hosts times Mappings.
func (c *Compiler) hostsOf(g *group) (hosts []*host) {
	loose := c.options.LooseLabelSelectors
	collect := func(candidates []*host) {
		for _, h := range candidates {
			if h.serves(g, loose) {
				hosts = append(hosts, h)
			}
		}
	}
	if loose || g.hostname == "" || isGlob(g.hostname) || g.hostRegex || g.everyHost {
		collect(c.hosts.all)
		return hosts
	}
	collect(c.hosts.plain[g.hostname])
	collect(c.hosts.globs)
	slices.SortFunc(hosts, comparePlaces)
	return hosts
}

func isGlob(hostname string) bool {
	return hostname[0] == '*' || hostname[len(hostname)-1] == '*'
}
