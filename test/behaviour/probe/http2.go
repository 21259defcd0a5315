package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http2"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/spec"
)

// exchangeHTTP2 sends the request on a connection that negotiated h2.
func exchangeHTTP2(ctx context.Context, conn net.Conn, r *spec.Request, id string, answer *Answer) error {
	if r.Upgrade != "" {
		return fmt.Errorf("%w: an upgrade needs HTTP/1.1, leave h2 out of alpn", errBadProbe)
	}
	transport := &http2.Transport{DisableCompression: true}
	client, err := transport.NewClientConn(conn)
	if err != nil {
		return err
	}
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
	response, err := client.RoundTrip(request)
	if err != nil {
		return err
	}
	return answer.read(response)
}
