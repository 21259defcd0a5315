package compile

import (
	"fmt"

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

// associate gives every Host the groups it serves, in route order. Groups with a plain hostname are found by it, so
// that many Hosts with Mappings of their own do not cost Hosts times Mappings.
func associate(hosts []*host, ordered []*group, loose bool) {
	byHostname := map[string][]*group{}
	var others []*group
	for _, g := range ordered {
		if plain := g.hostname != "" && !isGlob(g.hostname) && !g.hostRegex && !g.everyHost; plain && !loose {
			byHostname[g.hostname] = append(byHostname[g.hostname], g)
		} else {
			others = append(others, g)
		}
	}
	for _, h := range hosts {
		candidates := ordered
		if !isGlob(h.hostname) && !loose {
			candidates = merged(byHostname[h.hostname], others)
		}
		for _, g := range candidates {
			if h.serves(g, loose) {
				h.groups = append(h.groups, g)
			}
		}
	}
}

// merged merges two lists in route order into one.
func merged(a, b []*group) []*group {
	if len(a) == 0 {
		return b
	}
	list := make([]*group, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].rank < b[0].rank {
			list, a = append(list, a[0]), a[1:]
		} else {
			list, b = append(list, b[0]), b[1:]
		}
	}
	return append(append(list, a...), b...)
}

func isGlob(hostname string) bool {
	return hostname[0] == '*' || hostname[len(hostname)-1] == '*'
}
