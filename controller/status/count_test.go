package status_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// memory is an API server that keeps the status of Mappings, counts the writes, and fails when it is told to. What it
// keeps is seen at once, as by a watch without delay.
type memory struct {
	mu       sync.Mutex
	mappings map[string]*v3alpha1.Mapping
	writes   int
	failures int           // of the next writes
	written  chan struct{} // has an entry when there was a write
}

// newMemory holds n Mappings of generation 1.
func newMemory(n int) *memory {
	m := &memory{mappings: map[string]*v3alpha1.Mapping{}, written: make(chan struct{}, 1)}
	for i := range n {
		name := fmt.Sprintf("m%d", i)
		m.mappings[name] = &v3alpha1.Mapping{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Generation: 1}}
	}
	return m
}

// RoundTrip takes the server-side apply of one status.
func (m *memory) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures > 0 {
		m.failures--
		return respond(http.StatusInternalServerError, []byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500}`)), nil
	}
	var applied v3alpha1.Mapping
	if err := json.Unmarshal(body, &applied); err != nil {
		return nil, err
	}
	if want := "/apis/getambassador.io/v3alpha1/namespaces/default/mappings/" + applied.Name + "/status"; request.Method != http.MethodPatch || request.URL.Path != want {
		return nil, fmt.Errorf("unexpected %s %s", request.Method, request.URL.Path)
	}
	mapping := *m.mappings[path.Base(path.Dir(request.URL.Path))]
	mapping.Status = applied.Status
	m.mappings[mapping.Name] = &mapping
	m.writes++
	select {
	case m.written <- struct{}{}:
	default:
	}
	return respond(http.StatusOK, body), nil
}

func respond(code int, body []byte) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body))}
}

func (m *memory) get(ref store.Ref) *watch.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mapping := m.mappings[ref.Name]; mapping != nil {
		return watch.SeenOf(mapping)
	}
	return nil
}

// until waits until so many writes have succeeded.
func (m *memory) until(t *testing.T, writes int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		m.mu.Lock()
		have := m.writes
		m.mu.Unlock()
		if have >= writes {
			return
		}
		select {
		case <-m.written:
		case <-deadline:
			t.Fatalf("%d writes, want %d", have, writes)
		}
	}
}

// controller starts a tracker and a leading writer, and returns how to end it: when everything is written that is to be.
func (m *memory) controller(t *testing.T) (writer *status.Writer, tracker *status.Tracker, events *record.FakeRecorder, end func()) {
	t.Helper()
	events = record.NewFakeRecorder(1000)
	writer = status.NewWriter(status.WriterOptions{
		Client:   dynamic.NewForConfigOrDie(&rest.Config{Host: "http://memory", Transport: m, QPS: -1}),
		Observed: m.get, AmbassadorID: "default", Events: events, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { writer.Lead(ctx) })
	return writer, status.NewTracker(writer, 0), events, func() { writer.Drain(); cancel(); running.Wait() }
}

func reports(n int, generation int64) map[store.Ref]*compile.Report {
	all := map[store.Ref]*compile.Report{}
	for i := range n {
		all[mapping(fmt.Sprintf("m%d", i))] = &compile.Report{Generation: generation}
	}
	return all
}

// TestWritesAreChanges follows 10,000 Mappings through an install, single changes, an API server that fails, and
// restarts of the controller in which Envoy is quick, and slow.
func TestWritesAreChanges(t *testing.T) {
	t.Parallel()
	const n = 10_000
	server := newMemory(n)
	acknowledged := xds.State{Revision: 1, Acknowledged: 1, Clients: 1}

	_, tracker, events, end := server.controller(t)
	now := time.Now()
	server.failures = 50
	tracker.Compiled(reports(n, 1), nil, 1, now)
	tracker.Acknowledged(acknowledged, now)
	server.until(t, n)
	// One changes, one breaks, one goes and one comes back with the words it had.
	broken := &compile.Report{Generation: 1, Problems: []compile.Problem{{Condition: "Programmed", Reason: "NoMatchingHost", Message: "no Host"}}}
	tracker.Compiled(map[store.Ref]*compile.Report{mapping("m1"): {Generation: 2}, mapping("m2"): broken, mapping("m3"): {Generation: 1}}, nil, 1, now)
	server.until(t, n+2)
	end()
	if server.writes != n+2 {
		t.Errorf("%d writes for %d Mappings and 2 changes", server.writes, n)
	}
	if len(events.Events) != 1 {
		t.Errorf("%d Events, want the one of the Mapping that broke", len(events.Events))
	}

	for name, slow := range map[string]bool{"Envoy answers at once": false, "Envoy answers late": true} {
		before := server.writes
		_, tracker, events, end = server.controller(t)
		all := reports(n, 1)
		all[mapping("m1")] = &compile.Report{Generation: 2}
		all[mapping("m2")] = broken
		all[mapping("m4")] = &compile.Report{Generation: 1, Problems: []compile.Problem{{Condition: "Accepted", Reason: "Ignored", Message: name, Severity: compile.Warning}}}
		tracker.Compiled(all, nil, 1, now)
		if slow {
			tracker.Overdue(now.Add(status.Patience))
		}
		tracker.Acknowledged(acknowledged, now.Add(time.Minute))
		server.until(t, before+1)
		end()
		if server.writes != before+1 || len(events.Events) != 0 {
			t.Errorf("%s: a restart made %d writes and %d Events, want the one write that says something new", name, server.writes-before, len(events.Events))
		}
	}
}
