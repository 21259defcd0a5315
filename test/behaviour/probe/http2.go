package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/spec"
)

// exchangeHTTP2 sends the request on a connection that negotiated h2.
func exchangeHTTP2(ctx context.Context, conn net.Conn, r *spec.Request, id string, answer *Answer) error {
	if r.Upgrade != "" {
		return fmt.Errorf("%w: an upgrade needs HTTP/1.1, leave h2 out of alpn", errBadProbe)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	transport := &http.Transport{
		DisableCompression: true,
		Protocols:          protocols,
		DialTLSContext:     func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	defer transport.CloseIdleConnections()
	route, query, _ := strings.Cut(path(r), "?")
	request := (&http.Request{
		Method: method(r),
		Host:   r.Host,
		// Opaque goes on the wire as it is; Path would be cleaned.
		URL:    &url.URL{Scheme: "https", Host: r.Host, Opaque: route, RawQuery: query},
		Header: http.Header{backend.ProbeHeader: {id}},
	}).WithContext(ctx)
	for name, values := range r.Headers {
		for _, value := range values {
			request.Header.Add(name, value)
		}
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return answer.read(response)
}
