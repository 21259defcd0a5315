package backend

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// startOne starts a single backend named quote.default:80 on a free loopback port.
func startOne(t *testing.T) (*Server, string) {
	t.Helper()
	address := freeAddress(t)
	server, err := Start(map[netip.AddrPort][]string{address: {"quote.default:80"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, address.String()
}

func freeAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func TestEchoOverEveryProtocol(t *testing.T) {
	t.Parallel()
	_, address := startOne(t)
	noVerify := &tls.Config{InsecureSkipVerify: true, ServerName: "quote.example"}
	tests := map[string]struct {
		scheme    string
		protocols func(*http.Protocols)
		want      Seen
	}{
		"http/1.1":          {"http", func(p *http.Protocols) { p.SetHTTP1(true) }, Seen{Protocol: "HTTP/1.1"}},
		"cleartext http/2":  {"http", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, Seen{Protocol: "HTTP/2.0"}},
		"http/1.1 over tls": {"https", func(p *http.Protocols) { p.SetHTTP1(true) }, Seen{Protocol: "HTTP/1.1", TLS: true}},
		"http/2 over tls":   {"https", func(p *http.Protocols) { p.SetHTTP2(true) }, Seen{Protocol: "HTTP/2.0", TLS: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			protocols := new(http.Protocols)
			test.protocols(protocols)
			client := &http.Client{Transport: &http.Transport{Protocols: protocols, TLSClientConfig: noVerify.Clone()}}
			t.Cleanup(client.CloseIdleConnections)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, test.scheme+"://"+address+"/a/b?x=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = "example.com"
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			var got Seen
			if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if got.Protocol != test.want.Protocol || got.TLS != test.want.TLS {
				t.Errorf("protocol %s, TLS %t; want %s, %t", got.Protocol, got.TLS, test.want.Protocol, test.want.TLS)
			}
			if got.TLS && got.SNI != "quote.example" {
				t.Errorf("SNI = %q, want quote.example", got.SNI)
			}
			if got.Method != http.MethodPut || got.Host != "example.com" || got.Path != "/a/b?x=1" {
				t.Errorf("saw %s %s%s, want PUT example.com/a/b?x=1", got.Method, got.Host, got.Path)
			}
			if len(got.Backends) != 1 || got.Backends[0] != "quote.default:80" || got.Endpoint != address {
				t.Errorf("answered as %v at %s, want quote.default:80 at %s", got.Backends, got.Endpoint, address)
			}
		})
	}
}

func TestEchoObeysTheRequest(t *testing.T) {
	t.Parallel()
	server, address := startOne(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/?resp.zoo=Zoo", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Kat-Req-Http-Requested-Status", "503")
	request.Header.Set("Kat-Req-Http-Requested-Header", "X-One, X-Two")
	request.Header.Set("Kat-Req-Http-Requested-Backend-Delay", "30")
	request.Header.Set("X-One", "1")
	request.Header.Set("X-Two", "2")
	request.Header.Set(ProbeHeader, "p1")
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status = %d, want 503", response.StatusCode)
	}
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("answered after %s, want a delay of 30ms", took)
	}
	for name, want := range map[string]string{"X-One": "1", "X-Two": "2", "Zoo": "Zoo"} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("response header %s = %q, want %q", name, got, want)
		}
	}
	if seen := server.Journal().Of("p1"); len(seen) != 1 {
		t.Errorf("journal has %d requests of the probe, want 1", len(seen))
	}
	if server.Journal().Await("p1", 10*time.Millisecond, func(s *Seen) bool { return s.Host == "elsewhere" }) {
		t.Error("Await found a request that was never made")
	}
}

func TestUpgradeEchoesFrames(t *testing.T) {
	t.Parallel()
	_, address := startOne(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// The key and its answer are the example of RFC 6455 section 1.3.
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status = %d, want 101", response.StatusCode)
	}
	if got, want := response.Header.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; got != want {
		t.Errorf("Sec-WebSocket-Accept = %q, want %q", got, want)
	}
	fmt.Fprint(conn, "frame")
	got := make([]byte, 5)
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != "frame" {
		t.Errorf("echoed %q (%v), want frame", got, err)
	}
}

func TestGRPCServices(t *testing.T) {
	t.Parallel()
	server, address := startOne(t)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	check := func(headers map[string]string) *authv3.CheckResponse {
		t.Helper()
		answer, err := authv3.NewAuthorizationClient(conn).Check(context.Background(), &authv3.CheckRequest{
			Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
				Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/x", Headers: headers},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if got := check(map[string]string{"x-behaviour-probe": "g1"}); got.GetOkResponse() == nil {
		t.Errorf("a plain request was denied: %v", got)
	}
	if len(server.Journal().Of("g1")) != 1 {
		t.Error("the check is not in the journal")
	}
	denied := check(map[string]string{"kat-req-extauth-requested-status": "401"}).GetDeniedResponse()
	if denied.GetStatus().GetCode() != 401 {
		t.Errorf("denied with %v, want 401", denied)
	}

	limits := ratelimitv3.NewRateLimitServiceClient(conn)
	for value, want := range map[string]ratelimitv3.RateLimitResponse_Code{
		"fine": ratelimitv3.RateLimitResponse_OK, "over-limit": ratelimitv3.RateLimitResponse_OVER_LIMIT,
	} {
		answer, err := limits.ShouldRateLimit(t.Context(), &ratelimitv3.RateLimitRequest{
			Descriptors: []*commonv3.RateLimitDescriptor{{Entries: []*commonv3.RateLimitDescriptor_Entry{{Key: "k", Value: value}}}},
		})
		if err != nil || answer.GetOverallCode() != want {
			t.Errorf("%s: %v (%v), want %v", value, answer.GetOverallCode(), err, want)
		}
	}
}
