package compile

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/crds/v3alpha1"
)

// filterChains builds what handles the connections of a Listener: one chain for each server name that Hosts terminate
// TLS for, with routes of its own, and one for cleartext with the routes of all Hosts.
func (c *Compiler) filterChains(l *listener) []*listenerv3.FilterChain {
	chains := c.tcpChains(l)
	if !l.http {
		return chains
	}
	taken := map[string]bool{}
	for _, chain := range chains {
		taken[chain.Name] = true
	}
	if l.tls {
		for _, sni := range c.serverNames(l) {
			if taken["tcp/"+sni.name] {
				c.yieldToTCP(sni.hosts, l)
				continue
			}
			chains = append(chains, c.httpsChain(l, sni))
		}
	}
	if taken["tcp"] {
		c.yieldToTCP(l.hosts, l)
	} else if chain := c.cleartextChain(l); chain != nil {
		chains = append(chains, chain)
	}
	return chains
}

// yieldToTCP tells Hosts that a TCPMapping took their connections, as it does in Emissary.
func (c *Compiler) yieldToTCP(hosts []*host, l *listener) {
	for _, h := range hosts {
		h.report.warn(ReasonConflict, "a TCPMapping for port %d takes connections that this Host would serve", l.port)
	}
}

// serverName is a TLS server name and the Hosts behind it. Hosts share one when they differ by port only.
type serverName struct {
	name  string
	hosts []*host
}

// serverNames sorts the Hosts that terminate TLS by server name, in the order of their hostnames.
func (c *Compiler) serverNames(l *listener) []*serverName {
	byName := map[string]*serverName{}
	var names []*serverName
	for _, h := range l.hosts {
		if h.tls == nil || h.closed {
			continue
		}
		name := hostWithoutPort(h.hostname)
		if !isServerName(name) {
			h.report.unserved(ReasonInvalid, "HTTPS cannot be served for %s: a TLS server name is matched whole or by *.suffix; "+
				"use such a hostname", h.hostname)
			continue
		}
		sni := byName[name]
		if sni == nil {
			sni = &serverName{name: name}
			byName[name] = sni
			names = append(names, sni)
		} else if first := sni.hosts[0]; !first.tls.same(h.tls) {
			h.report.unserved(ReasonConflict, "%s serves the TLS server name %s with another certificate or other settings", first.ref, name)
			continue
		}
		sni.hosts = append(sni.hosts, h)
	}
	return names
}

// isServerName reports whether Envoy can choose a filter chain by a TLS server name: any, a whole one, or *.suffix.
func isServerName(name string) bool {
	return name == "*" || name != "" && !strings.Contains(strings.TrimPrefix(name, "*."), "*")
}

// httpsChain terminates TLS for one server name.
func (c *Compiler) httpsChain(l *listener, sni *serverName) *listenerv3.FilterChain {
	routes := c.newTable(l, l.name+"/https/"+sni.name, sni.hosts)
	match := &listenerv3.FilterChainMatch{TransportProtocol: "tls"}
	if sni.name != "*" {
		match.ServerNames = []string{sni.name}
	}
	tls := sni.hosts[0].tls
	context := tls.settings.downstream(tls.certificate, tls.authority)
	socket := tlsSocket(context)
	if l.udp {
		match.TransportProtocol = "quic"
		socket = &corev3.TransportSocket{
			Name:       "envoy.transport_sockets.quic",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed(&quicv3.QuicDownstreamTransport{DownstreamTlsContext: context})},
		}
	}
	return &listenerv3.FilterChain{
		Name:             "https/" + sni.name,
		FilterChainMatch: match,
		TransportSocket:  socket,
		Filters:          []*listenerv3.Filter{networkFilter(httpConnectionManager, c.connectionManager(l, routes))},
	}
}

// takesCleartext reports whether a Host has routes, if only redirects, for connections without TLS.
func (l *listener) takesCleartext(h *host) bool {
	return !l.udp && (l.model != v3alpha1.SecurityModelInsecure || h.insecure != v3alpha1.InsecureActionReject)
}

// cleartextTable is the name of the table for connections without TLS.
func (l *listener) cleartextTable() string { return l.name + "/cleartext" }

// cleartextChain handles the connections without TLS; nil when no Host wants any.
func (c *Compiler) cleartextChain(l *listener) *listenerv3.FilterChain {
	if l.udp {
		return nil
	}
	var hosts []*host
	for _, h := range l.hosts {
		if l.takesCleartext(h) {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	routes := c.newTable(l, l.cleartextTable(), hosts)
	match := &listenerv3.FilterChainMatch{}
	if l.inspects {
		// A TLS connection for a server name that nobody serves must not end up here.
		match.TransportProtocol = "raw_buffer"
	}
	return &listenerv3.FilterChain{
		Name:             "cleartext",
		FilterChainMatch: match,
		Filters:          []*listenerv3.Filter{networkFilter(httpConnectionManager, c.connectionManager(l, routes))},
	}
}

const httpConnectionManager = "envoy.filters.network.http_connection_manager"

func networkFilter(name string, config proto.Message) *listenerv3.Filter {
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(config)}}
}
