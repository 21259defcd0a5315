package watch

import (
	"context"
	"log/slog"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"terraform-provider-emissary/controller/store"
)

// kindWatch follows the objects of one kind for as long as the API server serves that kind.
type kindWatch struct {
	source *Kubernetes
	kind   watchedKind
	log    *slog.Logger

	mu      sync.Mutex
	objects *replica // nil while the kind is not served
	last    string   // the last failure that was logged
}

func newKindWatch(source *Kubernetes, kind watchedKind) *kindWatch {
	return &kindWatch{source: source, kind: kind, log: source.options.Log.With("resource", kind.resource.GroupResource().String())}
}

// run follows the kind until the context ends. Initial is called when everything that existed at the start was
// reported; it may be called again.
func (w *kindWatch) run(ctx context.Context, sink Sink, initial func()) {
	for ctx.Err() == nil {
		if w.kind.custom && !w.source.served.await(ctx, w.kind.resource, initial) {
			return
		}
		w.follow(ctx, sink, initial)
	}
}

// follow watches until the context ends or the kind is no longer served; then its objects are gone too.
func (w *kindWatch) follow(ctx context.Context, sink Sink, initial func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	objects := newReplica(w.kind, sink)
	w.setObjects(objects)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		cache.New(w.config(objects, cancel)).RunWithContext(ctx)
	}()
	select {
	case <-objects.synced:
		initial()
	case <-stopped:
	}
	<-stopped
	w.setObjects(nil)
	if w.source.served.has(w.kind.resource) || !w.kind.custom {
		return // the process is ending: what runs keeps running
	}
	objects.clear()
	initial()
}

func (w *kindWatch) config(objects *replica, stop func()) *cache.Config {
	return &cache.Config{
		Queue:         objects,
		ListerWatcher: w.listerWatcher(),
		ObjectType:    w.kind.example,
		WatchErrorHandlerWithContext: func(_ context.Context, _ *cache.Reflector, err error) {
			if w.kind.custom && apierrors.IsNotFound(err) {
				w.source.served.lost(w.kind.resource)
				stop()
				return
			}
			w.logFailure(err)
		},
	}
}

func (w *kindWatch) listerWatcher() cache.ListerWatcher {
	namespace := w.source.options.Namespace
	if w.kind.name == "Secret" && w.source.options.SecretNamespace != "" {
		namespace = w.source.options.SecretNamespace
	}
	tweak := func(options *metav1.ListOptions) {
		options.LabelSelector = join(w.kind.labels, w.source.options.LabelSelector)
		options.FieldSelector = join(w.kind.fields, w.source.options.FieldSelector)
	}
	if !w.kind.custom {
		return cache.ToListWatcherWithWatchListSemantics(
			cache.NewFilteredListWatchFromClient(w.kind.getter(w.source.typed), w.kind.resource.Resource, namespace, tweak), w.source.typed)
	}
	client := w.source.dynamic.Resource(w.kind.resource).Namespace(namespace)
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			tweak(&options)
			return client.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			tweak(&options)
			return client.Watch(ctx, options)
		},
	}, w.source.dynamic)
}

// logFailure logs what stopped a list or watch, once for as long as it stays the same. It is tried again.
func (w *kindWatch) logFailure(err error) {
	message, args := "watch interrupted, trying again", []any{"error", err}
	switch {
	case apierrors.IsForbidden(err):
		where := "in all namespaces (ClusterRole)"
		if w.source.options.Namespace != "" {
			where = "in namespace " + w.source.options.Namespace
		}
		message = "not allowed to read: grant this service account the verbs get, list and watch on " + w.kind.resource.GroupResource().String() + " " + where
	case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		w.log.Debug("watch expired, listing again", "error", err)
		return
	}
	w.mu.Lock()
	repeated := w.last == err.Error()
	w.last = err.Error()
	w.mu.Unlock()
	if repeated {
		w.log.Debug(message, args...)
		return
	}
	w.log.Warn(message, args...)
}

func (w *kindWatch) setObjects(objects *replica) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects = objects
}

func (w *kindWatch) get(ref store.Ref) *Seen {
	w.mu.Lock()
	objects := w.objects
	w.mu.Unlock()
	if objects == nil {
		return nil
	}
	return objects.get(ref)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}
