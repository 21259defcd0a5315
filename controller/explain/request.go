package explain

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Request is what a client sends.
type Request struct {
	// Port of the Listener the connection arrives at. 0 finds it: the default port of the scheme, the port that the
	// ingress charts map it to (8080 or 8443), or the only Listener there is.
	Port uint32 `json:"port,omitempty"`
	// TLS is whether the connection speaks it.
	TLS bool `json:"tls"`
	// ServerName is the TLS server name (SNI); empty when none is sent.
	ServerName string `json:"server_name,omitempty"`
	// Host is the Host header, or :authority, with its port if it has one.
	Host string `json:"host"`
	// Method is GET when it is empty.
	Method string `json:"method"`
	// Path starts with "/" and has the query in it.
	Path string `json:"path"`
	// Headers by name, in any case. Host is not one of them.
	Headers map[string][]string `json:"headers,omitempty"`
}

// NewRequest reads a URL as a client does: its scheme decides about TLS, its host becomes the Host header and the TLS
// server name, and its port, where it has one, is that of the Listener. The fragment stays with the client.
func NewRequest(method, rawURL string) (Request, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return Request{}, fmt.Errorf("the URL cannot be read: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return Request{}, fmt.Errorf("URL %q: the scheme is %q: write http:// or https://", rawURL, u.Scheme)
	case u.Hostname() == "":
		return Request{}, fmt.Errorf("URL %q has no host", rawURL)
	}
	r := Request{TLS: u.Scheme == "https", Host: u.Host, Method: method, Path: pathOf(rawURL)}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return Request{}, fmt.Errorf("URL %q: port %s is out of range: give 1 to 65535", rawURL, text)
		}
		r.Port = uint32(port)
		if r.Port == defaultPort(r.TLS) {
			r.Host = strings.TrimSuffix(r.Host, ":"+text) // as clients do (RFC 9110 section 4.2.3)
		}
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && r.TLS {
		r.ServerName = u.Hostname() // an address is never sent as server name (RFC 6066 section 3)
	}
	return r, r.check()
}

// pathOf cuts path and query out of a URL as they are written: url.Parse would decode them.
func pathOf(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	rest, _, _ = strings.Cut(rest, "#")
	start := strings.IndexAny(rest, "/?")
	switch {
	case start < 0:
		return "/"
	case rest[start] == '?':
		return "/" + rest[start:]
	default:
		return rest[start:]
	}
}

func defaultPort(tls bool) uint32 {
	if tls {
		return 443
	}
	return 80
}

func (r *Request) scheme() string {
	if r.TLS {
		return "https"
	}
	return "http"
}

func (r *Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// URL is the request's, for people to read.
func (r *Request) URL() string {
	host := r.Host
	if host == "" {
		host = net.JoinHostPort("", strconv.Itoa(int(r.Port)))
	}
	return r.scheme() + "://" + host + r.Path
}

// check refuses what no client can send, or Envoy's codec never lets through.
func (r *Request) check() error {
	if !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("path %q must start with /", r.Path)
	}
	if strings.ContainsFunc(r.Path, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		return fmt.Errorf("path %q has a character that no path has: percent-encode it", r.Path)
	}
	if strings.ContainsFunc(r.Host, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '/' }) {
		return fmt.Errorf("host %q is none: write name or name:port, international names in their ASCII form (xn--…)", r.Host)
	}
	if !isToken(r.method()) {
		return fmt.Errorf("method %q is none", r.Method)
	}
	for name := range r.Headers {
		if !isToken(name) {
			return fmt.Errorf("header name %q is none: letters, digits and - are allowed", name)
		}
	}
	return nil
}

// isToken reports whether a text can be a method or a header name (RFC 9110 section 5.6.2).
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}
