package explain

import (
	"net/textproto"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// received is a request as routes see it, after the HTTP connection manager.
type received struct {
	// host is :authority, without its port where the Module strips it.
	host   string
	method string
	// path has the query in it.
	path   string
	scheme string
	// headers are the values of each header, by its name in lower case.
	headers map[string][]string

	expressions *expressions
}

const forwardedProto = "x-forwarded-proto"

// receive does what the HTTP connection manager does to a request before it is routed, or says how it refuses it.
func (e *Explainer) receive(c *chain, r Request) (*received, *Outcome) {
	refuse := func(why string) (*received, *Outcome) {
		return nil, &Outcome{Share: 100, Action: Respond, Status: 400, Why: why}
	}
	m := c.http
	s := &received{host: r.Host, method: r.method(), headers: map[string][]string{}, expressions: &e.expressions}
	underscores := m.GetCommonHttpProtocolOptions().GetHeadersWithUnderscoresAction()
	for name, values := range r.Headers {
		if strings.Contains(name, "_") {
			switch underscores {
			case corev3.HttpProtocolOptions_REJECT_REQUEST:
				return refuse("the Module refuses headers with underscores in their names")
			case corev3.HttpProtocolOptions_DROP_HEADER:
				continue
			}
		}
		s.addHeader(name, values)
	}
	if m.StripMatchingHostPort && s.method != "CONNECT" {
		s.host = withoutPort(s.host, c.port)
	}
	s.forward(m, r.TLS)
	path, why := normalize(m, r.Path)
	if why != "" {
		return refuse(why)
	}
	s.path = path
	for i := range c.formulas {
		c.formulas[i].apply(s, s.host)
	}
	return s, nil
}

// asSent is a request as routes would see it if nothing changed it on the way.
func (e *Explainer) asSent(r Request) *received {
	s := &received{host: r.Host, method: r.method(), path: r.Path, headers: map[string][]string{}, expressions: &e.expressions}
	for name, values := range r.Headers {
		s.addHeader(name, values)
	}
	s.forward(&hcmv3.HttpConnectionManager{}, r.TLS)
	return s
}

func (s *received) addHeader(name string, values []string) {
	name = strings.ToLower(name)
	for _, value := range values {
		s.headers[name] = append(s.headers[name], textproto.TrimString(value))
	}
}

// forward settles x-forwarded-proto, which tells secure requests from others, and the scheme. What a client says about
// it counts only when it is a trusted proxy: when the Module does not use the remote address, or when the Listener's
// l7Depth counts proxies in front.
func (s *received) forward(m *hcmv3.HttpConnectionManager, tls bool) {
	s.scheme = "http"
	if tls {
		s.scheme = "https"
	}
	claimed := strings.Join(s.headers[forwardedProto], ",")
	trusted := !m.GetUseRemoteAddress().GetValue() || m.XffNumTrustedHops > 0
	if claimed == "" || !trusted {
		claimed = s.scheme
	}
	s.headers[forwardedProto] = []string{claimed}
	if scheme := strings.ToLower(claimed); scheme == "http" || scheme == "https" {
		s.scheme = scheme
	}
}

// header is the values of a header as matchers see it; nil when it is absent. A matcher for "host" means :authority.
func (s *received) header(name string) []string {
	switch name = strings.ToLower(name); name {
	case ":authority", "host":
		return []string{s.host}
	case ":method":
		return []string{s.method}
	case ":path":
		return []string{s.path}
	case ":scheme":
		return []string{s.scheme}
	default:
		return s.headers[name]
	}
}

// upgrade is the protocol the client wants to go on with; empty when it does not ask.
func (s *received) upgrade() string {
	for _, option := range strings.Split(strings.Join(s.headers["connection"], ","), ",") {
		if strings.EqualFold(strings.TrimSpace(option), "upgrade") {
			return strings.Join(s.headers["upgrade"], ",")
		}
	}
	return ""
}

// pathOnly is the path without the query.
func (s *received) pathOnly() string {
	path, _, _ := strings.Cut(s.path, "?")
	return path
}

// query is the value of a query parameter; nil when it is absent. Envoy does not decode it, and of several of one name it
// looks at the first.
func (s *received) query(name string) []string {
	_, query, _ := strings.Cut(s.path, "?")
	for _, parameter := range strings.Split(query, "&") {
		if key, value, _ := strings.Cut(parameter, "="); key == name && parameter != "" {
			return []string{value}
		}
	}
	return nil
}

// withoutPort cuts a port off a host when it is that of the listener.
func withoutPort(host string, port uint32) string {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	number, err := strconv.ParseUint(host[colon+1:], 10, 32)
	if err != nil || uint32(number) != port {
		return host
	}
	return host[:colon]
}
