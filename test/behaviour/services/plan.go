// Package services plays the part of a cluster's service machinery for one case. It finds every upstream
// the manifests name, gives each Service a cluster IP and endpoints unless the case has its own, mirrors
// Endpoints into EndpointSlices, and says which backend must listen where.
package services

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"terraform-provider-emissary/test/behaviour/spec"
)

// Options say which addresses a plan may use.
type Options struct {
	// Range is where Services and endpoints without an address get one.
	Range netip.Prefix
	// Literal allows the addresses that the case writes out to be used as they are. Otherwise each is
	// replaced, wherever it stands, by one from Range, and names do not resolve.
	Literal bool
	// IPv6 gives names that are left to DNS an IPv6 address too.
	IPv6 bool
	// HealthPort is where the controller takes its own pages to be on the loopback address. A backend
	// stands in for them under their usual name, 127.0.0.1:8877, so that a probe can tell that it was led
	// there.
	HealthPort int
}

// Plan is what the controller is given and what must listen for it.
type Plan struct {
	// Steps are the objects of each step of the case, completed by what a cluster would have added.
	Steps [][]map[string]any
	// Backends are the names of the backends at each address.
	Backends map[netip.AddrPort][]string
	// Names are host names that must resolve, for upstreams that are reached by DNS.
	Names map[string][]netip.Addr
	// Outside lists the names that no controller can find in the objects: only DNS leads to them.
	Outside []string

	options    Options
	controller string // namespace
	next       netip.Addr
	allocated  map[string]netip.Addr // by what they are for
	replaced   map[netip.Addr]netip.Addr
}

// reserved are ports of the controller and its Envoy on the loopback address; a Mapping to one of them means
// the real thing, or its stand-in.
var reserved = map[int]bool{8001: true, 8003: true, 8006: true, 8877: true}

// New plans the cluster around a case. What any step names exists in all of them, at the same address.
func New(c *spec.Case, o Options) (*Plan, error) {
	p := &Plan{
		Backends:   map[netip.AddrPort][]string{},
		Names:      map[string][]netip.Addr{},
		options:    o,
		controller: c.Namespace(),
		next:       o.Range.Masked().Addr(),
		allocated:  map[string]netip.Addr{},
		replaced:   map[netip.Addr]netip.Addr{},
	}
	p.listen(netip.AddrFrom4([4]byte{127, 0, 0, 1}), o.HealthPort, "127.0.0.1:8877")
	for _, step := range c.Steps {
		p.Steps = append(p.Steps, nil)
		if err := p.plan(c, step.Objects); err != nil {
			return nil, err
		}
	}
	p.substitute()
	return p, nil
}

// plan completes the objects of one step.
func (p *Plan) plan(c *spec.Case, objects []map[string]any) error {
	known := readInventory(objects)
	for _, ref := range named(c) {
		if err := p.refer(ref, known); err != nil {
			return err
		}
	}
	for _, ref := range expected(c) {
		if keys := ref.services(p.controller); keys != nil {
			known.service(keys[0]).expected = true
		}
	}
	for _, ref := range resolved(c) {
		if keys := ref.services(p.controller); keys != nil {
			known.service(keys[0]).byDNS = p.options.Literal
		}
	}
	for _, object := range objects {
		if !known.owns(object) {
			p.add(object)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(known.services), compareKeys) {
		if err := p.place(k, known.services[k]); err != nil {
			return fmt.Errorf("service %s.%s: %w", k.name, k.namespace, err)
		}
	}
	return nil
}

// add writes an object out in the step that is being planned.
func (p *Plan) add(object map[string]any) {
	last := len(p.Steps) - 1
	p.Steps[last] = append(p.Steps[last], object)
}

// Endpoint gives the address at which an "ip:port" written in the case is really found.
func (p *Plan) Endpoint(written string) string {
	address, err := netip.ParseAddrPort(written)
	if err != nil {
		return written
	}
	return netip.AddrPortFrom(p.actual(address.Addr()), address.Port()).String()
}

// refer makes sure that a named upstream exists.
func (p *Plan) refer(ref reference, known *inventory) error {
	if a, ok := ref.address(); ok {
		for _, port := range ref.ports() {
			if a.IsLoopback() && reserved[port] {
				continue
			}
			p.listen(a, port, Canonical(fmt.Sprintf("%s:%d", ref.host, port), p.controller))
		}
		return nil
	}
	keys := ref.services(p.controller)
	for _, k := range keys {
		known.service(k).refer(ref.ports())
	}
	if keys != nil {
		return nil
	}
	return p.external(ref.host, ref.ports(), func(port int) string { return fmt.Sprintf("%s:%d", ref.host, port) })
}

// external gives a DNS name outside the cluster an address and backends.
func (p *Plan) external(host string, ports []int, identity func(port int) string) error {
	address, err := p.allocate(host)
	if err != nil {
		return err
	}
	if p.Names[host] == nil {
		p.Outside = append(p.Outside, host)
	}
	p.resolve(host, address)
	for _, port := range ports {
		p.listen(address, port, identity(port))
	}
	return nil
}

// resolve makes a name lead to an address, beside those it leads to already.
func (p *Plan) resolve(name string, address netip.Addr) {
	if !slices.Contains(p.Names[name], address) {
		p.Names[name] = append(p.Names[name], address)
	}
}

// ports are where a reference may be reached: without a port of its own it depends on TLS, and both
// answer so that the wrong choice shows as the wrong backend instead of as an error.
func (r reference) ports() []int {
	if r.port != 0 {
		return []int{r.port}
	}
	return []int{80, 443}
}

func (p *Plan) listen(a netip.Addr, port int, identity string) {
	at := netip.AddrPortFrom(p.actual(a), uint16(port))
	if !slices.Contains(p.Backends[at], identity) {
		p.Backends[at] = append(p.Backends[at], identity)
	}
}

// actual is the address that stands for one the case wrote out.
func (p *Plan) actual(a netip.Addr) netip.Addr {
	if p.options.Literal || a.IsLoopback() {
		return a
	}
	if _, ok := p.replaced[a]; !ok {
		stand, err := p.allocate(a.String())
		if err != nil {
			return a
		}
		p.replaced[a] = stand
	}
	return p.replaced[a]
}

// allocate gives an address for a purpose; the same one each time.
func (p *Plan) allocate(purpose string) (netip.Addr, error) {
	if address, ok := p.allocated[purpose]; ok {
		return address, nil
	}
	p.next = p.next.Next()
	if !p.options.Range.Contains(p.next) {
		return netip.Addr{}, fmt.Errorf("the range %s has no address left", p.options.Range)
	}
	p.allocated[purpose] = p.next
	return p.next, nil
}

// substitute writes the replacements into the objects.
func (p *Plan) substitute() {
	if len(p.replaced) == 0 {
		return
	}
	pairs := make([]string, 0, 2*len(p.replaced))
	// Longest first, so that 10.0.0.1 does not break 10.0.0.12.
	for _, a := range slices.SortedFunc(maps.Keys(p.replaced), func(a, b netip.Addr) int {
		return len(b.String()) - len(a.String())
	}) {
		pairs = append(pairs, a.String(), p.replaced[a].String())
	}
	replacer := strings.NewReplacer(pairs...)
	for _, step := range p.Steps {
		for i, object := range step {
			step[i], _ = rewrite(object, replacer).(map[string]any)
		}
	}
}

func rewrite(value any, replacer *strings.Replacer) any {
	switch v := value.(type) {
	case string:
		return replacer.Replace(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = rewrite(item, replacer)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for field, item := range v {
			out[field] = rewrite(item, replacer)
		}
		return out
	default:
		return value
	}
}

func compareKeys(a, b key) int {
	if c := strings.Compare(a.namespace, b.namespace); c != 0 {
		return c
	}
	return strings.Compare(a.name, b.name)
}
