package probe

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"terraform-provider-emissary/test/behaviour/backend"
)

// read takes from a response what probes compare, and finds the backend's account in its body.
func (a *Answer) read(response *http.Response) error {
	a.Status, a.Header = response.StatusCode, response.Header
	if a.Status == http.StatusSwitchingProtocols {
		return nil // what follows is the other protocol's
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the body of a %d: %w", a.Status, err)
	}
	if response.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gunzip(body); err != nil {
			return fmt.Errorf("the body says it is gzip: %w", err)
		}
	}
	var seen backend.Seen
	if json.Unmarshal(body, &seen) == nil && len(seen.Backends) > 0 {
		a.Seen = &seen
	}
	return nil
}

func gunzip(body []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// String is a short account for messages: who answered, and how.
func (a *Answer) String() string {
	switch {
	case a.Closed != "":
		return "closed (" + a.Closed + ")"
	case a.Seen != nil:
		return fmt.Sprintf("%d from %s at %s", a.Status, a.Seen.Backends[0], a.Seen.Endpoint)
	default:
		return fmt.Sprintf("%d from the gateway", a.Status)
	}
}
