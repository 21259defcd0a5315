package status_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// book is a sink that keeps everything it was told.
type book struct {
	updates   []status.Update
	forgotten []store.Ref
}

func (b *book) Report(update status.Update) { b.updates = append(b.updates, update) }
func (b *book) Forget(ref store.Ref)        { b.forgotten = append(b.forgotten, ref) }

// last returns the newest of exactly n updates.
func (b *book) last(t *testing.T, n int) status.Update {
	t.Helper()
	if len(b.updates) != n {
		t.Fatalf("%d updates, want %d: %+v", len(b.updates), n, b.updates)
	}
	return b.updates[n-1]
}

var (
	quote   = store.Ref{Kind: "Mapping", Namespace: "default", Name: "quote"}
	cluster = compile.ResourceID{TypeURL: compile.ClusterType, Name: "quote"}
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
)

func report(generation int64, problems ...compile.Problem) map[store.Ref]*compile.Report {
	return map[store.Ref]*compile.Report{quote: {Generation: generation, Problems: problems, Resources: []compile.ResourceID{cluster}}}
}

func TestOneUpdatePerChange(t *testing.T) {
	t.Parallel()
	var b book
	tracker := status.NewTracker(&b, 0)
	tracker.Compiled(report(1), nil, 1, noon)
	if len(b.updates) != 0 {
		t.Fatalf("said %+v before Envoy answered", b.updates)
	}
	tracker.Acknowledged(xds.State{Revision: 1, Acknowledged: 1, Clients: 1}, noon)
	if update := b.last(t, 1); !update.Accepted.True || !update.ResolvedRefs.True || !update.Programmed.True || update.Generation != 1 {
		t.Errorf("said %+v", update)
	}
	// Other objects change, this one does not: silence.
	tracker.Compiled(report(1), nil, 2, noon)
	tracker.Acknowledged(xds.State{Revision: 2, Acknowledged: 2, Clients: 1}, noon)
	b.last(t, 1)
}

func TestPendingIsSaidOnlyWhenItLasts(t *testing.T) {
	t.Parallel()
	var b book
	tracker := status.NewTracker(&b, 0)
	tracker.Compiled(report(1), nil, 1, noon)
	due := tracker.Overdue(noon.Add(time.Second))
	if len(b.updates) != 0 || !due.Equal(noon.Add(status.Patience)) {
		t.Fatalf("said %+v, next look at %s", b.updates, due)
	}
	tracker.Overdue(due)
	update := b.last(t, 1)
	if update.Programmed.True || update.Programmed.Reason != v3alpha1.ReasonPending || !update.Accepted.True {
		t.Errorf("said %+v", update)
	}
	if next := tracker.Overdue(due.Add(time.Minute)); !next.IsZero() {
		t.Errorf("asks to be called again at %s", next)
	}
	b.last(t, 1)
	tracker.Acknowledged(xds.State{Revision: 1, Acknowledged: 1, Clients: 1}, due)
	if update := b.last(t, 2); !update.Programmed.True {
		t.Errorf("said %+v", update)
	}
}

func TestProblemsBecomeConditions(t *testing.T) {
	t.Parallel()
	invalid := compile.Problem{Condition: v3alpha1.ConditionAccepted, Reason: compile.ReasonInvalid, Message: "prefix is wrong"}
	ignored := compile.Problem{Condition: v3alpha1.ConditionAccepted, Reason: compile.ReasonIgnored, Message: "docs is ignored", Severity: compile.Warning}
	secret := compile.Problem{Condition: v3alpha1.ConditionResolvedRefs, Reason: compile.ReasonSecretNotFound, Message: "Secret a/b not found"}
	host := compile.Problem{Condition: v3alpha1.ConditionProgrammed, Reason: compile.ReasonNoMatchingHost, Message: "no Host matches hostname x"}
	tests := map[string]struct {
		problems                       []compile.Problem
		accepted, resolved, programmed status.Verdict
	}{
		"none": {
			accepted: status.Verdict{True: true, Reason: "Accepted"}, resolved: status.Verdict{True: true, Reason: "ResolvedRefs"}, programmed: status.Verdict{True: true, Reason: "Programmed"},
		},
		"a warning": {
			problems: []compile.Problem{ignored},
			accepted: status.Verdict{True: true, Reason: "Accepted", Message: "docs is ignored"}, resolved: status.Verdict{True: true, Reason: "ResolvedRefs"}, programmed: status.Verdict{True: true, Reason: "Programmed"},
		},
		"not valid": {
			problems: []compile.Problem{ignored, invalid},
			accepted: status.Verdict{Reason: "Invalid", Message: "prefix is wrong; docs is ignored"}, resolved: status.Verdict{True: true, Reason: "ResolvedRefs"}, programmed: status.Verdict{Reason: "Invalid", Message: "prefix is wrong; docs is ignored"},
		},
		"missing and unserved": {
			problems: []compile.Problem{secret, host},
			accepted: status.Verdict{True: true, Reason: "Accepted"}, resolved: status.Verdict{Reason: "SecretNotFound", Message: "Secret a/b not found"}, programmed: status.Verdict{Reason: "NoMatchingHost", Message: "no Host matches hostname x"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b book
			tracker := status.NewTracker(&b, 0)
			tracker.Acknowledged(xds.State{Revision: 1, Acknowledged: 1, Clients: 1}, noon)
			tracker.Compiled(report(3, test.problems...), nil, 1, noon)
			want := status.Update{Ref: quote, Generation: 3, Accepted: test.accepted, ResolvedRefs: test.resolved, Programmed: test.programmed}
			if got := b.last(t, 1); got != want {
				t.Errorf("said %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestWhatOthersLackIsSaidAfterTheGrace(t *testing.T) {
	t.Parallel()
	missing := compile.Problem{Condition: v3alpha1.ConditionProgrammed, Reason: compile.ReasonNoMatchingHost, Message: "no Host"}
	var b book
	tracker := status.NewTracker(&b, status.Grace)
	tracker.Acknowledged(xds.State{Revision: 9, Acknowledged: 9, Clients: 1}, noon)
	tracker.Compiled(report(1, missing), nil, 1, noon)
	due := tracker.Overdue(noon.Add(5 * time.Second))
	if len(b.updates) != 0 || !due.Equal(noon.Add(status.Grace)) {
		t.Fatalf("said %+v, next look at %s", b.updates, due)
	}
	// The Host comes in time: the failure is never said.
	tracker.Compiled(report(1), nil, 2, noon.Add(6*time.Second))
	if update := b.last(t, 1); !update.Programmed.True {
		t.Errorf("said %+v", update)
	}
	// It goes again: that is news of an old generation, said at once.
	tracker.Compiled(report(1, missing), nil, 3, noon.Add(time.Minute))
	if update := b.last(t, 2); update.Programmed.Reason != compile.ReasonNoMatchingHost {
		t.Errorf("said %+v", update)
	}
	// A new generation has a grace of its own, after which it is said.
	tracker.Compiled(report(2, missing), nil, 4, noon.Add(2*time.Minute))
	tracker.Overdue(noon.Add(2*time.Minute + status.Grace))
	if update := b.last(t, 3); update.Generation != 2 || update.Programmed.Reason != compile.ReasonNoMatchingHost {
		t.Errorf("said %+v", update)
	}
}

func TestEnvoysWordsReachTheOwner(t *testing.T) {
	t.Parallel()
	var b book
	tracker := status.NewTracker(&b, 0)
	tracker.Compiled(report(1), nil, 1, noon)
	refused := xds.Rejection{ID: xds.ID{TypeURL: cluster.TypeURL, Name: cluster.Name}, Detail: "proto constraint", Restored: true}
	tracker.Acknowledged(xds.State{Revision: 1, Acknowledged: 1, Clients: 1, Rejected: []xds.Rejection{refused}}, noon)
	update := b.last(t, 1)
	if update.Programmed.True || update.Programmed.Reason != status.ReasonRejectedByEnvoy || !strings.Contains(update.Programmed.Message, "proto constraint") {
		t.Errorf("said %+v", update)
	}
	// The content it was refused for changes, for example in a Secret: the object itself has not.
	tracker.Acknowledged(xds.State{Revision: 2, Acknowledged: 2, Clients: 1}, noon)
	if update := b.last(t, 2); !update.Programmed.True {
		t.Errorf("said %+v", update)
	}
}

// What many objects have in common is refused: those that it still serves as they are have no news, and those that
// changed are held back, but only when the one at fault is not found soon.
func TestSharedResourceIsRefused(t *testing.T) {
	t.Parallel()
	routes := compile.ResourceID{TypeURL: compile.RouteType, Name: "routes"}
	made := func(generation int64) *compile.Report {
		return &compile.Report{Generation: generation, Resources: []compile.ResourceID{routes}}
	}
	other, poison := store.Ref{Kind: "Mapping", Name: "other"}, store.Ref{Kind: "Mapping", Name: "poison"}
	state := func(revision uint64, rejections ...xds.Rejection) xds.State {
		return xds.State{Revision: revision, Acknowledged: revision, Clients: 1, Rejected: rejections}
	}
	refused := xds.Rejection{ID: xds.ID{TypeURL: routes.TypeURL, Name: routes.Name}, Detail: "no", Restored: true, Revision: 2}

	start := func() (*book, *status.Tracker) {
		b := &book{}
		tracker := status.NewTracker(b, 0)
		tracker.Compiled(map[store.Ref]*compile.Report{quote: made(1), other: made(1)}, nil, 1, noon)
		tracker.Acknowledged(state(1), noon)
		b.last(t, 2)
		tracker.Compiled(map[store.Ref]*compile.Report{quote: made(2), poison: made(1)}, nil, 2, noon)
		tracker.Acknowledged(state(3, refused), noon)
		b.last(t, 2)
		return b, tracker
	}

	// Found in time: one word on each, and none on the one that did not change.
	b, tracker := start()
	owners := tracker.MadeOf(routes)
	slices.SortFunc(owners, func(a, b store.Ref) int { return strings.Compare(a.Name, b.Name) })
	if !slices.Equal(owners, []store.Ref{other, poison, quote}) {
		t.Errorf("made of %v", owners)
	}
	tracker.Compiled(map[store.Ref]*compile.Report{poison: nil},
		map[store.Ref]*status.Rejected{poison: {Generation: 1, Message: "Envoy refuses it: no", ByEnvoy: true}}, 4, noon)
	if update := b.last(t, 3); update.Ref != poison || !update.Accepted.True || !update.ResolvedRefs.True ||
		update.Programmed != (status.Verdict{Reason: status.ReasonRejectedByEnvoy, Message: "Envoy refuses it: no"}) {
		t.Errorf("said %+v", update)
	}
	tracker.Acknowledged(state(4), noon)
	if update := b.last(t, 4); update.Ref != quote || update.Generation != 2 || !update.Programmed.True {
		t.Errorf("said %+v", update)
	}

	// A search that takes its time: those that changed are pending, as they may be served yet.
	b, tracker = start()
	tracker.Searching(true)
	due := tracker.Overdue(noon)
	tracker.Overdue(due)
	b.last(t, 4)
	for _, update := range b.updates[2:] {
		if update.Programmed.Reason != v3alpha1.ReasonPending || !strings.HasSuffix(update.Programmed.Message, "; the object at fault is being looked for") {
			t.Errorf("said %+v", update)
		}
	}
	tracker.Overdue(due)
	b.last(t, 4) // once

	// Other content takes its place before Envoy has said anything to that: it may be refused as well.
	b, tracker = start()
	overtaken := refused
	overtaken.Overtaken = true
	tracker.Acknowledged(state(3, overtaken), noon)
	b.last(t, 2)
	tracker.Acknowledged(state(4), noon)
	b.last(t, 4)
	for _, update := range b.updates[2:] {
		if !update.Programmed.True {
			t.Errorf("said %+v", update)
		}
	}

	// Not found: those that changed are held back.
	b, tracker = start()
	due = tracker.Overdue(noon)
	if !due.Equal(noon.Add(status.Patience)) {
		t.Fatalf("next look at %s", due)
	}
	if next := tracker.Overdue(due); !next.IsZero() {
		t.Errorf("next look at %s", next)
	}
	b.last(t, 4)
	for _, update := range b.updates[2:] {
		want := "Envoy refuses what this has in common with 2 others, routes: no (the version before it is still served)"
		if update.Ref == other || update.Programmed != (status.Verdict{Reason: status.ReasonHeldBack, Message: want}) {
			t.Errorf("said %+v", update)
		}
	}
	// The resource is accepted after all.
	tracker.Acknowledged(state(5), due)
	b.last(t, 6)
	for _, update := range b.updates[4:] {
		if !update.Programmed.True {
			t.Errorf("said %+v", update)
		}
	}
}

func TestRejectedVersionsAndForgottenObjects(t *testing.T) {
	t.Parallel()
	var b book
	tracker := status.NewTracker(&b, 0)
	tracker.Acknowledged(xds.State{Revision: 1, Acknowledged: 1, Clients: 1}, noon)
	tracker.Compiled(report(1), nil, 1, noon)
	// Generation 2 is refused before compilation, generation 1 is still compiled: the verdict is about 2, at once.
	tracker.Compiled(report(1), map[store.Ref]*status.Rejected{quote: {Generation: 2, Message: "spec.prefix: wrong"}}, 2, noon)
	if update := b.last(t, 2); update.Accepted.True || update.Programmed.True || update.Generation != 2 || update.Accepted.Message != "spec.prefix: wrong" {
		t.Errorf("said %+v", update)
	}
	// The refused version goes, and the one before it is what the verdict is about again.
	tracker.Compiled(nil, map[store.Ref]*status.Rejected{quote: nil}, 3, noon.Add(time.Second))
	tracker.Acknowledged(xds.State{Revision: 3, Acknowledged: 3, Clients: 1}, noon)
	if update := b.last(t, 3); !update.Programmed.True || update.Generation != 1 {
		t.Errorf("said %+v", update)
	}
	// Still refused when its older version goes from the compilation, gone when the object does.
	refused := map[store.Ref]*status.Rejected{quote: {Generation: 4, Message: "spec.prefix: wrong"}}
	tracker.Compiled(nil, refused, 4, noon)
	tracker.Compiled(map[store.Ref]*compile.Report{quote: nil}, nil, 5, noon)
	if update := b.last(t, 4); update.Accepted.True || update.Generation != 4 || len(b.forgotten) != 0 {
		t.Errorf("said %+v, forgot %v", update, b.forgotten)
	}
	tracker.Compiled(nil, map[store.Ref]*status.Rejected{quote: nil}, 6, noon)
	if len(b.forgotten) != 1 || b.forgotten[0] != quote {
		t.Errorf("forgot %v", b.forgotten)
	}
}
