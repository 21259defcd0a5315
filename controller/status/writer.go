package status

import (
	"context"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
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
	Observed func(store.Ref) *watch.Seen
	// AmbassadorID is the instance that writes. Its field manager is emissary-<id>, so that two instances do not take each
	// other's fields.
	AmbassadorID string
	// Takeover is how long an instance that is named earlier may be behind before this one speaks for it. Default
	// DefaultTakeover.
	Takeover time.Duration
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
	wanted  map[store.Ref]*Update
	written map[store.Ref]*Update // by this leader, in this term
	// behind are the objects for which another instance should speak.
	behind  map[store.Ref]wait
	failing map[store.Ref]string // the reason, empty for none, that this leader noted last
	queue   workqueue.TypedRateLimitingInterface[store.Ref]
	broken  map[string]bool // kinds whose failure was logged
}

// wait is until when another instance may be behind a generation.
type wait struct {
	generation int64
	until      time.Time
}

// NewWriter returns a writer that does not lead.
func NewWriter(options WriterOptions) *Writer {
	if options.Takeover == 0 {
		options.Takeover = DefaultTakeover
	}
	w := &Writer{
		options:   options,
		resources: map[string]schema.GroupVersionResource{},
		wanted:    map[store.Ref]*Update{},
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
	w.wanted[update.Ref] = &update
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
	w.queue, w.written = queue, map[store.Ref]*Update{}
	w.behind, w.failing = map[store.Ref]wait{}, map[store.Ref]string{}
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
	other, behind := w.behind[ref]
	behind = behind && wanted && other.generation == update.Generation
	w.mu.Unlock()
	waited := behind && !time.Now().Before(other.until)
	if !wanted && !written {
		return nil
	}
	if wanted && written && *last == *update && !waited {
		if behind {
			w.lookAgain(ref, other)
		}
		return nil
	}
	seen, err := w.observe(ctx, ref)
	switch {
	case err != nil:
		return err
	case seen == nil: // gone, and its status with it
		w.forget(ref)
		return nil
	case !wanted:
		return w.withdraw(ctx, ref)
	}
	at := placeOf(w.options.AmbassadorID, seen, waited)
	before := at.before(w.options.AmbassadorID, seen)
	switch {
	case update.pending() && (settled(before, update.Generation) || written && last.Generation == update.Generation):
		// What was said of this generation holds until Envoy answers. Otherwise a restart, after which its answer is awaited
		// for every object, would rewrite them all, twice.
		return nil
	case !written && at.saysAll(w.options.AmbassadorID, seen, *update), waited && written && *last == *update && !at.top:
		w.remember(ref, update, at)
		return nil
	}
	if at, err = w.apply(ctx, seen, *update, at); err != nil {
		if apierrors.IsNotFound(err) && w.options.Observed(ref) == nil {
			w.forget(ref)
			return nil
		}
		return err
	}
	w.remember(ref, update, at)
	w.record(ref, seen, before, *update)
	return nil
}

// apply writes by server-side apply: no read before, no conflict with other writers of other fields. Where another
// instance has the conditions at the top and may keep them, it leaves them alone.
func (w *Writer) apply(ctx context.Context, seen *watch.Seen, update Update, at place) (place, error) {
	err := w.patch(ctx, update.Ref, render(update, w.options.AmbassadorID, seen, at, metav1.Now()), !at.top || at.force)
	if apierrors.IsConflict(err) && at.top && !at.force {
		at = at.yielded()
		err = w.patch(ctx, update.Ref, render(update, w.options.AmbassadorID, seen, at, metav1.Now()), true)
	}
	return at, err
}

// withdraw removes this instance's words from an object that it serves no longer.
func (w *Writer) withdraw(ctx context.Context, ref store.Ref) error {
	if err := w.patch(ctx, ref, skeleton(ref, ""), true); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	w.forget(ref)
	return nil
}

func (w *Writer) patch(ctx context.Context, ref store.Ref, object *unstructured.Unstructured, force bool) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err := w.options.Client.Resource(w.resources[ref.Kind]).Namespace(ref.Namespace).
		ApplyStatus(ctx, ref.Name, object, metav1.ApplyOptions{FieldManager: "emissary-" + w.options.AmbassadorID, Force: force})
	return err
}

// remember notes what was written, and comes back where another instance should have spoken.
func (w *Writer) remember(ref store.Ref, update *Update, at place) {
	other := wait{update.Generation, time.Now().Add(w.options.Takeover)}
	w.mu.Lock()
	w.written[ref] = update
	if at.later {
		w.behind[ref] = other
	} else {
		delete(w.behind, ref)
	}
	w.mu.Unlock()
	if at.later {
		w.lookAgain(ref, other)
	}
}

// lookAgain comes back to an object when another instance has had its time.
func (w *Writer) lookAgain(ref store.Ref, other wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue != nil {
		w.queue.AddAfter(ref, time.Until(other.until))
	}
}

// forget drops an object that is gone, or that has nothing of this instance any more.
func (w *Writer) forget(ref store.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.written, ref)
	delete(w.behind, ref)
	delete(w.failing, ref)
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
