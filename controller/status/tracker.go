package status

import (
	"fmt"
	"slices"
	"strings"
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

// Tracker follows every object from the compiler's report to Envoy's answer. It takes what changed and costs what
// changed. It belongs to one goroutine.
type Tracker struct {
	sink    Sink
	grace   time.Duration
	objects map[store.Ref]*tracked
	// waiting are the objects of which the last word is still to be said.
	waiting map[store.Ref]*tracked
	// made are the objects by what was made of them.
	made  map[compile.ResourceID][]*tracked
	state xds.State
	// rejected is state.Rejected by what it concerns.
	rejected map[compile.ResourceID]xds.Rejection
	// searching says that the objects at fault for some of it are being looked for.
	searching bool
}

// tracked is one object.
type tracked struct {
	report   *compile.Report // nil: it is not compiled
	refused  *Rejected       // nil: the newest version is the one that is compiled
	update   *Update         // as last computed, with the verdicts of the compiler; it is not changed in place
	revision uint64          // the first one that carries this generation and these verdicts
	since    time.Time       // when the revision was published
	born     time.Time       // when the generation was first seen
	said     *Update         // what the sink was told last; often the update itself
}

// resources lists what was made of the object.
func (o *tracked) resources() []compile.ResourceID {
	if o.report == nil {
		return nil
	}
	return o.report.Resources
}

// NewTracker returns a tracker of no objects. Grace is usually [Grace]; none where nobody waits for verdicts.
func NewTracker(sink Sink, grace time.Duration) *Tracker {
	return &Tracker{
		sink: sink, grace: grace,
		objects: map[store.Ref]*tracked{}, waiting: map[store.Ref]*tracked{},
		made: map[compile.ResourceID][]*tracked{},
	}
}

// Rejected is an object whose newest version is not in use.
type Rejected struct {
	Generation int64
	Message    string
	// ByEnvoy says that the version is valid as far as the compiler knows, and Envoy refuses it. Otherwise it could not be
	// used at all.
	ByEnvoy bool
}

// Compiled takes what a compilation that was published as a revision changed: the new reports, nil for an object that
// is compiled no longer, and the objects whose newest version was refused before compilation, nil for one of which that
// is true no longer. While an object is refused, reports about an older version of it are kept and not told. Objects
// that are in neither map stay as they are.
func (t *Tracker) Compiled(changed map[store.Ref]*compile.Report, rejected map[store.Ref]*Rejected, revision uint64, now time.Time) {
	for ref, report := range changed {
		refused, given := rejected[ref]
		if object := t.objects[ref]; !given && object != nil {
			refused = object.refused
		}
		t.set(ref, report, refused, revision, now)
	}
	for ref, refused := range rejected {
		if _, done := changed[ref]; done {
			continue
		}
		var report *compile.Report
		if object := t.objects[ref]; object != nil {
			report = object.report
		}
		t.set(ref, report, refused, revision, now)
	}
}

// set brings one object up to date.
func (t *Tracker) set(ref store.Ref, report *compile.Report, refused *Rejected, revision uint64, now time.Time) {
	object := t.objects[ref]
	if report == nil && refused == nil {
		t.forget(ref, object)
		return
	}
	update := verdicts(ref, report, refused)
	var before []compile.ResourceID
	if object == nil {
		object = &tracked{born: now}
		t.objects[ref] = object
	} else {
		before = object.resources()
	}
	object.report, object.refused = report, refused
	after := object.resources()
	moved := !slices.Equal(before, after)
	if moved {
		t.unlink(object, before)
		t.link(object, after)
	}
	last := object.update
	if last != nil && *last == update && !moved {
		return
	}
	if last == nil || last.Generation != update.Generation {
		object.born = now
	}
	object.update, object.revision, object.since = &update, revision, now
	t.waiting[ref] = object
	t.say(object, now)
}

func (t *Tracker) forget(ref store.Ref, object *tracked) {
	if object == nil {
		return
	}
	t.unlink(object, object.resources())
	delete(t.objects, ref)
	delete(t.waiting, ref)
	t.sink.Forget(ref)
}

// link and unlink keep lists: most resources are made of one object or two, and a map is large for that.
func (t *Tracker) link(object *tracked, resources []compile.ResourceID) {
	for i, id := range resources {
		if !slices.Contains(resources[:i], id) {
			t.made[id] = append(t.made[id], object)
		}
	}
}

func (t *Tracker) unlink(object *tracked, resources []compile.ResourceID) {
	for _, id := range resources {
		made := t.made[id]
		if i := slices.Index(made, object); i >= 0 {
			last := len(made) - 1
			made[i], made[last] = made[last], nil
			t.made[id] = made[:last]
		}
		if len(t.made[id]) == 0 {
			delete(t.made, id)
		}
	}
}

// verdicts are the compiler's on an object, or the refusal of its newest version.
func verdicts(ref store.Ref, report *compile.Report, refused *Rejected) Update {
	if refused != nil && refused.ByEnvoy {
		return Update{
			Ref: ref, Generation: refused.Generation,
			Accepted:     Verdict{True: true, Reason: v3alpha1.ConditionAccepted},
			ResolvedRefs: Verdict{True: true, Reason: v3alpha1.ConditionResolvedRefs},
			Programmed:   Verdict{Reason: ReasonRejectedByEnvoy, Message: shorten(refused.Message)},
		}
	}
	if refused != nil {
		invalid := Verdict{Reason: compile.ReasonInvalid, Message: shorten(refused.Message)}
		return Update{
			Ref: ref, Generation: refused.Generation,
			Accepted:     invalid,
			ResolvedRefs: Verdict{Reason: compile.ReasonInvalid, Message: "not looked at: the object is not valid"},
			Programmed:   invalid,
		}
	}
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
	return update
}

// Acknowledged takes what Envoy has answered so far. It looks at the objects that wait for an answer, and at those that
// resources were made of whose rejection is new, changed or over.
func (t *Tracker) Acknowledged(state xds.State, now time.Time) {
	before := t.rejected
	t.state = state
	t.rejected = make(map[compile.ResourceID]xds.Rejection, len(state.Rejected))
	for _, rejection := range state.Rejected {
		t.rejected[resourceID(rejection.ID)] = rejection
	}
	for _, object := range t.waiting {
		t.say(object, now)
	}
	for id, rejection := range t.rejected {
		if before[id] != rejection {
			t.sayAll(t.made[id], now)
		}
	}
	for id := range before {
		if _, still := t.rejected[id]; !still {
			t.sayAll(t.made[id], now)
		}
	}
	if len(t.waiting) == 0 {
		t.waiting = map[store.Ref]*tracked{} // a map keeps the room of the most it ever held
	}
}

// Searching tells whether the objects at fault for rejections are being looked for. Until they are found, or not, the
// others that were refused with them are pending: most will be served a moment later.
func (t *Tracker) Searching(searching bool) { t.searching = searching }

func (t *Tracker) sayAll(objects []*tracked, now time.Time) {
	for _, object := range objects {
		t.say(object, now)
	}
}

// Overdue says of the objects that have waited longer than Patience that they are pending, and what others lack once
// their Grace is over. It returns when to call it again; zero when nothing waits.
func (t *Tracker) Overdue(now time.Time) time.Time {
	var next time.Time
	for _, object := range t.waiting {
		due := object.since.Add(Patience)
		if t.state.Acknowledged >= object.revision && waitsForOthers(object.update.Programmed) {
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
	update := *object.update
	rejection, alone := t.rejection(object)
	switch overdue := !now.Before(object.since.Add(Patience)); {
	case object.refused != nil, !update.Accepted.True: // final, whatever Envoy does
		delete(t.waiting, update.Ref)
	case t.state.Acknowledged < object.revision:
		if !overdue {
			return
		}
		update.Programmed = Verdict{Reason: v3alpha1.ReasonPending, Message: t.pendingMessage()}
	case waitsForOthers(update.Programmed) && now.Before(object.born.Add(t.grace)):
		return
	case rejection == nil:
		delete(t.waiting, update.Ref)
	case rejection.Overtaken: // what will be said is Envoy's answer to the new content
		if t.waiting[update.Ref] == nil || !overdue {
			return
		}
		update.Programmed = Verdict{Reason: v3alpha1.ReasonPending, Message: t.pendingMessage()}
	case alone:
		delete(t.waiting, update.Ref)
		update.Programmed = Verdict{Reason: ReasonRejectedByEnvoy, Message: shorten("Envoy refuses it: " + words(rejection))}
	case !overdue:
		return // the object at fault is found within that time, as a rule
	case t.searching:
		update.Programmed = Verdict{Reason: v3alpha1.ReasonPending, Message: shorten(t.heldBack(rejection) + "; the object at fault is being looked for")}
	default:
		delete(t.waiting, update.Ref)
		update.Programmed = Verdict{Reason: ReasonHeldBack, Message: shorten(t.heldBack(rejection))}
	}
	if object.said != nil && *object.said == update {
		return
	}
	if object.said = object.update; update != *object.update {
		object.said = &update
	}
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

// rejection returns the rejection that keeps the object from being served as it is now, nil if none does; and whether
// the object is the only one that the resource was made of.
func (t *Tracker) rejection(object *tracked) (rejection *xds.Rejection, alone bool) {
	if len(t.rejected) == 0 {
		return nil, false
	}
	for _, id := range object.resources() {
		refused, ok := t.rejected[id]
		if !ok {
			continue
		}
		alone = len(t.made[id]) == 1
		if !alone && !refused.Overtaken && refused.Restored && object.revision < refused.Revision {
			continue // the version that is served holds the object as it is
		}
		return &refused, alone
	}
	return nil, false
}

// heldBack says what keeps an object from being served that may not be at fault.
func (t *Tracker) heldBack(rejection *xds.Rejection) string {
	return fmt.Sprintf("Envoy refuses what this has in common with %d others, %s: %s",
		len(t.made[resourceID(rejection.ID)])-1, rejection.Name, words(rejection))
}

// words are Envoy's, and what it does instead.
func words(rejection *xds.Rejection) string {
	detail := strings.TrimSpace(rejection.Detail)
	if rejection.Restored {
		detail += " (the version before it is still served)"
	}
	return detail
}

func resourceID(id xds.ID) compile.ResourceID {
	return compile.ResourceID{TypeURL: id.TypeURL, Name: id.Name}
}

// MadeOf lists the objects that a resource was made of, as of the last report on each; in no order.
func (t *Tracker) MadeOf(id compile.ResourceID) []store.Ref {
	refs := make([]store.Ref, 0, len(t.made[id]))
	for _, object := range t.made[id] {
		refs = append(refs, object.update.Ref)
	}
	return refs
}
