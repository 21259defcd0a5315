package controller_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLargeTablesAreCutUnderLoad lets a listener grow until its routes are cut into parts, and the parts cut anew. No
// request may notice, whichever spelling of its host it uses, and every route is found.
func TestLargeTablesAreCutUnderLoad(t *testing.T) {
	t.Parallel()
	s := serve(t)
	hosts := func(from, to int) string {
		var manifests strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&manifests, `---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: grown-%[1]d, namespace: default}
spec: {hostname: grown-%[1]d.example.com, requestPolicy: {insecure: {action: Route}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: grown-%[1]d, namespace: default}
spec: {hostname: grown-%[1]d.example.com, prefix: /a/, service: "%[2]s"}
`, i, s.backend)
		}
		return manifests.String()
	}
	ask := func(host, path string) error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.http, path), nil)
		if err != nil {
			return err
		}
		request.Host = host
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s%s: %s", host, path, response.Status)
		}
		return nil
	}
	s.write(t, "grown-0.yaml", hosts(0, 10))
	s.await(t, "the first hosts", func() error { return ask("grown-9.example.com", "/a/") })

	var wrong []error
	var clients sync.WaitGroup
	stop := make(chan struct{})
	clients.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			host := fmt.Sprintf("grown-%d.example.com", i%10)
			if i%2 == 1 {
				host = strings.ToUpper(host)
			}
			if err := ask(host, "/a/../a/x?q=1"); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", time.Now().UTC().Format(time.StampMilli), err))
			}
		}
	})
	const step, last = 200, 1810
	for from := 10; from < last; from += step {
		s.write(t, fmt.Sprintf("grown-%d.yaml", from), hosts(from, from+step))
		s.await(t, "a grown table", func() error { return ask(fmt.Sprintf("grown-%d.example.com", from+step-1), "/a/") })
	}
	for i := range last {
		if err := ask(fmt.Sprintf("Grown-%d.Example.com", i), "/a/"); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	clients.Wait()
	if len(wrong) > 0 {
		t.Errorf("%d requests went wrong, the first: %v, the last: %v", len(wrong), wrong[0], wrong[len(wrong)-1])
	}
}
