package watch

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"terraform-provider-emissary/crds/v3alpha1"
)

// discoverEvery is how soon a kind is noticed after its definition was installed. One small request asks for all kinds
// of the group, and only while one of them is missing.
const discoverEvery = time.Second

// servedKinds knows which kinds of the group getambassador.io the API server serves.
type servedKinds struct {
	client discovery.ServerResourcesInterface
	log    *slog.Logger

	mu      sync.Mutex
	known   bool // the server has answered at least once
	kinds   map[schema.GroupVersionResource]bool
	waiting map[schema.GroupVersionResource]bool
	missing int           // how many kinds the last log line was about
	failure string        // the last failure that was logged
	changed chan struct{} // closed and replaced at every change
	wake    chan struct{}
}

func newServedKinds(client discovery.ServerResourcesInterface, log *slog.Logger) *servedKinds {
	return &servedKinds{
		client:  client,
		log:     log,
		kinds:   map[schema.GroupVersionResource]bool{},
		waiting: map[schema.GroupVersionResource]bool{},
		changed: make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}
}

// run asks the server while anybody waits for a kind.
func (s *servedKinds) run(ctx context.Context) {
	for {
		s.mu.Lock()
		idle := len(s.waiting) == 0
		s.mu.Unlock()
		if idle {
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
			}
		}
		s.discover()
		select {
		case <-ctx.Done():
			return
		case <-time.After(discoverEvery):
		}
	}
}

func (s *servedKinds) discover() {
	list, err := s.client.ServerResourcesForGroupVersion(v3alpha1.GroupVersion.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !apierrors.IsNotFound(err) {
		if s.failure != err.Error() { // once for as long as it stays the same
			s.log.Warn("the API server cannot be asked for the kinds it serves, trying again", "group", v3alpha1.GroupVersion.String(), "error", err)
		}
		s.failure = err.Error()
		return
	}
	s.known, s.failure = true, ""
	if list != nil {
		for _, resource := range list.APIResources {
			s.kinds[v3alpha1.GroupVersion.WithResource(resource.Name)] = true
		}
	}
	s.logMissing()
	close(s.changed)
	s.changed = make(chan struct{})
}

// logMissing says which kinds are waited for, whenever there are more or fewer of them.
func (s *servedKinds) logMissing() {
	var missing []string
	for resource := range s.waiting {
		if !s.kinds[resource] {
			missing = append(missing, resource.Resource)
		}
	}
	if len(missing) > 0 && len(missing) != s.missing {
		slices.Sort(missing)
		s.log.Info("kinds are not installed; waiting for their definitions", "group", v3alpha1.GroupVersion.Group, "kinds", strings.Join(missing, " "))
	}
	s.missing = len(missing)
}

// await returns true when the kind is served and false when the context has ended. It calls absent, maybe more than
// once, when the server has said that it does not serve the kind.
func (s *servedKinds) await(ctx context.Context, resource schema.GroupVersionResource, absent func()) bool {
	s.mu.Lock()
	s.waiting[resource] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, resource)
		s.mu.Unlock()
	}()
	for {
		s.mu.Lock()
		served, known, changed := s.kinds[resource], s.known, s.changed
		s.mu.Unlock()
		if served {
			return true
		}
		if known {
			absent()
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

func (s *servedKinds) has(resource schema.GroupVersionResource) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[resource]
}

// lost notes that the server has stopped serving a kind.
func (s *servedKinds) lost(resource schema.GroupVersionResource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kinds, resource)
}
