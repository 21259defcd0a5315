package backend

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// clientConn is an accepted connection after TLS, if there was any. It deliberately is no *tls.Conn, so
// that net/http looks for HTTP/2 by its preface instead of by ALPN.
type clientConn struct {
	net.Conn
	reader *bufio.Reader
	tls    *tls.ConnectionState // nil for cleartext
}

func (c *clientConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

func (c *clientConn) local() netip.AddrPort {
	tcp, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{} // no listener here is anything else
	}
	a := tcp.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

const tlsHandshakeRecord = 0x16

// decrypt completes the TLS handshake when the first byte announces one, and returns cleartext as it is.
func decrypt(raw net.Conn, config *tls.Config) (*clientConn, error) {
	buffered := &clientConn{Conn: raw, reader: bufio.NewReader(raw)}
	first, err := buffered.reader.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0] != tlsHandshakeRecord {
		return buffered, nil
	}
	_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
	secured := tls.Server(buffered, config)
	if err := secured.Handshake(); err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Time{})
	state := secured.ConnectionState()
	return &clientConn{Conn: secured, reader: bufio.NewReader(secured), tls: &state}, nil
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection a request came on; nil outside of a server's handler.
func connOf(ctx context.Context) *clientConn {
	c, _ := ctx.Value(connKey{}).(*clientConn)
	return c
}

// handover is the net.Listener of the HTTP server: it yields connections that are ready to be read.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// offer gives a connection to the HTTP server; false after Close.
func (h *handover) offer(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }
