package status_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	testcluster "terraform-provider-emissary/test/cluster"
)

// writes counts the status writes that reach the API server.
type writes struct {
	next  http.RoundTripper
	count atomic.Int64
}

func (w *writes) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPatch {
		w.count.Add(1)
	}
	return w.next.RoundTrip(request)
}

// bench is an API server with a writer beside it, fed by a real watch.
type bench struct {
	config  *rest.Config
	client  dynamic.Interface
	source  *watch.Kubernetes
	changed chan struct{} // has an entry when the watch reported something
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{config: testcluster.ForTest(t, testcluster.Options{}).Config, changed: make(chan struct{}, 1)}
	install(t, b.config)
	b.client = dynamic.NewForConfigOrDie(b.config)
	log := slog.New(slog.DiscardHandler)
	source, err := watch.NewKubernetes(watch.KubernetesOptions{Config: b.config, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	b.source = source
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = source.Run(ctx, b) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return b
}

func (b *bench) Handle(watch.Event) {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *bench) Synced() {}

// writer returns a writer whose writes are counted and whose Events are kept.
func (b *bench) writer() (*status.Writer, *writes, *record.FakeRecorder) {
	events := record.NewFakeRecorder(100)
	counted := &writes{}
	config := rest.CopyConfig(b.config)
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		counted.next = next
		return counted
	})
	return status.NewWriter(status.WriterOptions{
		Client:       dynamic.NewForConfigOrDie(config),
		Observed:     b.source.Get,
		AmbassadorID: "default",
		Events:       events,
		Log:          slog.New(slog.DiscardHandler),
	}), counted, events
}

// until waits for a condition that changes when objects do.
func (b *bench) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !is() {
		select {
		case <-b.changed:
		case <-deadline:
			t.Fatalf("%s did not happen", what)
		}
	}
}

func (b *bench) conditions(name string) []metav1.Condition {
	if seen := b.source.Get(mapping(name)); seen != nil {
		return seen.Conditions
	}
	return nil
}

// read returns a Mapping as the API server has it.
func (b *bench) read(t *testing.T, name string) *v3alpha1.Mapping {
	t.Helper()
	found, err := b.client.Resource(v3alpha1.GroupVersion.WithResource("mappings")).Namespace("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	object := &v3alpha1.Mapping{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, object); err != nil {
		t.Fatal(err)
	}
	return object
}

func (b *bench) create(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
			"metadata": map[string]any{"name": name, "namespace": "default"},
			"spec":     map[string]any{"hostname": "*", "prefix": "/" + name + "/", "service": "s"},
		}}
		deadline := time.Now().Add(30 * time.Second)
		for {
			_, err := b.client.Resource(v3alpha1.GroupVersion.WithResource("mappings")).Namespace("default").Create(t.Context(), object, metav1.CreateOptions{})
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // a new definition takes a moment to be served
		}
	}
	b.until(t, "the watch seeing "+fmt.Sprint(names), func() bool {
		for _, name := range names {
			if b.source.Get(mapping(name)) == nil {
				return false
			}
		}
		return true
	})
}

func mapping(name string) store.Ref {
	return store.Ref{Kind: "Mapping", Namespace: "default", Name: name}
}

func served(name string, generation int64) status.Update {
	return status.Update{
		Ref: mapping(name), Generation: generation,
		Accepted:     status.Verdict{True: true, Reason: "Accepted"},
		ResolvedRefs: status.Verdict{True: true, Reason: "ResolvedRefs"},
		Programmed:   status.Verdict{True: true, Reason: "Programmed"},
	}
}

func refused(name string, generation int64) status.Update {
	update := served(name, generation)
	update.Programmed = status.Verdict{Reason: status.ReasonRejectedByEnvoy, Message: "Envoy refuses it"}
	return update
}

func TestWriter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("m%d", i))
	}
	b.create(t, names...)
	writer, counted, events := b.writer()
	for _, name := range names {
		writer.Report(served(name, 1))
	}

	// Who does not lead does not write.
	if n := counted.count.Load(); n != 0 {
		t.Fatalf("%d writes without leading", n)
	}
	lead, resign := context.WithCancel(t.Context())
	var leading sync.WaitGroup
	leading.Go(func() { writer.Lead(lead) })
	b.until(t, "every status", func() bool {
		for _, name := range names {
			if !meta.IsStatusConditionTrue(b.conditions(name), v3alpha1.ConditionProgrammed) {
				return false
			}
		}
		return true
	})
	if n := counted.count.Load(); n != 20 {
		t.Errorf("%d writes for 20 objects", n)
	}
	object := b.read(t, "m0")
	if object.Status.State != "Running" || object.Generation != 1 {
		t.Errorf("state %q at generation %d; a status write must not make a generation", object.Status.State, object.Generation)
	}

	// The same again costs nothing; a change of one object is one write, and keeps the other conditions' times.
	before := *meta.FindStatusCondition(b.conditions("m1"), v3alpha1.ConditionAccepted)
	for _, name := range names {
		writer.Report(served(name, 1))
	}
	writer.Report(refused("m1", 1))
	b.until(t, "the refusal", func() bool {
		return meta.IsStatusConditionFalse(b.conditions("m1"), v3alpha1.ConditionProgrammed)
	})
	if n := counted.count.Load(); n != 21 {
		t.Errorf("%d writes after one change, want 21", n)
	}
	if after := meta.FindStatusCondition(b.conditions("m1"), v3alpha1.ConditionAccepted); !after.LastTransitionTime.Equal(&before.LastTransitionTime) {
		t.Errorf("a condition that did not change has a new transition time: %s, was %s", after.LastTransitionTime, before.LastTransitionTime)
	}
	if object := b.read(t, "m1"); object.Status.State != "Inactive" || object.Status.Reason == "" {
		t.Errorf("state %q, reason %q", object.Status.State, object.Status.Reason)
	}

	awaitEvent(t, events, "Warning RejectedByEnvoy Envoy refuses it")

	// An object that is served by this instance no longer loses its words.
	writer.Forget(mapping("m2"))
	b.until(t, "the withdrawal", func() bool { return len(b.conditions("m2")) == 0 })
	resign()
	leading.Wait()
	done := counted.count.Load()
	writer.Report(refused("m3", 1))

	// The next leader writes only what differs.
	next, counted, nextEvents := b.writer()
	for _, name := range names {
		if name != "m2" {
			next.Report(served(name, 1))
		}
	}
	lead, resign = context.WithCancel(t.Context())
	defer resign()
	leading.Go(func() { next.Lead(lead) })
	b.until(t, "the change of mind", func() bool {
		return meta.IsStatusConditionTrue(b.conditions("m1"), v3alpha1.ConditionProgrammed)
	})
	awaitEvent(t, nextEvents, "Normal Programmed served by Envoy again")
	resign()
	leading.Wait()
	if n := counted.count.Load(); n != 1 {
		t.Errorf("the next leader made %d writes, want 1", n)
	}
	if done != 22 {
		t.Errorf("the first leader made %d writes, want 22", done)
	}
}

// awaitEvent waits for the next Event and requires it to be this one.
func awaitEvent(t *testing.T, recorder *record.FakeRecorder, want string) {
	t.Helper()
	select {
	case event := <-recorder.Events:
		if event != want {
			t.Errorf("event %q, want %q", event, want)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("no event, want %q", want)
	}
}

func TestElect(t *testing.T) {
	t.Parallel()
	config := testcluster.ForTest(t, testcluster.Options{}).Config
	client := kubernetes.NewForConfigOrDie(config)
	type replica struct {
		leads  chan struct{}
		resign context.CancelFunc
		ended  chan struct{}
	}
	start := func(name string) *replica {
		ctx, cancel := context.WithCancel(context.Background())
		r := &replica{leads: make(chan struct{}), resign: cancel, ended: make(chan struct{})}
		t.Cleanup(func() { cancel(); <-r.ended })
		go func() {
			defer close(r.ended)
			_ = status.Elect(ctx, status.ElectionOptions{
				Client: client, Namespace: "default", AmbassadorID: "blue", Identity: name, Log: slog.New(slog.DiscardHandler),
			}, func(ctx context.Context) {
				close(r.leads)
				<-ctx.Done()
			})
		}()
		return r
	}
	wait := func(what string, signal <-chan struct{}) {
		t.Helper()
		select {
		case <-signal:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s did not happen", what)
		}
	}
	first := start("first")
	wait("the first leading", first.leads)
	second := start("second")

	lease, err := client.CoordinationV1().Leases("default").Get(t.Context(), "emissary-blue", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if lease.Labels[status.LabelAmbassadorID] != "blue" || lease.Labels[status.LabelManagedBy] != status.ManagedBy || *lease.Spec.HolderIdentity != "first" {
		t.Errorf("lease = %+v", lease)
	}
	select {
	case <-second.leads:
		t.Fatal("two replicas lead")
	default:
	}
	first.resign() // gives the Lease up at once, so that the second need not wait for its end
	wait("the first ending", first.ended)
	wait("the second leading", second.leads)
}

func install(t *testing.T, config *rest.Config) {
	t.Helper()
	client := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	for _, definition := range crds.Definitions() {
		if _, err := client.Create(t.Context(), definition, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
