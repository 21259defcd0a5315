package backend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Seen is one request as a backend saw it. It is also the body of the answer.
type Seen struct {
	// Backends are the names of the backend that answered, "service.namespace:port"; more than one where
	// Services share an endpoint.
	Backends []string `json:"backends"`
	// Endpoint is the "ip:port" it was reached at.
	Endpoint string              `json:"endpoint"`
	Protocol string              `json:"protocol"` // HTTP/1.1 or HTTP/2.0
	Method   string              `json:"method"`
	Host     string              `json:"host"` // Host or :authority
	Path     string              `json:"path"` // with its query, as it was on the wire
	Headers  map[string][]string `json:"headers"`
	TLS      bool                `json:"tls"`
	SNI      string              `json:"sni,omitempty"`
	ALPN     string              `json:"alpn,omitempty"`
	// ClientCN is the subject of the certificate the gateway presented.
	ClientCN string `json:"client_cn,omitempty"`
}

// The request headers a backend obeys, as upstream's own test backend does.
const (
	statusHeader = "Kat-Req-Http-Requested-Status"
	copyHeader   = "Kat-Req-Http-Requested-Header"
	// responsePrefix marks query parameters that become response headers.
	responsePrefix = "resp."
)

var delayHeaders = []string{"Kat-Req-Http-Requested-Backend-Delay", "Kat-Req-Http-Backend-Delay"}

func (s *Server) handler() http.Handler {
	grpc := grpcServices(s.observe)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			grpc.ServeHTTP(w, r)
			return
		}
		s.echo(w, r)
	})
}

// observe records a request in the journal and returns what was seen.
func (s *Server) observe(r *http.Request) *Seen {
	conn := connOf(r.Context())
	local := conn.local()
	seen := &Seen{
		Backends: s.identities[local],
		Endpoint: local.String(),
		Protocol: r.Proto,
		Method:   r.Method,
		Host:     r.Host,
		Path:     r.RequestURI,
		Headers:  make(map[string][]string, len(r.Header)),
		TLS:      conn.tls != nil,
	}
	for name, values := range r.Header {
		seen.Headers[strings.ToLower(name)] = values
	}
	if conn.tls != nil {
		seen.SNI, seen.ALPN = conn.tls.ServerName, conn.tls.NegotiatedProtocol
		if len(conn.tls.PeerCertificates) > 0 {
			seen.ClientCN = conn.tls.PeerCertificates[0].Subject.CommonName
		}
	}
	s.journal.add(r.Header.Get(ProbeHeader), seen)
	return seen
}

func (s *Server) echo(w http.ResponseWriter, r *http.Request) {
	seen := s.observe(r)
	if d := delay(r.Header); d > 0 {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
	}
	respondWith(w.Header(), r)
	if protocol := r.Header.Get("Upgrade"); protocol != "" && r.ProtoMajor == 1 {
		upgrade(w, r, protocol)
		return
	}
	body, err := json.MarshalIndent(seen, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(requestedStatus(r.Header))
	_, _ = w.Write(body)
}

func requestedStatus(h http.Header) int {
	if code, err := strconv.Atoi(h.Get(statusHeader)); err == nil && code >= 200 && code <= 599 {
		return code
	}
	return http.StatusOK
}

// delay is how long to wait before answering; the headers give milliseconds.
func delay(h http.Header) time.Duration {
	for _, name := range delayHeaders {
		if ms, err := strconv.Atoi(h.Get(name)); err == nil {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// respondWith sets the response headers the request asked for: copies of its own headers, and its resp.
// query parameters.
func respondWith(out http.Header, r *http.Request) {
	for _, list := range r.Header.Values(copyHeader) {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			for _, value := range r.Header.Values(name) {
				out.Add(name, value)
			}
		}
	}
	for name, values := range r.URL.Query() {
		header, ok := strings.CutPrefix(name, responsePrefix)
		if !ok {
			continue
		}
		for _, value := range values {
			out.Add(header, value)
		}
	}
}

// upgrade completes the switch of protocols and then echoes whatever comes.
func upgrade(w http.ResponseWriter, r *http.Request, protocol string) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "this connection cannot be upgraded", http.StatusInternalServerError)
		return
	}
	headers := w.Header()
	headers.Set("Connection", "Upgrade")
	headers.Set("Upgrade", protocol)
	if key := r.Header.Get("Sec-WebSocket-Key"); key != "" {
		headers.Set("Sec-WebSocket-Accept", webSocketAccept(key))
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprint(buffered, "HTTP/1.1 101 Switching Protocols\r\n")
	_ = headers.Write(buffered)
	_, _ = fmt.Fprint(buffered, "\r\n")
	if buffered.Flush() != nil {
		return
	}
	_, _ = buffered.WriteTo(conn)
}
