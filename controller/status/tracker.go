package status

import (
	"slices"
	"time"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Patience is how long Envoy's answer is awaited before an object is said to be pending. Within it an object gets one
// status write, with the outcome; without it every change would be two.
const Patience = 2 * time.Second

// Grace is how long a new version of an object may wait for others before it is said that they are missing. Objects
// that belong together are rarely created in the order in which they need each other; whoever waits for the verdict,
// as Terraform does, must not be told of a failure that heals by itself a moment later.
const Grace = 10 * time.Second

// Tracker follows every object from the compiler's report to Envoy's answer. It belongs to one goroutine.
type Tracker struct {
	sink    Sink
	grace   time.Duration
	objects map[store.Ref]*tracked
	// waiting are the objects whose revision is not acknowledged yet.
	waiting map[store.Ref]*tracked
	state   xds.State
	// rejected is state.Rejected by what it concerns.
	rejected map[compile.ResourceID]xds.Rejection
}

// tracked is one object.
type tracked struct {
	update    Update // as last computed, with the verdicts of the compiler
	resources []compile.ResourceID
	revision  uint64    // the first one that carries this generation and these verdicts
	since     time.Time // when the revision was published
	born      time.Time // when the generation was first seen
	said      *Update   // what the sink was told last
}

// NewTracker returns a tracker of no objects. Grace is usually [Grace]; none where nobody waits for verdicts.
func NewTracker(sink Sink, grace time.Duration) *Tracker {
	return &Tracker{sink: sink, grace: grace, objects: map[store.Ref]*tracked{}, waiting: map[store.Ref]*tracked{}}
}

// Rejected is an object whose newest version could not be used at all, so that the compiler never saw it.
type Rejected struct {
	Generation int64
	Message    string
}

// Compiled takes the outcome of a compilation that was published as a revision. Rejections are the objects whose newest
// version was refused before compilation; a report about an older version of them does not count.
func (t *Tracker) Compiled(reports map[store.Ref]*compile.Report, rejections map[store.Ref]Rejected, revision uint64, now time.Time) {
	for ref, report := range reports {
		if _, refused := rejections[ref]; !refused {
			t.compiled(ref, report, revision, now)
		}
	}
	for ref, rejection := range rejections {
		refused := Verdict{Reason: compile.ReasonInvalid, Message: shorten(rejection.Message)}
		t.set(ref, Update{
			Ref: ref, Generation: rejection.Generation,
			Accepted:     refused,
			ResolvedRefs: Verdict{Reason: compile.ReasonInvalid, Message: "not looked at: the object is not valid"},
			Programmed:   refused,
		}, nil, revision, now)
	}
	for ref := range t.objects {
		_, compiled := reports[ref]
		_, refused := rejections[ref]
		if !compiled && !refused {
			delete(t.objects, ref)
			delete(t.waiting, ref)
			t.sink.Forget(ref)
		}
	}
}

func (t *Tracker) compiled(ref store.Ref, report *compile.Report, revision uint64, now time.Time) {
	update := Update{
		Ref: ref, Generation: report.Generation,
		Accepted:     verdict(v3alpha1.ConditionAccepted, report.Problems),
		ResolvedRefs: verdict(v3alpha1.ConditionResolvedRefs, report.Problems),
		Programmed:   verdict(v3alpha1.ConditionProgrammed, report.Problems),
	}
	if !update.Accepted.True && update.Programmed.True {
		update.Programmed = update.Accepted
		update.Programmed.True = false
	}
	t.set(ref, update, report.Resources, revision, now)
}

func (t *Tracker) set(ref store.Ref, update Update, resources []compile.ResourceID, revision uint64, now time.Time) {
	object := t.objects[ref]
	if object == nil {
		object = &tracked{born: now}
		t.objects[ref] = object
	} else if object.update == update && slices.Equal(object.resources, resources) {
		return
	}
	if object.update.Generation != update.Generation {
		object.born = now
	}
	object.update, object.resources, object.revision, object.since = update, resources, revision, now
	t.waiting[ref] = object
	t.say(object, now)
}

// Acknowledged takes what Envoy has answered so far.
func (t *Tracker) Acknowledged(state xds.State, now time.Time) {
	before := t.rejected
	t.state = state
	t.rejected = make(map[compile.ResourceID]xds.Rejection, len(state.Rejected))
	for _, rejection := range state.Rejected {
		t.rejected[compile.ResourceID{TypeURL: rejection.TypeURL, Name: rejection.Name}] = rejection
	}
	for _, object := range t.waiting {
		t.say(object, now)
	}
	if len(before)+len(t.rejected) == 0 {
		return
	}
	for _, object := range t.objects { // rejections are rare, and so is this walk
		t.say(object, now)
	}
}

// Overdue says of the objects that have waited longer than Patience that they are pending, and what others lack once
// their Grace is over. It returns when to call it
// again; zero when nothing waits.
func (t *Tracker) Overdue(now time.Time) time.Time {
	var next time.Time
	for _, object := range t.waiting {
		due := object.since.Add(Patience)
		if t.state.Acknowledged >= object.revision {
			due = object.born.Add(t.grace)
		}
		if !now.Before(due) {
			t.say(object, now)
			continue
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// say tells the sink about an object if there is something final, or overdue, and new.
func (t *Tracker) say(object *tracked, now time.Time) {
	update := object.update
	switch {
	case !update.Accepted.True: // final, whatever Envoy does
		delete(t.waiting, update.Ref)
	case t.state.Acknowledged < object.revision:
		if now.Before(object.since.Add(Patience)) {
			return
		}
		update.Programmed = Verdict{Reason: v3alpha1.ReasonPending, Message: t.pendingMessage()}
	case waitsForOthers(update.Programmed) && now.Before(object.born.Add(t.grace)):
		return
	default:
		delete(t.waiting, update.Ref)
		if rejection, ok := t.rejection(object.resources); ok {
			message := "Envoy refuses it: " + rejection.Detail
			if rejection.Restored {
				message += " (the version before it is still served)"
			}
			update.Programmed = Verdict{Reason: ReasonRejectedByEnvoy, Message: shorten(message)}
		}
	}
	if object.said != nil && *object.said == update {
		return
	}
	object.said = &update
	t.sink.Report(update)
}

// waitsForOthers reports whether a verdict is about objects that may yet be created.
func waitsForOthers(programmed Verdict) bool {
	if programmed.True {
		return false
	}
	switch programmed.Reason {
	case compile.ReasonNoMatchingHost, compile.ReasonNoListener, compile.ReasonSecretNotFound, compile.ReasonInvalidSecret,
		compile.ReasonTLSContextNotFound, compile.ReasonResolverNotFound, compile.ReasonServiceNotFound, compile.ReasonPortNotFound:
		return true
	}
	return false
}

func (t *Tracker) pendingMessage() string {
	if t.state.Clients == 0 {
		return "no Envoy is connected"
	}
	return "Envoy has not acknowledged it yet"
}

func (t *Tracker) rejection(resources []compile.ResourceID) (xds.Rejection, bool) {
	if len(t.rejected) == 0 {
		return xds.Rejection{}, false
	}
	for _, id := range resources {
		if rejection, ok := t.rejected[id]; ok {
			return rejection, true
		}
	}
	return xds.Rejection{}, false
}
