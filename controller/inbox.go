package controller

import (
	"sync"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
)

// inbox holds the events the loop has not taken yet: the newest of each object. Sources never wait for the loop, and
// the loop never sees a version that is already outdated.
type inbox struct {
	// arrived has room for one: it tells that there is something to take.
	arrived chan struct{}

	mu     sync.Mutex
	events map[store.Ref]watch.Event
	urgent bool
	synced bool
}

func newInbox() *inbox {
	return &inbox{arrived: make(chan struct{}, 1), events: map[store.Ref]watch.Event{}}
}

// Handle implements watch.Sink.
func (i *inbox) Handle(event watch.Event) {
	i.mu.Lock()
	i.events[event.Ref] = event
	if event.Ref.Kind == "EndpointSlice" || event.Ref.Kind == "Endpoints" {
		i.urgent = true
	}
	i.mu.Unlock()
	i.ring()
}

// Synced implements watch.Sink.
func (i *inbox) Synced() {
	i.mu.Lock()
	i.synced = true
	i.mu.Unlock()
	i.ring()
}

func (i *inbox) ring() {
	select {
	case i.arrived <- struct{}{}:
	default:
	}
}

// peek tells whether the initial set is complete, and whether something waits that should not wait: an endpoint that is
// gone costs requests.
func (i *inbox) peek() (synced, urgent bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.synced, i.urgent
}

// take empties the inbox.
func (i *inbox) take() []watch.Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	events := make([]watch.Event, 0, len(i.events))
	for _, event := range i.events {
		events = append(events, event)
	}
	i.events = map[store.Ref]watch.Event{} // a map keeps the room of the most it ever held
	i.urgent = false
	return events
}
