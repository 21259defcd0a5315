// Package probe owns the client half of the behaviour suite: it sends a request exactly as a case writes
// it, raw where a well-behaved HTTP client would tidy up, and compares what came back with what must.
package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/spec"
)

// patience is how long one exchange may take. It is far beyond any timeout a case sets, so that reaching
// it means that nothing is coming.
const patience = 20 * time.Second

// Client sends probes to one gateway.
type Client struct {
	// Gateway is the address the gateway's listeners are bound to.
	Gateway netip.Addr
	// Certificate is the client certificate for probes that present one; nil if the cases have none.
	Certificate *tls.Certificate
}

// Answer is what came back for one request.
type Answer struct {
	// Closed says how the connection was refused; empty if there was an answer.
	Closed string
	Status int
	Header http.Header
	// Seen is the backend's account of the request; nil when the gateway answered itself, or when the
	// answer has no body.
	Seen *backend.Seen
	// TLS is the downstream connection; nil in cleartext or when the handshake failed.
	TLS *tls.ConnectionState
}

// Send sends one request under a probe id and reads the answer. A connection that is refused or closed is
// an answer; an error means that there was none in time, or that what came back is not HTTP.
func (c *Client) Send(ctx context.Context, r *spec.Request, id string) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer := &Answer{}
	conn, err := c.connect(ctx, r, answer)
	if err != nil {
		return closedBy(answer, err)
	}
	defer func() { _ = conn.Close() }()
	if answer.TLS != nil && answer.TLS.NegotiatedProtocol == "h2" {
		err = exchangeHTTP2(ctx, conn, r, id, answer)
	} else {
		err = exchangeHTTP1(conn, r, id, answer)
	}
	if err != nil {
		return closedBy(answer, err)
	}
	return answer, nil
}

// connect dials, sends a PROXY header if there is one, and completes TLS.
func (c *Client) connect(ctx context.Context, r *spec.Request, answer *Answer) (net.Conn, error) {
	conn, err := c.dial(ctx, r)
	if err != nil {
		return nil, err
	}
	secured, err := c.secure(ctx, conn, r, answer)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

func (c *Client) dial(ctx context.Context, r *spec.Request) (net.Conn, error) {
	// The source is fixed: in a namespace where every address is local the kernel would pick the
	// destination's, and then no two listeners would see the same client.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(c.Gateway.String(), strconv.Itoa(r.ListenerPort)))
}

func (c *Client) secure(ctx context.Context, conn net.Conn, r *spec.Request, answer *Answer) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if r.ProxyProtocol != nil {
		header, err := proxyHeader(r.ProxyProtocol, conn.RemoteAddr())
		if err != nil {
			return nil, err
		}
		if _, err := conn.Write(header); err != nil {
			return nil, err
		}
	}
	if r.Scheme != "https" {
		return conn, nil
	}
	config, err := c.tlsConfig(r)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := secured.ConnectionState()
	answer.TLS = &state
	return secured, nil
}

// exchangeHTTP1 writes the request byte by byte as the case has it: net/http would clean the path and
// order the headers.
func exchangeHTTP1(conn net.Conn, r *spec.Request, id string, answer *Answer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n", method(r), path(r), r.Host, backend.ProbeHeader, id)
	for name, values := range r.Headers {
		for _, value := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	if r.Upgrade != "" {
		fmt.Fprintf(&b, "Connection: Upgrade\r\nUpgrade: %s\r\n", r.Upgrade)
		fmt.Fprint(&b, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	}
	if mayHaveBody(method(r)) {
		b.WriteString("Content-Length: 0\r\n")
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method(r)})
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return answer.read(response)
}

func method(r *spec.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

func path(r *spec.Request) string {
	if r.Path == "" {
		return "/"
	}
	return r.Path
}

// mayHaveBody: these methods need a length even when it is 0.
func mayHaveBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// closedBy turns an error of the connection into an answer. Only a timeout, or bytes that are not HTTP,
// stay errors.
func closedBy(answer *Answer, err error) (*Answer, error) {
	var network net.Error
	switch {
	case errors.Is(err, errBadProbe), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return nil, err
	case strings.Contains(err.Error(), "malformed HTTP"):
		return nil, err
	}
	answer.Closed = err.Error()
	return answer, nil
}

// errBadProbe marks a probe that cannot be sent at all.
var errBadProbe = errors.New("the probe cannot be sent")
