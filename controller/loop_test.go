package controller

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// fakeServer stands for the xDS server and the Envoys behind it.
type fakeServer struct {
	mu       sync.Mutex
	revision uint64
	names    []string
	states   chan xds.State
	updates  chan []string // the names of each update
}

func newFakeServer() *fakeServer {
	return &fakeServer{states: make(chan xds.State, 1), updates: make(chan []string, 100)}
}

func (f *fakeServer) Update(resources []xds.Resource) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revision++
	f.names = nil
	for _, resource := range resources {
		f.names = append(f.names, resource.Name)
	}
	slices.Sort(f.names)
	f.updates <- f.names
	return f.revision, nil
}

func (f *fakeServer) Apply([]xds.Resource, []xds.ID) (uint64, error) {
	panic("the fake compiler compiles everything each time")
}

func (f *fakeServer) Watch(context.Context) <-chan xds.State { return f.states }

// acknowledge answers as an Envoy that accepts everything but the rejected.
func (f *fakeServer) acknowledge(rejected ...xds.Rejection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states <- xds.State{Revision: f.revision, Acknowledged: f.revision, Ready: true, Clients: 1, Rejected: rejected}
}

// fakeSink remembers what was said of each object.
type fakeSink struct {
	updates   chan status.Update
	forgotten chan store.Ref
}

func (f *fakeSink) Report(update status.Update) { f.updates <- update }
func (f *fakeSink) Forget(ref store.Ref)        { f.forgotten <- ref }

// rig is a running loop whose compiler makes one cluster for each Mapping, named after it, refuses a Mapping whose
// service is "invalid" unless there is a Module, and panics on one whose service is "panic".
type rig struct {
	loop   *loop
	server *fakeServer
	sink   *fakeSink
}

func start(t *testing.T) *rig {
	t.Helper()
	return startWith(t, func(*loop) {})
}

// startWith starts a loop that is changed before.
func startWith(t *testing.T, change func(*loop)) *rig {
	t.Helper()
	r := &rig{server: newFakeServer(), sink: &fakeSink{updates: make(chan status.Update, 100), forgotten: make(chan store.Ref, 100)}}
	r.loop = &loop{
		log:          slog.New(slog.DiscardHandler),
		inbox:        newInbox(),
		newCompiler:  func() compiler { return fakeCompiler{} },
		server:       r.server,
		tracker:      status.NewTracker(r.sink, 0),
		metrics:      newMetrics(),
		ambassadorID: "default",
		derived:      derive.New("default", slog.New(slog.DiscardHandler)),
		store:        store.New(),
		objects:      map[store.Ref]metav1.Object{},
		rejections:   map[store.Ref]status.Rejected{},
		refused:      map[store.Ref]metav1.Object{},
		trials:       map[store.Ref]trial{},
		quarantine:   quarantine.New(quarantine.Options{}),
		told:         map[store.Ref]status.Rejected{},
		published:    newPublished(),
		questions:    make(chan func()),
	}
	change(r.loop)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.loop.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// fakeCompiler compiles everything each time.
type fakeCompiler struct{}

func (fakeCompiler) Counts() map[string]int { return nil }

func (fakeCompiler) Retire(time.Time, bool) (*compile.Delta, time.Time) { return nil, time.Time{} }

func (fakeCompiler) Update(s *store.Store, _ time.Time) *compile.Delta {
	delta := &compile.Delta{Whole: true, Changed: map[compile.ResourceID]proto.Message{}, Reports: map[store.Ref]*compile.Report{}}
	for _, ref := range s.TakeChanges() {
		delta.Reports[ref] = nil
	}
	for _, mapping := range s.Mappings() {
		if mapping.Spec.Service == "panic" {
			panic("cannot compile " + mapping.Name)
		}
		if mapping.Spec.Service == "invalid" && len(s.Modules()) == 0 {
			delta.Reports[store.RefOf(mapping)] = &compile.Report{Generation: mapping.Generation, Problems: []compile.Problem{
				{Condition: v3alpha1.ConditionAccepted, Reason: compile.ReasonInvalid, Message: "service is invalid"},
			}}
			continue
		}
		id := compile.ResourceID{TypeURL: compile.ClusterType, Name: mapping.Name + mapping.Spec.Prefix}
		delta.Changed[id] = &clusterv3.Cluster{Name: id.Name}
		delta.Reports[store.RefOf(mapping)] = &compile.Report{
			Generation: mapping.Generation,
			Resources:  []compile.ResourceID{id},
		}
	}
	return delta
}

func mappingRef(name string) store.Ref {
	return store.Ref{Kind: "Mapping", Namespace: "default", Name: name}
}

func (r *rig) upsert(name, prefix, service string, generation int64) {
	r.loop.inbox.Handle(watch.Event{Ref: mappingRef(name), Object: &v3alpha1.Mapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Generation: generation},
		Spec:       v3alpha1.MappingSpec{Prefix: prefix, Service: service},
	}})
}

// published waits for an update and requires its resources.
func (r *rig) published(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	var got []string
	for {
		select {
		case got = <-r.server.updates:
			if fmt.Sprint(got) == fmt.Sprint(want) {
				return
			}
		case <-deadline:
			t.Fatalf("published %v, want %v", got, want)
		}
	}
}

func (r *rig) said(t *testing.T, name string) status.Update {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case update := <-r.sink.updates:
			if update.Ref == mappingRef(name) {
				return update
			}
		case <-deadline:
			t.Fatalf("nothing was said of Mapping %s", name)
		}
	}
}

func TestNothingIsPublishedBeforeTheInitialSetIsComplete(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.upsert("a", "/a", "s", 1)
	r.upsert("b", "/b", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/a", "b/b")
	if more := len(r.server.updates); more != 0 {
		t.Errorf("%d updates more than one for the initial set", more)
	}
}

func TestAnEmptyConfigurationIsPublished(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.loop.inbox.Synced()
	r.published(t) // Envoy becomes ready on it
}

func TestChangesArePublishedAndReported(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.upsert("a", "/one", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/one")
	r.server.acknowledge()
	if update := r.said(t, "a"); !update.Programmed.True || update.Generation != 1 {
		t.Errorf("after the acknowledgement: %+v", update)
	}

	r.upsert("a", "/two", "s", 2)
	r.published(t, "a/two")
	r.server.acknowledge(xds.Rejection{ID: xds.ID{TypeURL: xds.ClusterType, Name: "a/two"}, Detail: "bad cluster", Restored: true})
	update := r.said(t, "a")
	if update.Programmed.True || update.Generation != 2 || update.Programmed.Reason != status.ReasonRejectedByEnvoy {
		t.Errorf("after a rejection: %+v", update)
	}

	r.loop.inbox.Handle(watch.Event{Ref: mappingRef("a")})
	r.published(t)
	select {
	case ref := <-r.sink.forgotten:
		if ref != mappingRef("a") {
			t.Errorf("forgot %s", ref)
		}
	case <-time.After(10 * time.Second):
		t.Error("a deleted object was not forgotten")
	}
}

func TestAChangeOfNothingIsNotCompiled(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.upsert("a", "/a", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/a")
	r.upsert("a", "/a", "s", 1) // a resync
	r.upsert("b", "/b", "s", 1)
	r.published(t, "a/a", "b/b")
	if more := len(r.server.updates); more != 0 {
		t.Errorf("the resync was published")
	}
}

func TestARejectedVersionLeavesTheLastGoodOneInForce(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.upsert("a", "/a", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/a")
	r.loop.inbox.Handle(watch.Event{Ref: mappingRef("a"), Rejected: &watch.Rejection{Generation: 2, Message: "spec.prefix: wrong"}})
	update := r.said(t, "a")
	if update.Accepted.True || update.Generation != 2 || update.Accepted.Message != "spec.prefix: wrong (generation 1 is still served)" {
		t.Errorf("said %+v", update)
	}
	r.published(t, "a/a")

	// Rejected objects of other instances are none of ours.
	r.loop.inbox.Handle(watch.Event{Ref: mappingRef("foreign"), Rejected: &watch.Rejection{Generation: 1, AmbassadorID: v3alpha1.AmbassadorID{"other"}, Message: "wrong"}})
	r.upsert("a", "/mended", "s", 3)
	r.published(t, "a/mended")
	r.server.acknowledge()
	if update := r.said(t, "a"); !update.Programmed.True || update.Generation != 3 {
		t.Errorf("after the mending: %+v", update)
	}
	for len(r.sink.updates) > 0 {
		if update := <-r.sink.updates; update.Ref == mappingRef("foreign") {
			t.Errorf("said %+v of another instance's object", update)
		}
	}
}

func TestABadEditLeavesTheLastGoodVersionInForce(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.upsert("a", "/good", "s", 1)
	r.upsert("never", "/good", "invalid", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/good")
	r.upsert("a", "/bad", "invalid", 2)
	r.upsert("b", "/b", "s", 1)
	r.published(t, "a/good", "b/b")
	update := r.said(t, "a")
	if update.Accepted.True || update.Generation != 2 || update.Accepted.Message != "service is invalid (generation 1 is still served)" {
		t.Errorf("said %+v", update)
	}
	// One bad edit after another changes nothing.
	r.upsert("a", "/worse", "invalid", 3)
	if update := r.said(t, "a"); update.Accepted.True || update.Generation != 3 {
		t.Errorf("said %+v", update)
	}
	// What was refused may be valid under another Module; nobody need touch the object.
	r.loop.inbox.Handle(watch.Event{Ref: store.Ref{Kind: "Module", Namespace: "default", Name: "ambassador"}, Object: &v3alpha1.Module{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ambassador"},
	}})
	r.published(t, "a/worse", "b/b", "never/good")
	r.server.acknowledge()
	if update := r.said(t, "a"); !update.Programmed.True || update.Generation != 3 {
		t.Errorf("said %+v", update)
	}
}

func TestAPanicCostsOnlyTheObjectAtFault(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.upsert("old", "/old", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "old/old")

	// One batch: good objects, a change of a good one, and two that break the compiler.
	r.loop.inbox.mu.Lock()
	for i := range 5 {
		r.loop.inbox.events[mappingRef(fmt.Sprint(i))] = watch.Event{Ref: mappingRef(fmt.Sprint(i)), Object: &v3alpha1.Mapping{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint(i), Generation: 1},
			Spec:       v3alpha1.MappingSpec{Prefix: "/", Service: map[bool]string{true: "panic", false: "s"}[i == 3]},
		}}
	}
	r.loop.inbox.events[mappingRef("old")] = watch.Event{Ref: mappingRef("old"), Object: &v3alpha1.Mapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "old", Generation: 2},
		Spec:       v3alpha1.MappingSpec{Prefix: "/new", Service: "panic"},
	}}
	r.loop.inbox.mu.Unlock()
	r.loop.inbox.ring()

	r.published(t, "0/", "1/", "2/", "4/", "old/old")
	saidOf := map[string]status.Update{}
	for len(saidOf) < 2 {
		update := <-r.sink.updates
		saidOf[update.Ref.Name] = update
	}
	if update := saidOf["3"]; update.Accepted.True || update.Generation != 1 {
		t.Errorf("said %+v of the object at fault", update)
	}
	if update := saidOf["old"]; update.Accepted.True || update.Generation != 2 {
		t.Errorf("said %+v of the changed object at fault", update)
	}

	r.upsert("3", "/mended", "s", 2)
	r.published(t, "0/", "1/", "2/", "3/mended", "4/", "old/old")
}

// sliceCompiler makes a cluster for each EndpointSlice as well.
type sliceCompiler struct{ fakeCompiler }

func (c sliceCompiler) Update(s *store.Store, now time.Time) *compile.Delta {
	delta := c.fakeCompiler.Update(s, now)
	for _, slice := range s.EndpointSlices("default", "s") {
		delta.Changed[compile.ResourceID{TypeURL: compile.ClusterType, Name: slice.Name}] = &clusterv3.Cluster{Name: slice.Name}
	}
	return delta
}

func TestEndpointsDoNotWait(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.loop.newCompiler = func() compiler { return sliceCompiler{} }
	r.loop.inbox.Synced()
	r.published(t)
	r.loop.inbox.Handle(watch.Event{Ref: store.Ref{Kind: "EndpointSlice", Namespace: "default", Name: "s-1"}, Object: &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "s-1", Labels: map[string]string{discoveryv1.LabelServiceName: "s"}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}},
	}})
	if _, urgent := r.loop.inbox.peek(); urgent != true && len(r.server.updates) == 0 {
		t.Error("an endpoint was neither marked urgent nor published at once")
	}
	r.published(t, "s-1")
}
