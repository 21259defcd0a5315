package probe

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/spec"
)

// serve starts a backend to talk to directly, without a gateway between.
func serve(t *testing.T) (*backend.Server, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr).AddrPort()
	_ = l.Close()
	server, err := backend.Start(map[netip.AddrPort][]string{address: {"quote.default:80"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, address
}

func TestClientSendsPathsAsTheyAre(t *testing.T) {
	t.Parallel()
	server, address := serve(t)
	client := &Client{Gateway: address.Addr()}
	tests := map[string]spec.Request{
		"dots":           {Path: "/a/../b/./c"},
		"doubled slash":  {Path: "//a//b?x=/../y"},
		"escaped slash":  {Path: "/m/%2F200"},
		"over TLS":       {Path: "/a/../b", Scheme: "https"},
		"over HTTP/2":    {Path: "/a/%2f/../b?x=1", Scheme: "https", ALPN: spec.Strings{"h2"}},
		"another method": {Path: "/a", Method: "PUT"},
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request.ListenerPort, request.Host = int(address.Port()), "example.com"
			request.Headers = map[string]spec.Strings{"X-Two": {"a", "b"}}
			answer, err := client.Send(t.Context(), &request, name)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Status != 200 || answer.Seen == nil {
				t.Fatalf("answer = %s", answer)
			}
			if answer.Seen.Path != request.Path || answer.Seen.Host != "example.com" || answer.Seen.Method != method(&request) {
				t.Errorf("the backend saw %s %s%s", answer.Seen.Method, answer.Seen.Host, answer.Seen.Path)
			}
			if got := answer.Seen.Headers["x-two"]; !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("the backend saw x-two = %v", got)
			}
			if (answer.TLS != nil) != (request.Scheme == "https") {
				t.Errorf("TLS = %v over %q", answer.TLS != nil, request.Scheme)
			}
			if len(server.Journal().Of(name)) != 1 {
				t.Error("the request is not in the journal")
			}
		})
	}
}

func TestClientTellsClosedFromAnswered(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() { // accepts, and hangs up on everybody
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	address := l.Addr().(*net.TCPAddr).AddrPort()
	client := &Client{Gateway: address.Addr()}
	for _, scheme := range []string{"http", "https"} {
		answer, err := client.Send(t.Context(), &spec.Request{ListenerPort: int(address.Port()), Scheme: scheme, Host: "h"}, "p")
		if err != nil || answer.Closed == "" {
			t.Errorf("%s: answer = %v, %v; want closed", scheme, answer, err)
		}
	}
	_, err = client.Send(t.Context(), &spec.Request{ListenerPort: int(address.Port()), Scheme: "https", TLSMax: "9"}, "p")
	if err == nil || !strings.Contains(err.Error(), "want v1.0, v1.1, v1.2 or v1.3") {
		t.Errorf("error = %v, want one about the TLS version", err)
	}
}

func TestUpgradeAndSample(t *testing.T) {
	t.Parallel()
	server, address := serve(t)
	client := &Client{Gateway: address.Addr()}
	request := &spec.Request{ListenerPort: int(address.Port()), Host: "h", Path: "/ws", Upgrade: "websocket"}
	answer, err := client.Send(t.Context(), request, "ws")
	if err != nil || answer.Status != 101 {
		t.Fatalf("answer = %v, %v; want 101", answer, err)
	}
	request.Upgrade = ""
	answers, err := client.Sample(t.Context(), request, "many", 10)
	if err != nil || len(answers) != 10 || slices.Contains(answers, nil) {
		t.Fatalf("samples = %v, %v; want 10", answers, err)
	}
	if got := len(server.Journal().Of("many")); got != 10 {
		t.Errorf("the backend saw %d requests, want 10", got)
	}
}

func TestProxyHeader(t *testing.T) {
	t.Parallel()
	to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 8080}
	got, err := proxyHeader(&spec.ProxyProtocol{Version: 1, Source: "1.2.3.4:5"}, to)
	if want := "PROXY TCP4 1.2.3.4 127.0.0.2 5 8080\r\n"; err != nil || string(got) != want {
		t.Errorf("version 1 = %q, %v; want %q", got, err, want)
	}
	got, err = proxyHeader(&spec.ProxyProtocol{Version: 2, Source: "1.2.3.4:5"}, to)
	want := append([]byte(proxyV2Signature), 0x21, 0x11, 0, 12, 1, 2, 3, 4, 127, 0, 0, 2, 0, 5, 0x1f, 0x90)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("version 2 = %x, %v; want %x", got, err, want)
	}
	if _, err := proxyHeader(&spec.ProxyProtocol{Version: 1, Source: "nobody"}, to); err == nil {
		t.Error("a source that is no address was accepted")
	}
}

func TestClientSendsTheProxyHeaderFirst(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	first := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		first <- line
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		_ = conn.Close()
	}()
	address := l.Addr().(*net.TCPAddr).AddrPort()
	request := &spec.Request{ListenerPort: int(address.Port()), Host: "h", ProxyProtocol: &spec.ProxyProtocol{Version: 1}}
	if _, err := (&Client{Gateway: address.Addr()}).Send(t.Context(), request, "p"); err != nil {
		t.Fatal(err)
	}
	if line := <-first; !strings.HasPrefix(line, "PROXY TCP4 203.0.113.10 ") {
		t.Errorf("the first line is %q", line)
	}
}
