package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"terraform-provider-emissary/controller/compile"
)

// listener is an Envoy listener over TCP or, for HTTP/3, over UDP.
type listener struct {
	name     string
	port     uint32
	udp      bool
	inspects bool
	proxied  bool
	chains   []*chain
}

func newListener(message *listenerv3.Listener) (*listener, error) {
	l := &listener{
		name: message.Name,
		port: message.GetAddress().GetSocketAddress().GetPortValue(),
		udp:  message.UdpListenerConfig != nil,
	}
	for _, filter := range message.ListenerFilters {
		l.inspects = l.inspects || filter.Name == "envoy.filters.listener.tls_inspector"
		l.proxied = l.proxied || filter.Name == "envoy.filters.listener.proxy_protocol"
	}
	for _, chain := range message.FilterChains {
		c, err := newChain(l, chain)
		if err != nil {
			return nil, fmt.Errorf("filter chain %s: %w", chain.Name, err)
		}
		l.chains = append(l.chains, c)
	}
	return l, nil
}

// listenerFor finds the listener a request arrives at, or says why there is none. HTTP/3 shares the routes of the
// HTTPS Listener beside it, so that the one over TCP stands for both.
func (e *Explainer) listenerFor(r Request) (l *listener, why string) {
	var open []string
	var overTCP []*listener
	for _, l := range e.listeners {
		if !l.udp {
			overTCP = append(overTCP, l)
			open = append(open, strconv.Itoa(int(l.port)))
		}
	}
	for _, port := range r.ports() {
		if i := slices.IndexFunc(overTCP, func(l *listener) bool { return l.port == port }); i >= 0 {
			return overTCP[i], ""
		}
	}
	switch {
	case len(open) == 0:
		return nil, "no Listener is open"
	case r.Port != 0:
		return nil, fmt.Sprintf("no Listener is open on port %d; there are ports %s", r.Port, strings.Join(open, ", "))
	case len(overTCP) == 1:
		return overTCP[0], ""
	default:
		return nil, fmt.Sprintf("no Listener is open on a usual port for %s: give the port of one; there are %s", r.scheme(), strings.Join(open, ", "))
	}
}

// ports lists where a request may arrive, the likeliest first.
func (r *Request) ports() []uint32 {
	switch {
	case r.Port != 0:
		return []uint32{r.Port}
	case r.TLS:
		return []uint32{443, 8443}
	default:
		return []uint32{80, 8080}
	}
}

// describeListener names a listener and the object it was made from.
func (e *Explainer) describeListener(l *listener) *Listener {
	described := &Listener{Name: l.name, Port: l.port}
	for _, ref := range e.output.Owners[compile.ResourceID{TypeURL: compile.ListenerType, Name: l.name}] {
		if ref.Kind == "Listener" {
			object := Object(ref)
			described.Object = &object
		}
	}
	return described
}

// transport is what Envoy detects of a connection. Without the TLS inspector it detects nothing and takes every
// connection for cleartext.
func (l *listener) transport(r Request) string {
	if r.TLS && l.inspects {
		return "tls"
	}
	return "raw_buffer"
}

// chainFor chooses the filter chain of a connection: by server name, whole before *.suffix before none, and then by
// transport protocol. Like Envoy it does not go back: a server name that matches decides, even when its chains are for
// another transport.
func (l *listener) chainFor(r Request) *chain {
	serverName := ""
	if l.transport(r) == "tls" {
		serverName = strings.ToLower(r.ServerName)
	}
	best := -1
	var chains []*chain
	for _, c := range l.chains {
		switch rank := c.rank(serverName); {
		case rank < 0 || rank < best:
		case rank > best:
			best, chains = rank, []*chain{c}
		default:
			chains = append(chains, c)
		}
	}
	for _, transport := range []string{l.transport(r), ""} {
		if i := slices.IndexFunc(chains, func(c *chain) bool { return c.transport == transport }); i >= 0 {
			return chains[i]
		}
	}
	return nil
}

// whyNoChain says why a connection is closed.
func (l *listener) whyNoChain(r Request) string {
	switch {
	case !r.TLS:
		return fmt.Sprintf("port %d takes TLS only", l.port)
	case r.ServerName == "":
		return fmt.Sprintf("no Host on port %d serves TLS to clients that send no server name", l.port)
	default:
		return fmt.Sprintf("no Host on port %d serves TLS for the server name %s", l.port, r.ServerName)
	}
}
