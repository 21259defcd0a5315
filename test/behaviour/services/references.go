package services

import (
	"maps"
	"slices"

	"terraform-provider-emissary/test/behaviour/spec"
)

// configAnnotation carries whole Emissary objects on a Service or an Ingress.
const configAnnotation = "getambassador.io/config"

// named collects every upstream that objects and expectations name.
func named(c *spec.Case) []reference {
	var refs []reference
	for _, step := range c.Steps {
		for _, object := range step.Objects {
			refs = append(refs, namedBy(object, namespaceOf(object))...)
		}
	}
	return append(refs, expected(c)...)
}

func probes(c *spec.Case) []spec.Probe {
	var all []spec.Probe
	for _, step := range c.Steps {
		all = append(all, step.Probes...)
	}
	return all
}

// expected collects the backends that expectations name.
func expected(c *spec.Case) []reference {
	var names []string
	for _, probe := range probes(c) {
		names = append(names, string(probe.Expect.RouteTo), string(probe.Expect.MirrorTo))
		for name := range maps.Keys(probe.Expect.Weights) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var refs []reference
	for _, name := range slices.Compact(names) {
		if ref, ok := parseReference(name, c.Namespace()); ok && name != "404" {
			refs = append(refs, ref)
		}
	}
	return refs
}

// resolved collects the backends of which an expectation states how Envoy resolves their names. A Service
// that the controller knows is reached by its cluster IP, with nothing to resolve.
func resolved(c *spec.Case) []reference {
	var refs []reference
	for _, probe := range probes(c) {
		_, family := probe.Expect.Cluster["dns_family"]
		_, ttl := probe.Expect.Cluster["respect_dns_ttl"]
		if family || ttl || probe.Expect.Cluster["discovery"] == "logical_dns" {
			if ref, ok := parseReference(string(probe.Expect.RouteTo), c.Namespace()); ok {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// namedBy walks one object. Every kind keeps its upstream in a field called service, auth_service or
// (Ingress) service.name or serviceName, however deep.
func namedBy(value any, namespace string) []reference {
	var refs []reference
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			refs = append(refs, namedBy(item, namespace)...)
		}
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(v)) {
			switch field {
			case "metadata":
				refs = append(refs, annotated(v, namespace)...)
			case "status":
			case "service", "auth_service", "serviceName":
				refs = append(refs, upstream(v, field, namespace)...)
			default:
				refs = append(refs, namedBy(v[field], namespace)...)
			}
		}
	}
	return refs
}

func upstream(parent map[string]any, field, namespace string) []reference {
	switch v := parent[field].(type) {
	case string:
		if ref, ok := parseReference(v, namespace); ok {
			if ref.port == 0 {
				ref.port = integer(parent["servicePort"])
			}
			return []reference{ref}
		}
		return nil
	case map[string]any:
		name, _ := v["name"].(string)
		ref, ok := parseReference(name, namespace)
		if !ok {
			return namedBy(v, namespace)
		}
		ref.port = integer(child(v, "port")["number"])
		return []reference{ref}
	default:
		return nil
	}
}

func annotated(object map[string]any, namespace string) []reference {
	text, _ := child(object, "metadata", "annotations")[configAnnotation].(string)
	documents, err := spec.Documents([]byte(text))
	if err != nil {
		return nil // an annotation that cannot be read names nothing
	}
	var refs []reference
	for _, document := range documents {
		ns := namespace
		if own, ok := document["namespace"].(string); ok {
			ns = own
		}
		refs = append(refs, namedBy(document, ns)...)
	}
	return refs
}
