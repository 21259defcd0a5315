package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// backendHeader tells which backend answered.
const backendHeader = "X-Backend"

// Backend is an upstream that answers every request with 200 and its name.
type Backend struct {
	server *http.Server
	ended  chan struct{}
}

// StartBackend listens on "host:port"; the port is one that the caller knows to be free.
func StartBackend(name, address string) (*Backend, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", name, err)
	}
	body := []byte(name + "\n")
	length := strconv.Itoa(len(body))
	b := &Backend{ended: make(chan struct{})}
	b.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()[backendHeader] = []string{name}
		w.Header()["Content-Length"] = []string{length}
		_, _ = w.Write(body)
	})}
	go func() {
		defer close(b.ended)
		_ = b.server.Serve(listener) // ends with Close or Leave
	}()
	return b, nil
}

// Leave ends the backend as a well-behaved pod does: it takes no new connection, closes idle ones and finishes the
// requests under way, within the context.
func (b *Backend) Leave(ctx context.Context) error {
	err := b.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("a backend still had requests under way: %w", err), b.server.Close())
	}
	<-b.ended
	return err
}

// Close ends the backend at once.
func (b *Backend) Close() {
	_ = b.server.Close()
	<-b.ended
}
