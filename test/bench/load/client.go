// Package load plays the visitors and the upstreams of a benchmark: clients that ask and say what came back, probes that
// wait for the first good answer, crowds that keep asking while something changes, and backends that answer.
package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerTimeout bounds one request. Nothing here is slow, so that one which takes longer counts as wrong.
const answerTimeout = 10 * time.Second

// Request is what a visitor asks for.
type Request struct {
	// Host is the Host header, and over TLS the server's name.
	Host string
	// Path begins with a slash.
	Path string
}

// Answer is what came back.
type Answer struct {
	// Status is the status code.
	Status int
	// Backend is the name of the backend that answered; empty when Envoy itself did.
	Backend string
	// Certificate is the serial number of the server's certificate; empty without TLS.
	Certificate string
}

// Client asks one address, one request at a time. It is cheaper than the standard library's client, which would compete
// with Envoy for the machine, and it never repeats a request by itself: a connection that breaks is a failure to count.
type Client struct {
	// Address is "host:port" of the server.
	Address string
	// TLS asks over TLS, with the request's host as the server's name; nil asks in cleartext.
	TLS *tls.Config
	// KeepAlive uses a connection for as many requests as the server lets it; otherwise each has its own.
	KeepAlive bool

	conn   net.Conn
	reader *bufio.Reader
	buffer []byte
	serial string
}

// Get sends a request and reads the whole answer. An error says at which step it failed.
func (c *Client) Get(request Request) (Answer, error) {
	if c.conn == nil {
		if err := c.dial(request.Host); err != nil {
			return Answer{}, err
		}
	}
	answer, again, err := c.exchange(request)
	if err != nil || !again || !c.KeepAlive {
		c.Close()
	}
	return answer, err
}

// Close ends the connection that is kept for the next request.
func (c *Client) Close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *Client) dial(host string) error {
	conn, err := net.DialTimeout("tcp", c.Address, answerTimeout)
	if err != nil {
		return failure{"connect", err}
	}
	if c.TLS != nil {
		config := c.TLS.Clone()
		config.ServerName = host
		secured := tls.Client(conn, config)
		_ = conn.SetDeadline(time.Now().Add(answerTimeout))
		if err := secured.Handshake(); err != nil {
			_ = conn.Close()
			return failure{"TLS handshake", err}
		}
		c.serial = secured.ConnectionState().PeerCertificates[0].SerialNumber.String()
		conn = secured
	}
	c.conn, c.reader = conn, bufio.NewReader(conn)
	return nil
}

// exchange reports whether the connection can be used again.
func (c *Client) exchange(request Request) (answer Answer, again bool, err error) {
	c.buffer = fmt.Appendf(c.buffer[:0], "GET %s HTTP/1.1\r\nHost: %s\r\n", request.Path, request.Host)
	if !c.KeepAlive {
		c.buffer = append(c.buffer, "Connection: close\r\n"...)
	}
	c.buffer = append(c.buffer, "\r\n"...)
	_ = c.conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := c.conn.Write(c.buffer); err != nil {
		return Answer{}, false, failure{"send", err}
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return Answer{}, false, failure{"receive", err}
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return Answer{}, false, failure{"receive body", err}
	}
	return Answer{Status: response.StatusCode, Backend: response.Header.Get(backendHeader), Certificate: c.serial}, !response.Close, nil
}

// failure is a request that got no answer.
type failure struct {
	step string
	err  error
}

func (f failure) Error() string { return f.step + ": " + f.err.Error() }

func (f failure) Unwrap() error { return f.err }

// Wrong counts wrong answers by what was wrong: "503", "receive: connection reset".
type Wrong map[string]int

// Count adds one wrong answer, or one failure if err is not nil.
func (w Wrong) Count(answer Answer, err error) {
	var f failure
	switch {
	case errors.As(err, &f):
		w[f.step+": "+root(f.err)]++
	case err != nil:
		w[err.Error()]++
	default:
		w[fmt.Sprint(answer.Status)]++
	}
}

// Add adds the counts of another.
func (w Wrong) Add(other Wrong) {
	for what, n := range other {
		w[what] += n
	}
}

// Total is the number of wrong answers.
func (w Wrong) Total() int {
	total := 0
	for _, n := range w {
		total += n
	}
	return total
}

// root drops the addresses from an error of the network, so that equal failures count together.
func root(err error) string {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err.Error()
	}
	return err.Error()
}
