package services

import (
	"fmt"
	"net/netip"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// place gives one Service its addresses, writes it out, and has its backends listen.
func (p *Plan) place(k key, s *service) error {
	object := s.object
	if object == nil {
		object = newObject("v1", "Service", k, map[string]any{"spec": map[string]any{"ports": manifestPorts(s.ports())}})
	}
	spec := child(object, "spec")
	switch {
	case text(spec, "type") == "ExternalName":
		p.add(object)
		return p.placeExternal(k, s, text(spec, "externalName"))
	case text(spec, "clusterIP") == "None":
		p.add(object)
	default:
		address, err := p.clusterIP(k, spec)
		if err != nil {
			return err
		}
		if s.object != nil || !s.byDNS {
			p.add(withSpec(object, "clusterIP", address.String()))
		}
		p.serve(k, s, address)
		if s.byDNS && p.options.IPv6 {
			p.serve(k, s, overIPv6(address))
		}
	}
	return p.placeEndpoints(k, s)
}

// serve makes a Service's names and ports lead to an address.
func (p *Plan) serve(k key, s *service, address netip.Addr) {
	for _, port := range s.reachable() {
		p.listen(address, port, k.identity(port))
	}
	p.name(k, p.actual(address))
}

// overIPv6 is an address of the same Service in fd00::/8, the range for private use (RFC 4193).
func overIPv6(address netip.Addr) netip.Addr {
	v6, v4 := [16]byte{0xfd}, address.As4()
	copy(v6[12:], v4[:])
	return netip.AddrFrom16(v6)
}

// reachable are the ports that answer at the Service's own address.
func (s *service) reachable() []int {
	reachable := &service{named: s.named}
	for _, port := range s.ports() {
		reachable.refer([]int{port.number})
	}
	return reachable.named
}

func (p *Plan) clusterIP(k key, spec map[string]any) (netip.Addr, error) {
	written := text(spec, "clusterIP")
	if written == "" {
		return p.allocate("cluster IP of " + k.identity(0))
	}
	address, err := netip.ParseAddr(written)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("clusterIP %q: %w", written, err)
	}
	return address, nil
}

func (p *Plan) placeExternal(k key, s *service, host string) error {
	if address, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		if host == "localhost" {
			address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		for _, port := range s.reachable() {
			p.listen(address, port, k.identity(port))
		}
		return nil
	}
	return p.external(host, s.reachable(), k.identity)
}

// placeEndpoints keeps the endpoints a case has, and otherwise makes one where an expectation says that
// the Service answers. A Service that nothing is expected of stays without: an empty one is a case too.
func (p *Plan) placeEndpoints(k key, s *service) error {
	slices := s.slices
	for _, endpoints := range s.endpoints {
		slices = append(slices, mirrored(k, endpoints)...)
	}
	if slices == nil && s.expected && !s.byDNS {
		address, err := p.allocate("endpoint of " + k.identity(0))
		if err != nil {
			return err
		}
		slices = append(slices, newSlice(k, 0, []any{endpoint(address.String(), true)}, targetPorts(s.ports())))
	}
	headless := text(child(s.object, "spec"), "clusterIP") == "None"
	for _, slice := range slices {
		p.add(slice)
		if err := p.listenAt(k, s, slice, headless); err != nil {
			return err
		}
	}
	return nil
}

// listenAt starts the backends of one EndpointSlice under the name of the Service port they serve.
func (p *Plan) listenAt(k key, s *service, slice map[string]any, headless bool) error {
	for _, e := range items(slice, "endpoints") {
		addresses, _ := e["addresses"].([]any)
		for _, written := range addresses {
			address, err := netip.ParseAddr(fmt.Sprint(written))
			if err != nil {
				return fmt.Errorf("EndpointSlice address %v: %w", written, err)
			}
			for _, served := range items(slice, "ports") {
				number := integer(served["port"])
				identity := k.identity(s.serviceNumber(text(served, "name"), number))
				p.listen(address, number, identity)
			}
			if headless { // a headless Service's name leads to its endpoints, at the Service's own port
				p.serve(k, s, address)
			}
		}
	}
	return nil
}

// serviceNumber is the Service port that an endpoint port serves, matched as Kubernetes does: by name.
func (s *service) serviceNumber(name string, number int) int {
	for _, port := range s.ports() {
		if port.name == name {
			return port.number
		}
	}
	return number
}

// name makes the Service's names resolve, as a cluster's DNS would.
func (p *Plan) name(k key, address netip.Addr) {
	qualified := k.name + "." + k.namespace
	names := []string{qualified, qualified + ".svc", qualified + ".svc.cluster.local"}
	if k.namespace == p.controller {
		names = append(names, k.name) // the search domain of the controller's pod
	}
	for _, name := range names {
		p.resolve(name, address)
	}
}
