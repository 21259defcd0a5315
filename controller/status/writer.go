package status

import (
	"context"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
)

const (
	// workers write at the same time: enough to keep up with a start at 10,000 objects, few enough for a small API
	// server.
	workers = 8
	// firstRetry and lastRetry bound the wait before a failed write is tried again.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 30 * time.Second
	// writeTimeout bounds one write.
	writeTimeout = 10 * time.Second
)

// WriterOptions are what a Writer needs.
type WriterOptions struct {
	// Client writes to the API server. Its rate limit should be lifted.
	Client dynamic.Interface
	// Observed returns an object as it was last seen in the API, nil when it is not there. It must not block.
	Observed func(store.Ref) metav1.Object
	// FieldManager owns what is written; one for each ambassador_id, so that two instances do not take each other's
	// fields.
	FieldManager string
	// Events records transitions; nil records nothing.
	Events record.EventRecorder
	// Log takes failures.
	Log *slog.Logger
}

// Writer is a sink that writes conditions to the API server while it leads. Updates are kept, the newest of each object,
// while it does not: a new leader writes what differs.
type Writer struct {
	options   WriterOptions
	resources map[string]schema.GroupVersionResource // by kind

	mu      sync.Mutex
	wanted  map[store.Ref]Update
	written map[store.Ref]Update // by this leader, in this term
	queue   workqueue.TypedRateLimitingInterface[store.Ref]
	broken  map[string]bool // kinds whose failure was logged
}

// NewWriter returns a writer that does not lead.
func NewWriter(options WriterOptions) *Writer {
	w := &Writer{
		options:   options,
		resources: map[string]schema.GroupVersionResource{},
		wanted:    map[store.Ref]Update{},
		broken:    map[string]bool{},
	}
	for _, kind := range crds.Kinds() {
		w.resources[kind.Kind] = v3alpha1.GroupVersion.WithResource(kind.Plural)
	}
	return w
}

// Report implements Sink.
func (w *Writer) Report(update Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted[update.Ref] = update
	if w.queue != nil {
		w.queue.Add(update.Ref)
	}
}

// Forget implements Sink.
func (w *Writer) Forget(ref store.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wanted, ref)
	if w.queue != nil {
		w.queue.Add(ref)
	}
}

// Lead writes updates until the context ends, beginning with everything reported so far.
func (w *Writer) Lead(ctx context.Context) {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[store.Ref](firstRetry, lastRetry))
	w.mu.Lock()
	w.queue, w.written = queue, map[store.Ref]Update{}
	for ref := range w.wanted {
		queue.Add(ref)
	}
	w.mu.Unlock()

	var running sync.WaitGroup
	for range workers {
		running.Go(func() { w.work(ctx, queue) })
	}
	<-ctx.Done()
	w.mu.Lock()
	w.queue = nil
	w.mu.Unlock()
	queue.ShutDown()
	running.Wait()
}

func (w *Writer) work(ctx context.Context, queue workqueue.TypedRateLimitingInterface[store.Ref]) {
	for {
		ref, stopped := queue.Get()
		if stopped {
			return
		}
		if err := w.write(ctx, ref); err != nil && ctx.Err() == nil {
			w.logFailure(ref, err, queue.NumRequeues(ref))
			queue.AddRateLimited(ref)
		} else {
			queue.Forget(ref)
		}
		queue.Done(ref)
	}
}

// write brings one object's status in line with what is wanted.
func (w *Writer) write(ctx context.Context, ref store.Ref) error {
	w.mu.Lock()
	update, wanted := w.wanted[ref]
	last, written := w.written[ref]
	w.mu.Unlock()
	if !wanted && !written {
		return nil
	}
	object := w.options.Observed(ref)
	if object == nil { // gone, and its status with it
		w.remember(ref, nil)
		return nil
	}
	before := conditionsOf(object)
	if written {
		if wanted && last == update {
			return nil
		}
	} else if says(before, update) {
		w.remember(ref, &update)
		return nil
	}

	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	var err error
	if wanted {
		err = w.apply(ctx, object, update, before)
	} else {
		err = w.withdraw(ctx, ref)
	}
	switch {
	case apierrors.IsNotFound(err) && w.options.Observed(ref) == nil:
		w.remember(ref, nil)
		return nil
	case err != nil:
		return err
	case wanted:
		w.remember(ref, &update)
		w.record(object, update, before)
	default:
		w.remember(ref, nil)
	}
	return nil
}

// apply writes by server-side apply: no read before, no conflict with other writers of other fields.
func (w *Writer) apply(ctx context.Context, object metav1.Object, update Update, before []metav1.Condition) error {
	patch := render(update, object.GetUID(), update.Conditions(before, metav1.Now()))
	_, err := w.options.Client.Resource(w.resources[update.Ref.Kind]).Namespace(update.Ref.Namespace).
		ApplyStatus(ctx, update.Ref.Name, patch, metav1.ApplyOptions{FieldManager: w.options.FieldManager, Force: true})
	return err
}

// withdraw removes this instance's words from an object that it serves no longer.
func (w *Writer) withdraw(ctx context.Context, ref store.Ref) error {
	_, err := w.options.Client.Resource(w.resources[ref.Kind]).Namespace(ref.Namespace).
		ApplyStatus(ctx, ref.Name, skeleton(ref, types.UID("")), metav1.ApplyOptions{FieldManager: w.options.FieldManager, Force: true})
	return err
}

func (w *Writer) remember(ref store.Ref, update *Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if update == nil {
		delete(w.written, ref)
		return
	}
	w.written[ref] = *update
}

// logFailure logs the first failure of each write, and one line for a kind whose every write must fail.
func (w *Writer) logFailure(ref store.Ref, err error, attempt int) {
	resource := w.resources[ref.Kind].GroupResource().String() + "/status"
	message := ""
	switch {
	case apierrors.IsForbidden(err):
		message = "not allowed to write status: grant this service account the verbs update and patch on " + resource
	case apierrors.IsNotFound(err):
		message = "status cannot be written: the installed definition has no " + resource + "; install this version's definitions"
	case attempt == 0:
		w.options.Log.Warn("status not written, trying again", "object", ref.String(), "error", err)
		return
	default:
		w.options.Log.Debug("status not written, trying again", "object", ref.String(), "attempt", attempt+1, "error", err)
		return
	}
	w.mu.Lock()
	logged := w.broken[ref.Kind]
	w.broken[ref.Kind] = true
	w.mu.Unlock()
	if !logged {
		w.options.Log.Warn(message, "object", ref.String(), "error", err)
	}
}

// conditionsOf returns the conditions of an object; none when it could not be read as its type.
func conditionsOf(object metav1.Object) []metav1.Condition {
	if typed, ok := object.(v3alpha1.Object); ok {
		return *typed.GetConditions()
	}
	return nil
}

// says reports whether the conditions already say what the update does.
func says(conditions []metav1.Condition, update Update) bool {
	same := 0
	for _, want := range update.Conditions(conditions, metav1.Time{}) {
		for _, have := range conditions {
			have.LastTransitionTime, want.LastTransitionTime = metav1.Time{}, metav1.Time{}
			if have == want {
				same++
			}
		}
	}
	return same == 3
}
