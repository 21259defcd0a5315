package load

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve answers by a function until the test ends.
func serve(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestClientKeepsItsConnection(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		var connections atomic.Int64
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "a.example" || r.URL.Path != "/x/" {
					w.WriteHeader(http.StatusTeapot)
				}
			}),
			ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			},
		}
		go server.Serve(listener) //nolint:errcheck // ends with Close
		t.Cleanup(func() { _ = server.Close() })
		client := &Client{Address: listener.Addr().String(), KeepAlive: keep}
		for range 3 {
			if answer, err := client.Get(Request{Host: "a.example", Path: "/x/"}); err != nil || answer.Status != http.StatusOK {
				t.Fatalf("keep %t: %+v, %v", keep, answer, err)
			}
		}
		client.Close()
		want := map[bool]int64{true: 1, false: 3}[keep]
		if got := connections.Load(); got != want {
			t.Errorf("keep %t: %d connections, want %d", keep, got, want)
		}
	}
}

// A probe takes 404 before and 200 after, and nothing else.
func TestProbeCountsWhatIsWrong(t *testing.T) {
	t.Parallel()
	statuses := []int{404, 404, 503, 200, 404, 503, 200}
	var next atomic.Int64
	all := make(chan struct{})
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := int(next.Add(1)) - 1
		if n == len(statuses) {
			close(all)
		}
		w.WriteHeader(statuses[min(n, len(statuses)-1)])
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	probe := StartProbe(ctx, address, Request{Host: "a.example", Path: "/"})
	if err := probe.AwaitAbsent(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.AwaitServed(ctx); err != nil {
		t.Fatal(err)
	}
	<-all
	asked, wrong := probe.Stop()
	if asked < len(statuses) {
		t.Errorf("asked %d times", asked)
	}
	if diff := cmp.Diff(Wrong{"503": 2, "404": 1}, wrong); diff != "" {
		t.Error(diff)
	}
}

// A crowd counts an answer that does not come, and notices who answers.
func TestCrowdNoticesABackendThatIsGone(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	backend, err := StartBackend("blue", address)
	if err != nil {
		t.Fatal(err)
	}
	crowd := StartCrowd(t.Context(), CrowdOptions{
		Address: address, Clients: 2, Pause: time.Millisecond, Request: func(int) Request { return Request{Host: "a.example", Path: "/"} },
	})
	await := func(what string, condition func(Answer) bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !crowd.All(condition); {
			if time.Now().After(deadline) {
				t.Fatalf("waited a minute for %s", what)
			}
		}
	}
	await("answers of blue", func(a Answer) bool { return a.Backend == "blue" && a.Status == http.StatusOK })
	backend.Close()
	await("no answers", func(a Answer) bool { return a.Status == 0 })
	if asked, wrong := crowd.Stop(); wrong.Total() == 0 || wrong.Total() >= asked {
		t.Errorf("asked %d times, wrong: %v", asked, wrong)
	}
}

// Who leaves finishes what is under way.
func TestBackendLeavesGracefully(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	backend, err := StartBackend("blue", address)
	if err != nil {
		t.Fatal(err)
	}
	client := &Client{Address: address, KeepAlive: true}
	defer client.Close()
	if answer, err := client.Get(Request{Host: "a.example", Path: "/"}); err != nil || answer.Backend != "blue" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if err := backend.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer, err := client.Get(Request{Host: "a.example", Path: "/"}); err == nil {
		t.Errorf("still answered: %+v", answer)
	}
}

func TestSaturateCounts(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	served, wrong := Saturate(t.Context(), address, 2, 50*time.Millisecond, func() Request { return Request{Host: "a.example", Path: "/"} })
	if total := int(asked.Load()); served == 0 || served+wrong["503"] != total || wrong.Total() != wrong["503"] {
		t.Errorf("%d served and %v wrong of %d", served, wrong, total)
	}
}
