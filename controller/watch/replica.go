package watch

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"terraform-provider-emissary/controller/store"
)

// replica is what a watch of one kind writes to, in place of an informer's queue and cache: the objects themselves are
// the reader's, and a second set of them would be half of the controller's memory. It keeps which objects exist, to
// tell which are gone after a watch was interrupted, and what status is about.
//
// It hands each event on at once, which never blocks, so that as a queue it is always empty.
type replica struct {
	kind watchedKind
	sink Sink
	// synced is closed when everything that existed at the start was handed on, and ended when the watch is over.
	synced, ended chan struct{}
	sync, end     func()

	mu sync.Mutex
	// seen is nil for an object that has no status of ours.
	seen map[name]*Seen
}

type name struct{ namespace, name string }

func newReplica(kind watchedKind, sink Sink) *replica {
	r := &replica{kind: kind, sink: sink, synced: make(chan struct{}), ended: make(chan struct{}), seen: map[name]*Seen{}}
	r.sync = sync.OnceFunc(func() { close(r.synced) })
	r.end = sync.OnceFunc(func() { close(r.ended) })
	return r
}

// Transformer implements cache.TransformingStore: the initial set is made small as it arrives.
func (r *replica) Transformer() cache.TransformFunc { return r.kind.transform }

// Add implements cache.ReflectorStore.
func (r *replica) Add(object any) error { return r.Update(object) }

// Update implements cache.ReflectorStore.
func (r *replica) Update(object any) error {
	object, err := r.kind.transform(object)
	if err != nil {
		return err
	}
	newest, ok := object.(metav1.Object)
	if !ok {
		return nil
	}
	event := Event{Ref: r.ref(nameOf(newest))}
	if bad, ok := object.(*unusable); ok {
		event.Rejected = &Rejection{Generation: bad.Generation, AmbassadorID: bad.ids, Message: bad.err.Error()}
	} else {
		event.Object = newest
	}
	r.mu.Lock()
	seen := seenOf(newest)
	if before := r.seen[nameOf(newest)]; before != nil && event.Object != nil && before.sameBut(seen) {
		seen.object = before.object
		event.Object = before.object
	}
	r.seen[nameOf(newest)] = seen
	r.mu.Unlock()
	r.sink.Handle(event)
	return nil
}

// Delete implements cache.ReflectorStore.
func (r *replica) Delete(object any) error {
	if meta, ok := object.(metav1.Object); ok {
		r.forget(nameOf(meta))
	}
	return nil
}

// Replace implements cache.ReflectorStore: the objects are all there are.
func (r *replica) Replace(objects []any, _ string) error {
	exist := make(map[name]bool, len(objects))
	for _, object := range objects {
		if meta, ok := object.(metav1.Object); ok {
			exist[nameOf(meta)] = true
		}
	}
	for _, known := range r.names() {
		if !exist[known] {
			r.forget(known)
		}
	}
	for _, object := range objects {
		if err := r.Update(object); err != nil {
			return err
		}
	}
	r.sync()
	return nil
}

// clear reports that all objects are gone.
func (r *replica) clear() {
	for _, known := range r.names() {
		r.forget(known)
	}
}

func (r *replica) forget(gone name) {
	r.mu.Lock()
	delete(r.seen, gone)
	r.mu.Unlock()
	r.sink.Handle(Event{Ref: r.ref(gone)})
}

func (r *replica) names() []name {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]name, 0, len(r.seen))
	for known := range r.seen {
		names = append(names, known)
	}
	return names
}

func (r *replica) get(ref store.Ref) *Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[name{ref.Namespace, ref.Name}]
}

func (r *replica) ref(n name) store.Ref {
	return store.Ref{Kind: r.kind.name, Namespace: n.namespace, Name: n.name}
}

func nameOf(object metav1.Object) name { return name{object.GetNamespace(), object.GetName()} }

// The rest of cache.Queue.

// Resync implements cache.ReflectorStore; no reader asks for it.
func (r *replica) Resync() error { return nil }

// Pop implements cache.Queue: nothing is ever queued.
func (r *replica) Pop(cache.PopProcessFunc) (any, error) {
	<-r.ended
	return nil, cache.ErrFIFOClosed
}

// HasSynced implements cache.Queue.
func (r *replica) HasSynced() bool {
	select {
	case <-r.synced:
		return true
	default:
		return false
	}
}

// HasSyncedChecker implements cache.Queue.
func (r *replica) HasSyncedChecker() cache.DoneChecker { return r }

// Name implements cache.DoneChecker.
func (r *replica) Name() string { return r.kind.name }

// Done implements cache.DoneChecker.
func (r *replica) Done() <-chan struct{} { return r.synced }

// Close implements cache.Queue.
func (r *replica) Close() { r.end() }
