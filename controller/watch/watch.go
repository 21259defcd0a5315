// Package watch follows the objects a configuration is made of and reports every change as a typed event. There are
// two sources of the same events: a Kubernetes API server, and a folder of manifests.
//
// A source never decides what an object means and never waits for its reader: it hands each event to a Sink and goes
// on. Objects in events are shared and must not be changed.
package watch

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Event is one change of one object. Exactly one of Object and Rejected is set; with neither the object is gone.
type Event struct {
	Ref store.Ref
	// Object is the newest version.
	Object metav1.Object
	// Rejected says why the newest version cannot be used. The version before it stays in force.
	Rejected *Rejection
}

// Rejection says why a version of an object cannot be used.
type Rejection struct {
	// Generation is the metadata.generation of the rejected version.
	Generation int64
	// AmbassadorID are the instances the rejected version asks for, as far as it can be read.
	AmbassadorID v3alpha1.AmbassadorID
	// Message names the fields that are wrong and what is allowed.
	Message string
}

// Sink takes the events of a source. Its methods are called from several goroutines and must not block.
type Sink interface {
	// Handle takes one event. Events of one object arrive in order.
	Handle(Event)
	// Synced is called once, after the events for everything that existed when the source started.
	Synced()
}

// Source is where events come from.
type Source interface {
	// Run reports events to the sink until the context ends. It returns early, with an error, only when it can
	// never work: a folder that does not exist.
	Run(ctx context.Context, sink Sink) error
}
