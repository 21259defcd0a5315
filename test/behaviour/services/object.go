package services

import (
	"maps"
	"strconv"
)

func child(object map[string]any, path ...string) map[string]any {
	for _, field := range path {
		object, _ = object[field].(map[string]any)
	}
	return object
}

func text(object map[string]any, field string) string {
	s, _ := object[field].(string)
	return s
}

// maps of a list field; anything else in the list is left out.
func items(object map[string]any, field string) []map[string]any {
	list, _ := object[field].([]any)
	var out []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// integer reads a number as YAML or JSON decode it; anything else is 0.
func integer(value any) int {
	switch v := value.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	case string:
		n, _ := strconv.Atoi(v)
		return n
	default:
		return 0
	}
}

func namespaceOf(object map[string]any) string {
	if ns := text(child(object, "metadata"), "namespace"); ns != "" {
		return ns
	}
	return "default"
}

func keyOf(object map[string]any) key {
	return key{namespaceOf(object), text(child(object, "metadata"), "name")}
}

// with returns a copy of object with one field of its spec set.
func withSpec(object map[string]any, field string, value any) map[string]any {
	out, inner := maps.Clone(object), maps.Clone(child(object, "spec"))
	if inner == nil {
		inner = map[string]any{}
	}
	inner[field] = value
	out["spec"] = inner
	return out
}

func newObject(apiVersion, kind string, k key, fields map[string]any) map[string]any {
	object := map[string]any{
		"apiVersion": apiVersion,
		"kind":       kind,
		"metadata":   map[string]any{"name": k.name, "namespace": k.namespace},
	}
	maps.Copy(object, fields)
	return object
}
