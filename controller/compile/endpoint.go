package compile

import (
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"terraform-provider-emissary/controller/store"
)

// servicePort is a port of a Service, by its number or the number it maps to.
type servicePort struct {
	service serviceKey
	number  uint32
}

// resource is the name of the load assignment. Clusters that differ in anything but the port share it.
func (p servicePort) resource() string {
	return "k8s/" + p.service.namespace + "/" + p.service.name + "/" + strconv.FormatUint(uint64(p.number), 10)
}

// endpoints builds the load assignment of one port of a Service from its EndpointSlices. Endpoints that are ready take
// requests; when there is none, those that still serve while terminating do. A Service or port that does not exist has
// no endpoints, and Envoy answers 503.
func endpoints(s *store.Store, assigned *assignment) *endpointv3.ClusterLoadAssignment {
	namespace, name := assigned.port.service.namespace, assigned.port.service.name
	target := targetPort(s.Service(namespace, name), assigned.port.number)
	host := name + "." + namespace
	var found []endpoint
	for _, slice := range s.EndpointSlices(namespace, name) {
		number, ok := target.in(slice)
		if !ok || slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for i := range slice.Endpoints {
			listed := &slice.Endpoints[i]
			ready := valueOr(listed.Conditions.Ready, true)
			switch {
			// The API server lets nothing but addresses in. A file may: Envoy would refuse all endpoints for it.
			case len(listed.Addresses) == 0 || !isAddress(listed.Addresses[0]):
			case ready || valueOr(listed.Conditions.Serving, false):
				found = append(found, endpoint{listed.Addresses[0], host, number, ready})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b endpoint) int { return strings.Compare(a.address, b.address) })
	found = slices.CompactFunc(found, func(a, b endpoint) bool { return a.address == b.address })
	if slices.ContainsFunc(found, func(e endpoint) bool { return e.ready }) {
		found = slices.DeleteFunc(found, func(e endpoint) bool { return !e.ready })
	}
	return loadAssignment(assigned.name, found)
}

// endpoint is where requests can be sent. Of several with one address the first one counts.
type endpoint struct {
	address string
	// hostname is what auto_host_rewrite sends.
	hostname string
	port     uint32
	// ready is unset for one that still serves while it terminates.
	ready bool
}

// loadAssignment lists endpoints for Envoy. There are many of these lists, of one endpoint as a rule: the messages of an
// endpoint are allocated together.
func loadAssignment(name string, found []endpoint) *endpointv3.ClusterLoadAssignment {
	assignment := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	if len(found) == 0 {
		return assignment
	}
	messages := make([]struct {
		endpointv3.LbEndpoint
		identifier endpointv3.LbEndpoint_Endpoint
		endpoint   endpointv3.Endpoint
		address    corev3.Address
		specifier  corev3.Address_SocketAddress
		socket     corev3.SocketAddress
		port       corev3.SocketAddress_PortValue
	}, len(found))
	list := make([]*endpointv3.LbEndpoint, len(found))
	for i := range found {
		m := &messages[i]
		m.port.PortValue = found[i].port
		m.socket.Address, m.socket.PortSpecifier = found[i].address, &m.port
		m.specifier.SocketAddress = &m.socket
		m.address.Address = &m.specifier
		m.endpoint.Hostname, m.endpoint.Address = found[i].hostname, &m.address
		m.identifier.Endpoint = &m.endpoint
		m.HostIdentifier = &m.identifier
		list[i] = &m.LbEndpoint
	}
	assignment.Endpoints = []*endpointv3.LocalityLbEndpoints{{LbEndpoints: list}}
	return assignment
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
