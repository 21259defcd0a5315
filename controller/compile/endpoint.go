package compile

import (
	"slices"
	"strconv"
	"strings"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"terraform-provider-emissary/controller/store"
)

// endpoints makes the EDS resource of a Service's port once and returns its name. Clusters that differ in anything but
// the port share it.
func (c *Compiler) endpoints(namespace, name string, service serviceName) string {
	resource := "k8s/" + namespace + "/" + name + "/" + strconv.FormatUint(uint64(service.port), 10)
	if c.clusters.assigned[resource] == nil {
		key := serviceKey{namespace, name}
		made := &assignment{name: resource, service: key, port: service.port}
		made.message = endpoints(c.store, resource, namespace, name, service.port)
		c.clusters.assigned[resource] = made
		c.clusters.assignedTo[key] = append(c.clusters.assignedTo[key], made)
		c.delta.change(ResourceID{EndpointType, resource}, made.message)
	}
	return resource
}

// endpoints builds the load assignment of one port of a Service from its EndpointSlices. Endpoints that are ready take
// requests; when there is none, those that still serve while terminating do. A Service or port that does not exist has
// no endpoints, and Envoy answers 503.
func endpoints(s *store.Store, resource, namespace, name string, port uint32) *endpointv3.ClusterLoadAssignment {
	target := targetPort(s.Service(namespace, name), port)
	var ready, draining []*endpointv3.LbEndpoint
	seen := map[string]bool{}
	for _, slice := range s.EndpointSlices(namespace, name) {
		number, ok := target.in(slice)
		if !ok || slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if len(endpoint.Addresses) == 0 {
				continue
			}
			address := endpoint.Addresses[0]
			switch {
			// The API server lets no other address in. A file may: Envoy would refuse all endpoints for it.
			case seen[address] || !isAddress(address):
				continue
			case valueOr(endpoint.Conditions.Ready, true):
				ready = append(ready, lbEndpoint(address, number, name+"."+namespace))
			case valueOr(endpoint.Conditions.Serving, false):
				draining = append(draining, lbEndpoint(address, number, name+"."+namespace))
			default:
				continue
			}
			seen[address] = true
		}
	}
	if len(ready) == 0 {
		ready = draining
	}
	slices.SortFunc(ready, func(a, b *endpointv3.LbEndpoint) int { return strings.Compare(addressOf(a), addressOf(b)) })
	assignment := &endpointv3.ClusterLoadAssignment{ClusterName: resource}
	if len(ready) > 0 {
		assignment.Endpoints = []*endpointv3.LocalityLbEndpoints{{LbEndpoints: ready}}
	}
	return assignment
}

func addressOf(endpoint *endpointv3.LbEndpoint) string {
	return endpoint.GetEndpoint().GetAddress().GetSocketAddress().GetAddress()
}

// endpointPort says which port of an EndpointSlice a port of a Service is.
type endpointPort struct {
	// name is that of the Service's port, under which slices list it.
	name  string
	named bool
	// number is used as it is when the Service does not know the port.
	number int32
}

// targetPort finds the port of a Service by its number or by the number it maps to.
func targetPort(service *corev1.Service, port uint32) endpointPort {
	if service != nil {
		for _, p := range service.Spec.Ports {
			if uint32(p.Port) == port {
				return endpointPort{name: p.Name, named: true}
			}
		}
		for _, p := range service.Spec.Ports {
			if uint32(p.TargetPort.IntVal) == port {
				return endpointPort{name: p.Name, named: true}
			}
		}
	}
	return endpointPort{number: int32(port)}
}

// in returns the number of the port in one slice.
func (p endpointPort) in(slice *discoveryv1.EndpointSlice) (number uint32, ok bool) {
	for _, port := range slice.Ports {
		if port.Port == nil || *port.Port < 1 || *port.Port > 65535 {
			continue
		}
		if p.named && valueOr(port.Name, "") == p.name || !p.named && *port.Port == p.number {
			return uint32(*port.Port), true
		}
	}
	return 0, false
}
