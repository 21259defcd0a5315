// Package page reads the pages of a running controller and its Envoy, for tests and benchmarks.
package page

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Get returns the body of http://address/path. It fails unless the answer is 200, and then says what the answer was; the
// body comes with the error if there is one.
func Get(ctx context.Context, address, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", path, response.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}
