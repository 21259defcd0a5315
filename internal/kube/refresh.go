package kube

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// fewReads is how many objects of a type in a namespace are read one by one
	// before the others are listed: a list is not worth it for a handful, and
	// may hold much that nobody asks for.
	fewReads = 8
	// believeListFor is how long a list answers reads. A plan is older than that
	// by the time anyone has read it.
	believeListFor = 5 * time.Second
	// tooMany is how many objects may be listed beyond the first page. They are
	// kept, at about 10 KB each; with more, nearly all would have to be wanted.
	tooMany = 10_000
	// listTimeout leaves time for single reads where listing does not work.
	listTimeout = 20 * time.Second
)

// Refresh is Get for a caller that may read very many objects: when it does, they
// come from lists, one for each type and namespace, instead of one request each.
// An answer may be some seconds old, but not older than the last write of this
// client to that type and namespace. What it returns must not be changed.
func (c *Client) Refresh(ctx context.Context, ref Ref) (*unstructured.Unstructured, error) {
	if object := c.listings.of(ref).find(ctx, c, ref); object != nil {
		return object, nil
	}
	// What is in no list may have been made since.
	return c.Get(ctx, ref)
}

// listings are the lists of a client. The zero value has none.
type listings struct {
	mu  sync.Mutex
	all map[listingKey]*listing
}

type listingKey struct {
	Type
	namespace string
}

func (l *listings) of(ref Ref) *listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := listingKey{ref.Type, ref.Namespace}
	if l.all == nil {
		l.all = map[listingKey]*listing{}
	}
	if l.all[key] == nil {
		l.all[key] = &listing{}
	}
	return l.all[key]
}

// listing is what is known of the objects of one type in one namespace.
type listing struct {
	// writes counts those of this client. It is changed without the lock.
	writes atomic.Int64

	mu      sync.Mutex // held while listing: all who ask wait for the one answer
	reads   int        // since there was a list that could be believed
	objects map[string]*unstructured.Unstructured
	asked   time.Time // when the list was asked for
	before  int64     // the writes before that
	refused bool      // listing is not possible, often not permitted, or brings too much
}

// find returns the object from the list, or nil when it is not known from there.
func (l *listing) find(ctx context.Context, c *Client, ref Ref) *unstructured.Unstructured {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.objects != nil && (time.Since(l.asked) > believeListFor || l.before != l.writes.Load()) {
		l.objects, l.reads = nil, 0
	}
	if l.objects == nil && !l.refused {
		if l.reads++; l.reads > fewReads {
			l.list(ctx, c, ref)
		}
	}
	return l.objects[ref.Name]
}

// list reads all objects. When it fails, single reads do, and say why they do not.
func (l *listing) list(ctx context.Context, c *Client, ref Ref) {
	l.asked, l.before, l.reads = time.Now(), l.writes.Load(), 0
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	objects := map[string]*unstructured.Unstructured{}
	for page, err := range c.pages(ctx, ref.Type, ref.Namespace, "") {
		if err != nil {
			l.refused = true
			return
		}
		if more := page.GetRemainingItemCount(); more != nil && *more > tooMany {
			l.refused = true
			return
		}
		for i := range page.Items {
			objects[page.Items[i].GetName()] = &page.Items[i]
		}
	}
	l.objects = objects
}
