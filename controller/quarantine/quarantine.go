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
	"iter"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// DefaultTimeout bounds one search or one look at what is in quarantine.
const DefaultTimeout = time.Minute

// A search that failed, because Envoy could not be asked or took too long, is made again after leastRest, or
// restFactor times as long as it took: what cannot be found must not keep a core busy.
const (
	leastRest  = 30 * time.Second
	restFactor = 10
)

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

// InForce is the configuration that Envoy was asked to serve.
type InForce struct {
	// Objects are those in force.
	Objects map[store.Ref]metav1.Object
	// Owners are those that what was refused was made of.
	Owners []store.Ref
	// Trials are those of whose version in force Envoy has not accepted anything yet, each with the version that it accepted
	// last; nil for none.
	Trials map[store.Ref]metav1.Object
}

// Finding is what became known of one version of an object.
type Finding struct {
	Ref store.Ref
	// Object is the version.
	Object metav1.Object
	// Words say why Envoy refuses the version, for its status. Empty: Envoy takes it, and it is in quarantine no longer.
	Words string
}

// Outcome is what a search has found.
type Outcome struct {
	findings []Finding
	// failed is what was searched in vain, nil if the search came to its end; again is when to try again.
	failed *xds.ID
	again  time.Time
}

// Quarantine holds the versions of objects that Envoy refuses. Its methods are called by one goroutine, the loop's, and
// return at once; searches run beside it, one at a time, and end in Outcomes.
type Quarantine struct {
	options  Options
	outcomes chan Outcome
	busy     bool
	held     map[store.Ref]held
	// cleared are the versions whose status says that they are refused, wrongly.
	cleared map[store.Ref]metav1.Object
	// searched are the rejections that were looked into, by what was refused.
	searched map[xds.ID]searched
	// recheck asks for a look at what is held as soon as there is time.
	recheck bool
}

// searched is the version of a resource that was looked into, and when to do so again; zero is never.
type searched struct {
	version string
	again   time.Time
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
		outcomes: make(chan Outcome, 1),
		held:     map[store.Ref]held{},
		cleared:  map[store.Ref]metav1.Object{},
		searched: map[xds.ID]searched{},
	}
}

// Outcomes delivers the outcome of each search. Whoever receives it calls Settle with it.
func (q *Quarantine) Outcomes() <-chan Outcome { return q.outcomes }

// Busy reports whether a search is under way.
func (q *Quarantine) Busy() bool { return q.busy }

// Settle takes note of an outcome: what it says is held from now on, and what it clears is not. It returns the findings
// that still count: a version may have been replaced while it was looked into. Objects are those in force.
func (q *Quarantine) Settle(outcome Outcome, objects map[store.Ref]metav1.Object) (settled []Finding) {
	q.busy = false
	if outcome.failed != nil {
		last := q.searched[*outcome.failed]
		q.searched[*outcome.failed] = searched{last.version, outcome.again}
	}
	for _, finding := range outcome.findings {
		isHeld := q.held[finding.Ref].object == finding.Object
		switch {
		case isHeld && finding.Words == "":
			delete(q.held, finding.Ref)
			q.cleared[finding.Ref] = finding.Object
		case finding.Words != "" && (isHeld || Same(objects[finding.Ref], finding.Object)):
			delete(q.cleared, finding.Ref)
			q.held[finding.Ref] = held{finding.Object, finding.Words}
		default:
			continue
		}
		settled = append(settled, finding)
	}
	return settled
}

// Holds reports whether this version of an object is in quarantine. A version of which nothing is known is held if its
// status says that Envoy refused it, unless it is the one in force (nil if none is): then the words are about what is
// going on, and no memory. Another version takes the place of the one that was held.
func (q *Quarantine) Holds(object, inForce metav1.Object) bool {
	ref := store.RefOf(object)
	if known, ok := q.held[ref]; ok {
		if Same(known.object, object) {
			return true
		}
		delete(q.held, ref)
	}
	if known, ok := q.cleared[ref]; ok {
		if Same(known, object) {
			return false
		}
		delete(q.cleared, ref)
	}
	words, refused := remembered(object, q.options.AmbassadorID)
	if !refused || Same(inForce, object) {
		return false
	}
	q.held[ref] = held{object, words}
	q.recheck = true
	return true
}

// All yields the versions in quarantine, each with the words for its status.
func (q *Quarantine) All() iter.Seq2[metav1.Object, string] {
	return func(yield func(metav1.Object, string) bool) {
		for _, version := range q.held {
			if !yield(version.object, version.words) {
				return
			}
		}
	}
}

// Forget drops an object that is gone.
func (q *Quarantine) Forget(ref store.Ref) {
	delete(q.held, ref)
	delete(q.cleared, ref)
}

// Recheck has the oracle asked again about everything held, for something changed that a version may refer to.
func (q *Quarantine) Recheck() { q.recheck = len(q.held) > 0 }

// Look starts what there is to look into, if nothing is under way: the rejections that are new, or were looked into in
// vain a while ago, or else what is to be checked again. It is to be called now and then. What is in force is asked for
// when it is needed; the tables must be the quarantine's own.
func (q *Quarantine) Look(ctx context.Context, rejected []xds.Rejection, inForce func(compile.ResourceID) InForce) {
	if q.busy {
		return
	}
	for id := range q.searched {
		if !slices.ContainsFunc(rejected, func(r xds.Rejection) bool { return r.ID == id }) {
			delete(q.searched, id)
		}
	}
	for _, rejection := range rejected {
		if !searchable(rejection.TypeURL) || rejection.Overtaken || q.isSearched(rejection) {
			continue
		}
		q.searched[rejection.ID] = searched{version: rejection.Version}
		in := inForce(compile.ResourceID(rejection.ID))
		if len(in.Owners) == 0 {
			continue // one of the controller's own
		}
		q.start(ctx, func(ctx context.Context) Outcome { return q.search(ctx, rejection, in) })
		return
	}
	if q.recheck && len(q.held) > 0 {
		q.recheck = false
		versions, in := maps.Clone(q.held), inForce(compile.ResourceID{})
		q.start(ctx, func(ctx context.Context) Outcome { return Outcome{findings: q.review(ctx, versions, in.Objects)} })
	}
}

// isSearched reports whether a rejection was looked into, and not to be looked into again yet.
func (q *Quarantine) isSearched(rejection xds.Rejection) bool {
	last := q.searched[rejection.ID]
	return last.version == rejection.Version && (last.again.IsZero() || time.Now().Before(last.again))
}

// searchable reports whether it is looked for who is at fault when a resource of a type is refused. Routes and listeners
// are made of many objects; for a new cluster there is nothing to go back to but the objects before. Of endpoints and
// secrets those suffer who need them, and nobody else.
func searchable(typeURL string) bool {
	return typeURL == compile.RouteType || typeURL == compile.ListenerType || typeURL == compile.ClusterType
}

// start runs work beside the loop.
func (q *Quarantine) start(ctx context.Context, work func(context.Context) Outcome) {
	q.busy = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, q.options.Timeout)
		defer cancel()
		var outcome Outcome
		defer func() {
			// The compiler may break on a part of what it takes as a whole. Nothing is found then.
			if cause := recover(); cause != nil {
				q.options.Log.Error("looking for the object that Envoy refuses failed; please report this", "panic", cause, "stack", string(debug.Stack()))
			}
			q.outcomes <- outcome
		}()
		outcome = work(ctx)
	}()
}

// search finds out for the sake of which objects Envoy refuses a resource.
func (q *Quarantine) search(ctx context.Context, rejection xds.Rejection, in InForce) (outcome Outcome) {
	begin := time.Now()
	s := newSearch(q.options, rejection.TypeURL, in)
	suspects := len(s.row)
	culprits, err := s.run(ctx)
	log := q.options.Log.With("resource", rejection.Name, "suspects", suspects, "questions", s.asked, "took", time.Since(begin).Round(time.Millisecond))
	switch {
	case errors.Is(err, errTaken):
		log.Warn("Envoy refuses a resource, and no object is at fault", "detail", rejection.Detail)
	case err != nil:
		rest := max(leastRest, restFactor*time.Since(begin))
		outcome.failed, outcome.again = &rejection.ID, time.Now().Add(rest)
		log.Error("the object for which Envoy refuses a resource was not found", "detail", rejection.Detail, "error", err, "again in", rest.Round(time.Second))
	}
	for _, c := range culprits {
		log.Warn("Envoy refuses an object", "object", store.RefOf(c.object).String(), "detail", c.words)
		outcome.findings = append(outcome.findings, finding(c.object, c.words))
	}
	return outcome
}

// Irreplaceable reports whether objects of a kind must stay in force where no earlier version can take the place of the
// refused one: without the object, requests would pass that it is there to stop.
func Irreplaceable(kind string) bool {
	return kind == "AuthService" || kind == "RateLimitService" || kind == "Module"
}

// review asks about each version held, in place of the one in force, and says of each what it found.
func (q *Quarantine) review(ctx context.Context, versions map[store.Ref]held, objects map[store.Ref]metav1.Object) (findings []Finding) {
	for ref, version := range versions {
		in := InForce{Objects: maps.Clone(objects), Owners: []store.Ref{ref}}
		in.Objects[ref] = version.object
		refusal, err := newSearch(q.options, compile.RouteType, in).askAll(ctx)
		if err == nil && refusal == "" {
			refusal, err = newSearch(q.options, compile.ListenerType, in).askAll(ctx)
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
	return Finding{Ref: store.RefOf(object), Object: object, Words: "Envoy refuses it: " + words}
}
