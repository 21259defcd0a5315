// Package backend owns the echoing upstream of the behaviour suite. One server listens on every address
// the case's Services have and answers HTTP/1.1, cleartext HTTP/2, both over TLS, and Upgrade requests on
// each of them; the answer says which backend it came from and what that backend saw.
package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// ProbeHeader carries the probe's id, by which everything that one request caused can be found again:
// retries, mirrored copies, and answers that have no body.
const ProbeHeader = "X-Behaviour-Probe"

// Server is the set of backends of one case.
type Server struct {
	identities map[netip.AddrPort][]string
	journal    *Journal
	tls        *tls.Config
	http       *http.Server
	conns      *handover
	listeners  []net.Listener
	running    sync.WaitGroup
}

// Start listens on every address of identities, which names the backends that live there: several where
// Services share an endpoint. It fails if any address cannot be bound.
func Start(identities map[netip.AddrPort][]string) (*Server, error) {
	certificate, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("making the backends' certificate: %w", err)
	}
	s := &Server{
		identities: identities,
		journal:    newJournal(),
		conns:      newHandover(),
		tls: &tls.Config{
			Certificates: []tls.Certificate{*certificate},
			NextProtos:   []string{"h2", "http/1.1"},
			MinVersion:   tls.VersionTLS10, // whatever the gateway offers is what the probe wants to see
			ClientAuth:   tls.RequestClientCert,
		},
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	// Connections are handed over after TLS, so HTTP/2 always looks like prior knowledge here. That also
	// serves gateways which speak HTTP/2 over TLS without negotiating it.
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:     s.handler(),
		Protocols:   protocols,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return withConn(ctx, c) },
		ErrorLog:    log.New(io.Discard, "", 0), // refused handshakes are what some probes are about
	}
	for address := range identities {
		l, err := net.Listen("tcp", address.String())
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("backend %v cannot listen on %s: %w", identities[address], address, err)
		}
		s.listeners = append(s.listeners, l)
		s.running.Go(func() { s.accept(l) })
	}
	s.running.Go(func() { _ = s.http.Serve(s.conns) })
	return s, nil
}

// Journal is what the backends saw.
func (s *Server) Journal() *Journal { return s.journal }

// Close stops all backends and waits for them.
func (s *Server) Close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
	_ = s.http.Close()
	s.running.Wait()
}

func (s *Server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		// The first bytes decide between TLS and cleartext, and a client may be slow to send them.
		go s.welcome(conn)
	}
}

func (s *Server) welcome(raw net.Conn) {
	conn, err := decrypt(raw, s.tls)
	if err != nil {
		_ = raw.Close()
		return
	}
	if !s.conns.offer(conn) {
		_ = conn.Close()
	}
}
