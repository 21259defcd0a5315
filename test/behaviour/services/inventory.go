package services

import (
	"slices"
)

// serviceNameLabel ties an EndpointSlice to its Service.
const serviceNameLabel = "kubernetes.io/service-name"

// inventory is what a step of a case itself says about Services.
type inventory struct {
	services map[key]*service
}

// service is one Service: defined by the case, or only named.
type service struct {
	object    map[string]any   // the Service, nil when only named
	endpoints []map[string]any // its Endpoints objects
	slices    []map[string]any // its EndpointSlice objects
	named     []int            // ports that references name
	expected  bool             // some expectation says that it answers
	byDNS     bool             // some expectation is about how its name is resolved
}

// refer notes ports that a reference names.
func (s *service) refer(ports []int) {
	for _, port := range ports {
		if !slices.Contains(s.named, port) {
			s.named = append(s.named, port)
		}
	}
}

func readInventory(objects []map[string]any) *inventory {
	known := &inventory{services: map[key]*service{}}
	for _, object := range objects {
		switch {
		case isService(object):
			known.service(keyOf(object)).object = object
		case isEndpoints(object):
			s := known.service(keyOf(object))
			s.endpoints = append(s.endpoints, object)
		case isEndpointSlice(object):
			s := known.service(sliceOwner(object))
			s.slices = append(s.slices, object)
		}
	}
	return known
}

func (i *inventory) service(k key) *service {
	if i.services[k] == nil {
		i.services[k] = &service{}
	}
	return i.services[k]
}

// owns tells whether place writes the object out itself.
func (*inventory) owns(object map[string]any) bool {
	return isService(object) || isEndpoints(object) || isEndpointSlice(object)
}

func isService(o map[string]any) bool {
	return text(o, "kind") == "Service" && text(o, "apiVersion") == "v1"
}

func isEndpoints(o map[string]any) bool {
	return text(o, "kind") == "Endpoints" && text(o, "apiVersion") == "v1"
}

func isEndpointSlice(o map[string]any) bool { return text(o, "kind") == "EndpointSlice" }

func sliceOwner(object map[string]any) key {
	owner := keyOf(object)
	if name := text(child(object, "metadata", "labels"), serviceNameLabel); name != "" {
		owner.name = name
	}
	return owner
}

// port is one port of a Service and where its endpoints listen.
type port struct {
	name   string
	number int
	target int
}

// ports are those the Service object declares, or one for each that a reference names.
func (s *service) ports() []port {
	var ports []port
	if s.object == nil {
		slices.Sort(s.named)
		for _, n := range s.named {
			ports = append(ports, port{name: portName(s.named, n), number: n, target: n})
		}
		return ports
	}
	for _, p := range items(child(s.object, "spec"), "ports") {
		declared := port{name: text(p, "name"), number: integer(p["port"])}
		declared.target = integer(p["targetPort"])
		if declared.target == 0 { // unset, or the name of a container's port
			declared.target = declared.number
		}
		ports = append(ports, declared)
	}
	return ports
}

// portName: a single port needs no name, several do.
func portName(all []int, n int) string {
	if len(all) == 1 {
		return ""
	}
	return "port-" + itoa(n)
}
