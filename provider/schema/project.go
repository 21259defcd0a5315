package schema

import "terraform-provider-emissary/internal/kube"

// Project reduces a live object to what is ours: the fields that prior (the
// manifest of the state) has, and those that our field manager owns. Defaults
// of the API server and fields of other managers are left out, so they make no
// difference in a plan, while a field of ours that someone changed or removed
// does. Lists and atomic objects belong to one manager as a whole and are shown
// as a whole.
func (k *Kind) Project(prior, live map[string]any, owned kube.Ownership) map[string]any {
	root := &node{kind: objectNode, fields: []*node{
		{json: "metadata", kind: objectNode, fields: metadata.fields},
		{json: "spec", kind: objectNode, fields: k.spec.fields},
	}}
	projected := projectFields(root, prior, live, owned)
	keepEmptyMaps(prior, projected)
	return projected
}

// keepEmptyMaps restores labels = {} and annotations = {}, which the API server
// does not store.
func keepEmptyMaps(prior, projected map[string]any) {
	before, _ := prior["metadata"].(map[string]any)
	after, ok := projected["metadata"].(map[string]any)
	if !ok {
		return
	}
	for _, name := range []string{"labels", "annotations"} {
		if entries, ok := before[name].(map[string]any); ok && len(entries) == 0 && after[name] == nil {
			after[name] = entries
		}
	}
}

// Whole is a live object as an import shows it: all of its spec, and the labels
// and annotations except those that tools leave behind.
func (k *Kind) Whole(live map[string]any) map[string]any {
	meta, _ := live["metadata"].(map[string]any)
	whole := map[string]any{"name": meta["name"], "namespace": meta["namespace"]}
	if labels, ok := meta["labels"].(map[string]any); ok {
		whole["labels"] = labels
	}
	if annotations, ok := meta["annotations"].(map[string]any); ok {
		kept := map[string]any{}
		for name, value := range annotations {
			if name != "kubectl.kubernetes.io/last-applied-configuration" {
				kept[name] = value
			}
		}
		if len(kept) > 0 {
			whole["annotations"] = kept
		}
	}
	return map[string]any{"metadata": whole, "spec": live["spec"]}
}

// project is Project for one value. The node is nil where the schema is free
// form or does not matter.
func project(n *node, prior, live any, owned kube.Ownership) any {
	if n != nil && n.atomic {
		return live
	}
	liveFields, ok := live.(map[string]any)
	if !ok {
		return live
	}
	priorFields, _ := prior.(map[string]any)
	return projectFields(n, priorFields, liveFields, owned)
}

func projectFields(n *node, prior, live map[string]any, owned kube.Ownership) map[string]any {
	projected := make(map[string]any, len(prior))
	for name, value := range live {
		field := child(n, name)
		if before, ok := prior[name]; ok {
			projected[name] = project(field, before, value, owned.Child(name))
		} else if mine := owned.Child(name); mine.Any() {
			projected[name] = project(field, nil, value, mine)
		}
	}
	return projected
}

func child(n *node, name string) *node {
	switch {
	case n == nil:
		return nil
	case n.kind == objectNode:
		return n.field(name, true)
	default:
		return n.element
	}
}
