// Package quarantine keeps one object that Envoy refuses from taking others down.
//
// The compiler checks every field, so Envoy rarely refuses what it makes. Where it does, package xds puts the last
// accepted version of the resource back, if it knows one. But a route configuration is made of many objects: until the
// one at fault is left out, changes of all the others wait, and after a restart, when no version was accepted yet, none
// of them is served. Here that object is found (by asking Envoy offline about parts of the configuration) and remembered,
// so that the loop serves the others without it, or with its last good version.
//
// A version in quarantine stays there until the object changes, or until something changes that it may refer to and
// Envoy, asked offline, takes it. The object's status is the memory across restarts: a version of which it says
// RejectedByEnvoy is left out of the first configuration already, and asked about again right after it.
package quarantine

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// DefaultTimeout bounds one search or one look at what is in quarantine.
const DefaultTimeout = time.Minute

// Options are what a Quarantine needs.
type Options struct {
	// Oracle is asked what Envoy thinks.
	Oracle Oracle
	// Compile makes a configuration. It is called on another goroutine than the loop's, with stores of its own.
	Compile func(*store.Store) *compile.Output
	// AmbassadorID is the instance whose words in an object's status count. Default "default".
	AmbassadorID string
	// Timeout bounds one search. Default DefaultTimeout.
	Timeout time.Duration
	// Log takes what was found; nil discards.
	Log *slog.Logger
}

// Finding is what became known of one version of an object.
type Finding struct {
	Ref store.Ref
	// Object is the version.
	Object metav1.Object
	// Words say why Envoy refuses the version, for its status. Empty: Envoy takes it, and it is in quarantine no longer.
	Words string
	// Irreplaceable says that the version must stay in force where no earlier one can take its place: without the object,
	// requests would pass that it is there to stop.
	Irreplaceable bool
}

// Quarantine holds the versions of objects that Envoy refuses. Its methods are called by one goroutine, the loop's, and
// return at once; searches run beside it, one at a time, and end in Findings.
type Quarantine struct {
	options  Options
	findings chan []Finding
	busy     bool
	held     map[store.Ref]held
	// cleared are the versions whose status says that they are refused, wrongly.
	cleared map[store.Ref]metav1.Object
	// searched are the rejections that were looked into, by what was refused.
	searched map[xds.ID]string
	// recheck asks for a look at what is held as soon as there is time.
	recheck bool
}

type held struct {
	object metav1.Object
	words  string
}

// New returns an empty quarantine.
func New(o Options) *Quarantine {
	if o.AmbassadorID == "" {
		o.AmbassadorID = v3alpha1.DefaultAmbassadorID
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return &Quarantine{
		options:  o,
		findings: make(chan []Finding, 1),
		held:     map[store.Ref]held{},
		cleared:  map[store.Ref]metav1.Object{},
		searched: map[xds.ID]string{},
	}
}

// Findings delivers the outcome of each search. Whoever receives it calls Settle with it.
func (q *Quarantine) Findings() <-chan []Finding { return q.findings }

// Settle takes note of an outcome: what it says is held from now on, and what it clears is not.
func (q *Quarantine) Settle(findings []Finding) {
	q.busy = false
	for _, finding := range findings {
		if finding.Words == "" {
			delete(q.held, finding.Ref)
			q.cleared[finding.Ref] = finding.Object
		} else {
			delete(q.cleared, finding.Ref)
			q.held[finding.Ref] = held{finding.Object, finding.Words}
		}
	}
}

// Holds reports whether this version of an object is in quarantine, and the words for its status. A version of which nothing is
// known is held if its status says that Envoy refused it; another version takes its place in the quarantine.
func (q *Quarantine) Holds(object metav1.Object) (words string, holds bool) {
	ref := store.RefOf(object)
	if known, ok := q.held[ref]; ok {
		if same(known.object, object) {
			return known.words, true
		}
		delete(q.held, ref)
	}
	if known, ok := q.cleared[ref]; ok {
		if same(known, object) {
			return "", false
		}
		delete(q.cleared, ref)
	}
	if words, refused := remembered(object, q.options.AmbassadorID); refused {
		q.held[ref] = held{object, words}
		q.recheck = true
		return words, true
	}
	return "", false
}

// Forget drops an object that is gone.
func (q *Quarantine) Forget(ref store.Ref) {
	delete(q.held, ref)
	delete(q.cleared, ref)
}

// Recheck has the oracle asked again about everything held, for something changed that a version may refer to.
func (q *Quarantine) Recheck() { q.recheck = len(q.held) > 0 }

// Look starts what there is to look into, if nothing is under way: the rejections that are new, or else what is to be
// checked again. Objects are those in force; owners tells of which of them a resource was made.
func (q *Quarantine) Look(ctx context.Context, rejected []xds.Rejection, owners func(compile.ResourceID) []store.Ref, objects map[store.Ref]metav1.Object) {
	if q.busy {
		return
	}
	for id := range q.searched {
		if !slices.ContainsFunc(rejected, func(r xds.Rejection) bool { return r.ID == id }) {
			delete(q.searched, id)
		}
	}
	for _, rejection := range rejected {
		if q.searched[rejection.ID] == rejection.Version || !shared(rejection.TypeURL) {
			continue
		}
		q.searched[rejection.ID] = rejection.Version
		made := owners(compile.ResourceID{TypeURL: rejection.TypeURL, Name: rejection.Name})
		if len(made) == 0 {
			continue // one of the controller's own
		}
		q.start(ctx, func(ctx context.Context, objects map[store.Ref]metav1.Object) []Finding {
			return q.search(ctx, rejection, made, objects)
		}, objects)
		return
	}
	if q.recheck && len(q.held) > 0 {
		q.recheck = false
		versions := maps.Clone(q.held)
		q.start(ctx, func(ctx context.Context, objects map[store.Ref]metav1.Object) []Finding {
			return q.review(ctx, versions, objects)
		}, objects)
	}
}

// shared reports whether resources of a type are made of many objects. Of clusters, endpoints and secrets those suffer
// who need them, and nobody else.
func shared(typeURL string) bool {
	return typeURL == compile.RouteType || typeURL == compile.ListenerType
}

// start runs work beside the loop. It gets a copy of the objects' table; the objects themselves never change.
func (q *Quarantine) start(ctx context.Context, work func(context.Context, map[store.Ref]metav1.Object) []Finding, objects map[store.Ref]metav1.Object) {
	q.busy = true
	objects = maps.Clone(objects)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, q.options.Timeout)
		defer cancel()
		q.findings <- work(ctx, objects)
	}()
}

// search finds out for the sake of which objects Envoy refuses a resource.
func (q *Quarantine) search(ctx context.Context, rejection xds.Rejection, owners []store.Ref, objects map[store.Ref]metav1.Object) (findings []Finding) {
	begin := time.Now()
	s := newSearch(q.options, rejection.TypeURL, objects, owners)
	culprits, err := s.run(ctx)
	log := q.options.Log.With("resource", rejection.Name, "suspects", len(owners), "questions", s.asked, "took", time.Since(begin).Round(time.Millisecond))
	switch {
	case errors.Is(err, errTaken):
		log.Warn("Envoy refuses a resource, and no object is at fault", "detail", rejection.Detail)
	case err != nil:
		log.Error("the object for which Envoy refuses a resource was not found", "detail", rejection.Detail, "error", err)
	}
	for _, c := range culprits {
		log.Warn("Envoy refuses an object", "object", store.RefOf(c.object).String(), "detail", c.words)
		findings = append(findings, finding(c.object, c.words))
	}
	return findings
}

// irreplaceable are the kinds that stop requests.
var irreplaceable = map[string]bool{"AuthService": true, "RateLimitService": true, "Module": true}

// review asks about each version held, in place of the one in force, and says of each what it found.
func (q *Quarantine) review(ctx context.Context, versions map[store.Ref]held, objects map[store.Ref]metav1.Object) (findings []Finding) {
	for ref, version := range versions {
		with := maps.Clone(objects)
		with[ref] = version.object
		refusal, err := newSearch(q.options, compile.RouteType, with, []store.Ref{ref}).askAll(ctx)
		if err == nil && refusal == "" {
			refusal, err = newSearch(q.options, compile.ListenerType, with, []store.Ref{ref}).askAll(ctx)
		}
		switch {
		case err != nil:
			q.options.Log.Error("an object in quarantine could not be looked at again", "object", ref.String(), "error", err)
			return findings
		case refusal != "":
			findings = append(findings, finding(version.object, refusal))
		default:
			q.options.Log.Info("Envoy takes an object that it refused", "object", ref.String())
			findings = append(findings, Finding{Ref: ref, Object: version.object})
		}
	}
	return findings
}

// finding says that Envoy refuses a version of an object.
func finding(object metav1.Object, words string) Finding {
	ref := store.RefOf(object)
	return Finding{Ref: ref, Object: object, Words: "Envoy refuses it: " + words, Irreplaceable: irreplaceable[ref.Kind]}
}

// same reports whether two objects are the same version of one.
func same(a, b metav1.Object) bool {
	both := store.New()
	both.Upsert(a)
	return a == b || !both.Upsert(b)
}

// remembered returns what an instance said in the status of an object that Envoy refuses.
func remembered(object metav1.Object, id string) (words string, refused bool) {
	typed, ok := object.(v3alpha1.Object)
	if !ok {
		return "", false
	}
	conditions := *typed.GetConditions()
	if !typed.GetAmbassadorID().Only(id) { // they may be another instance's
		conditions = nil
		for _, instance := range *typed.GetInstances() {
			if instance.AmbassadorID == id {
				conditions = instance.Conditions
			}
		}
	}
	for _, condition := range conditions {
		if condition.Type == v3alpha1.ConditionProgrammed && condition.Status == metav1.ConditionFalse &&
			condition.Reason == status.ReasonRejectedByEnvoy && condition.ObservedGeneration == object.GetGeneration() {
			return condition.Message, true
		}
	}
	return "", false
}
