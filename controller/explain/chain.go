package explain

import (
	"fmt"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// chain is a filter chain: what handles the connections it matches. It speaks HTTP or passes bytes on.
type chain struct {
	name        string
	port        uint32
	serverNames []string
	transport   string
	// terminates is set when connections must speak TLS; requireCert when the client must show a certificate.
	terminates, requireCert bool
	// proxied is set when connections must start with a PROXY header.
	proxied bool

	http *hcmv3.HttpConnectionManager
	tcp  *tcpproxyv3.TcpProxy
	// formulas are the headers that are set before routing.
	formulas []formula
}

func newChain(l *listener, message *listenerv3.FilterChain) (*chain, error) {
	c := &chain{
		name:        message.Name,
		port:        l.port,
		serverNames: message.GetFilterChainMatch().GetServerNames(),
		transport:   message.GetFilterChainMatch().GetTransportProtocol(),
		terminates:  message.TransportSocket != nil,
		proxied:     l.proxied,
	}
	context := &tlsv3.DownstreamTlsContext{}
	if config := message.GetTransportSocket().GetTypedConfig(); config.MessageIs(context) {
		if err := config.UnmarshalTo(context); err != nil {
			return nil, err
		}
		c.requireCert = context.GetRequireClientCertificate().GetValue()
	}
	for _, filter := range message.Filters {
		config, err := filter.GetTypedConfig().UnmarshalNew()
		if err != nil {
			return nil, err
		}
		switch config := config.(type) {
		case *hcmv3.HttpConnectionManager:
			c.http = config
			if c.formulas, err = newFormulas(config); err != nil {
				return nil, err
			}
		case *tcpproxyv3.TcpProxy:
			c.tcp = config
		}
	}
	if c.http == nil && c.tcp == nil {
		return nil, fmt.Errorf("it has neither an HTTP connection manager nor a TCP proxy")
	}
	return c, nil
}

// rank says how well a chain's server names fit one: whole above *.suffix, a longer suffix above a shorter one, and no
// condition below all; negative when they do not. A wildcard stands for one label or more.
func (c *chain) rank(serverName string) int {
	if len(c.serverNames) == 0 {
		return 0
	}
	best := -1
	for _, name := range c.serverNames {
		suffix, wildcard := strings.CutPrefix(strings.ToLower(name), "*")
		switch {
		case !wildcard && suffix == serverName:
			return len(serverName) + 1
		case wildcard && len(serverName) > len(suffix) && strings.HasSuffix(serverName, suffix):
			best = max(best, len(suffix))
		}
	}
	return best
}

// refuses says why a connection that the chain was chosen for comes to nothing.
func (c *chain) refuses(r Request) string {
	switch {
	case c.terminates && !r.TLS:
		return fmt.Sprintf("port %d takes TLS only", c.port)
	case !c.terminates && r.TLS && c.http != nil:
		return fmt.Sprintf("port %d does not take TLS", c.port)
	}
	return ""
}

// filterNotes name the HTTP filters that may answer in place of a route.
var filterNotes = []struct{ filter, note string }{
	{"envoy.filters.http.ext_authz", "an AuthService is asked and may refuse the request, or change what it is routed by"},
	{"envoy.filters.http.ratelimit", "a RateLimitService is asked and may refuse the request"},
	{"envoy.filters.http.rbac", "the Module's ip_allow or ip_deny may refuse the client"},
	{"envoy.filters.http.lua", "the Module's lua_scripts run and may answer or change the request"},
}

// notes name what else has a say in the answer.
func (c *chain) notes() []string {
	var notes []string
	if c.proxied {
		notes = append(notes, "the connection must start with a PROXY header, or it is closed")
	}
	if c.requireCert {
		notes = append(notes, "the client must show a certificate that the Host's CA signed, or the connection is closed")
	}
	for _, known := range filterNotes {
		if c.hasFilter(known.filter) {
			notes = append(notes, known.note)
		}
	}
	return notes
}

func (c *chain) hasFilter(name string) bool {
	return slices.ContainsFunc(c.http.GetHttpFilters(), func(f *hcmv3.HttpFilter) bool { return f.Name == name })
}

// denies reports whether the filter that stands in for a misconfigured AuthService refuses a request: it lets only the
// probes through.
func (c *chain) denies(r *received) bool {
	return c.hasFilter("emissary.auth.deny") && r.path != "/ambassador/v0/check_alive" && r.path != "/ambassador/v0/check_ready"
}
