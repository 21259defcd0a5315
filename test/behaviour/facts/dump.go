// Package facts reads what Envoy was really given from its admin interface, finds the route and the
// cluster that a request takes, and states them as the facts a behaviour case expects. Facts are compared
// by meaning, so that two ways to write the same thing in Envoy's API are equal.
package facts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// object is a message of Envoy's API as its admin interface prints it: fields under their proto names,
// defaults left out. It stays untyped so that any extension can be read.
type object = map[string]any

// Dump is the configuration of one Envoy at one moment.
type Dump struct {
	listeners []object
	routes    map[string]object // route configurations by name
	clusters  map[string]object
	endpoints map[string][]object // load assignments' locality endpoints by cluster
}

// Fetch reads the configuration from the admin interface at "host:port".
func Fetch(ctx context.Context, admin string) (*Dump, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/config_dump?include_eds", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading Envoy's configuration: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var root object
	if err := json.NewDecoder(response.Body).Decode(&root); err != nil {
		return nil, fmt.Errorf("reading Envoy's configuration: %w", err)
	}
	return parse(root), nil
}

// Compiled reads the output of the compile command. It shows what Envoy's admin interface redacts.
func Compiled(output []byte) (*Dump, error) {
	var root object
	if err := json.Unmarshal(output, &root); err != nil {
		return nil, fmt.Errorf("reading the output of compile: %w", err)
	}
	d := newDump()
	d.listeners = list(root, "listeners")
	for _, route := range list(root, "routes") {
		d.routes[text(route, "name")] = route
	}
	for _, cluster := range list(root, "clusters") {
		d.clusters[text(cluster, "name")] = cluster
	}
	for _, assignment := range list(root, "endpoints") {
		d.endpoints[text(assignment, "cluster_name")] = list(assignment, "endpoints")
	}
	return d, nil
}

// Redacted tells whether Envoy hid any of the facts.
func Redacted(facts map[string]any) bool {
	hidden := false
	walk(facts, func(o object) {
		for _, value := range o {
			hidden = hidden || value == "[redacted]"
		}
	})
	return hidden
}

func newDump() *Dump {
	return &Dump{routes: map[string]object{}, clusters: map[string]object{}, endpoints: map[string][]object{}}
}

func parse(root object) *Dump {
	d := newDump()
	for _, config := range list(root, "configs") {
		switch kind := text(config, "@type"); {
		case strings.HasSuffix(kind, "ListenersConfigDump"):
			for _, l := range list(config, "dynamic_listeners") {
				d.listeners = append(d.listeners, at(l, "active_state", "listener"))
			}
		case strings.HasSuffix(kind, "RoutesConfigDump"):
			for _, r := range append(list(config, "dynamic_route_configs"), list(config, "static_route_configs")...) {
				route := at(r, "route_config")
				d.routes[text(route, "name")] = route
			}
		case strings.HasSuffix(kind, "ClustersConfigDump"):
			for _, c := range append(list(config, "dynamic_active_clusters"), list(config, "static_clusters")...) {
				cluster := at(c, "cluster")
				d.clusters[text(cluster, "name")] = cluster
			}
		case strings.HasSuffix(kind, "EndpointsConfigDump"):
			for _, e := range append(list(config, "dynamic_endpoint_configs"), list(config, "static_endpoint_configs")...) {
				assignment := at(e, "endpoint_config")
				d.endpoints[text(assignment, "cluster_name")] = list(assignment, "endpoints")
			}
		}
	}
	return d
}

// at follows fields down; nil where one is missing.
func at(o object, path ...string) object {
	for _, field := range path {
		o, _ = o[field].(object)
	}
	return o
}

func text(o object, field string) string {
	s, _ := o[field].(string)
	return s
}

func list(o object, field string) []object {
	items, _ := o[field].([]any)
	out := make([]object, 0, len(items))
	for _, item := range items {
		if m, ok := item.(object); ok {
			out = append(out, m)
		}
	}
	return out
}

// walk visits every object inside value, outermost first.
func walk(value any, visit func(object)) {
	switch v := value.(type) {
	case object:
		visit(v)
		for _, field := range v {
			walk(field, visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}
