package quarantine

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

var (
	routes   = xds.ID{TypeURL: compile.RouteType, Name: "routes"}
	mappingA = store.Ref{Kind: "Mapping", Namespace: "default", Name: "a"}
)

func a(generation int64, prefix string, conditions ...metav1.Condition) *v3alpha1.Mapping {
	object := &v3alpha1.Mapping{ObjectMeta: meta("a", 1), Spec: v3alpha1.MappingSpec{Prefix: prefix}}
	object.Generation = generation
	object.Status.Conditions = conditions
	return object
}

func force(objects ...metav1.Object) map[store.Ref]metav1.Object {
	table := map[store.Ref]metav1.Object{}
	for _, object := range objects {
		table[store.RefOf(object)] = object
	}
	return table
}

func inForce(objects map[store.Ref]metav1.Object, owners ...store.Ref) func(compile.ResourceID) InForce {
	return func(compile.ResourceID) InForce { return InForce{Objects: maps.Clone(objects), Owners: owners} }
}

// wordsOf returns why an object is held.
func wordsOf(q *Quarantine, object metav1.Object) string {
	for held, words := range q.All() {
		if store.RefOf(held) == store.RefOf(object) {
			return words
		}
	}
	return ""
}

func TestRefusedVersionIsHeldUntilItChanges(t *testing.T) {
	t.Parallel()
	q := New(Options{Oracle: refusing("a"), Compile: naming})
	bad := a(1, "/bad/")
	rejected := []xds.Rejection{{ID: routes, Version: "v1"}}
	if q.Holds(bad, nil) {
		t.Error("held without reason")
	}
	q.Look(t.Context(), rejected, inForce(force(bad), mappingA))
	outcome := <-q.Outcomes()
	findings := outcome.findings
	if len(findings) != 1 || findings[0].Ref != mappingA || findings[0].Object != bad || findings[0].Words != "Envoy refuses it: a is bad" {
		t.Fatalf("found %+v", findings)
	}
	q.Settle(outcome, force(bad))
	if held := q.Holds(bad, nil); !held || wordsOf(q, bad) != findings[0].Words {
		t.Errorf("held %t with %q", held, wordsOf(q, bad))
	}
	// The same version from the API, with a new status, is still held.
	again := a(1, "/bad/", metav1.Condition{Type: "Accepted"})
	again.ResourceVersion = "7"
	if !q.Holds(again, nil) {
		t.Error("a new status freed it")
	}
	// What was looked into is not looked into again; the same resource with other content is.
	q.Look(t.Context(), rejected, inForce(force(bad), mappingA))
	if q.busy {
		t.Error("the same rejection is searched again")
	}
	q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v2"}}, inForce(force(bad), mappingA))
	q.Settle(<-q.Outcomes(), force(bad))
	if q.Holds(a(2, "/good/"), nil) {
		t.Error("another version is held")
	}
	if q.Holds(bad, nil) {
		t.Error("the version before is remembered beyond its time")
	}
}

func TestOnlyWhatObjectsAreAtFaultForIsSearched(t *testing.T) {
	t.Parallel()
	q := New(Options{Oracle: refusing("a"), Compile: naming})
	q.Look(t.Context(), []xds.Rejection{
		{ID: xds.ID{TypeURL: compile.EndpointType, Name: "e"}, Version: "v1"},
		{ID: xds.ID{TypeURL: compile.SecretType, Name: "s"}, Version: "v1"},
	}, inForce(force(a(1, "/")), mappingA))
	q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v1"}}, inForce(force(a(1, "/"))))
	if q.busy {
		t.Error("a search is under way")
	}
}

func TestStatusIsTheMemory(t *testing.T) {
	t.Parallel()
	refused := metav1.Condition{
		Type: v3alpha1.ConditionProgrammed, Status: metav1.ConditionFalse, ObservedGeneration: 3,
		Reason: status.ReasonRejectedByEnvoy, Message: "Envoy refuses it: no",
	}
	older, other, taken := refused, refused, refused
	older.ObservedGeneration, other.Reason, taken.Status = 2, "NoMatchingHost", metav1.ConditionTrue
	for name, condition := range map[string]metav1.Condition{"an older version": older, "another reason": other, "true": taken} {
		if New(Options{}).Holds(a(3, "/", condition), nil) {
			t.Errorf("%s: held", name)
		}
	}
	shared := a(3, "/", refused)
	shared.Spec.AmbassadorID = []string{"other", "default"}
	if New(Options{}).Holds(shared, nil) {
		t.Error("held for what another instance said")
	}
	shared.Status.Instances = []v3alpha1.InstanceStatus{{AmbassadorID: "default", Conditions: []metav1.Condition{refused}}}
	if !New(Options{}).Holds(shared, nil) {
		t.Error("what this instance said beside another is forgotten")
	}
	object := a(3, "/", refused)
	if New(Options{}).Holds(object, a(3, "/")) {
		t.Error("the version in force is held for what was just said of it")
	}

	// Still refused: held, with the words of today.
	q := New(Options{Oracle: refusing("a"), Compile: naming})
	if held := q.Holds(object, nil); !held || wordsOf(q, object) != refused.Message {
		t.Fatalf("held %t with %q", held, wordsOf(q, object))
	}
	q.Look(t.Context(), nil, inForce(force()))
	q.Settle(<-q.Outcomes(), force())
	if held := q.Holds(object, nil); !held || !strings.Contains(wordsOf(q, object), "a is bad") {
		t.Errorf("held %t with %q", held, wordsOf(q, object))
	}
	// Nothing that it may refer to has changed: nothing is asked.
	q.Look(t.Context(), nil, inForce(force()))
	if q.busy {
		t.Error("asked again")
	}

	// Taken meanwhile: free, whatever its status still says.
	q = New(Options{Oracle: refusing(), Compile: naming})
	q.Holds(object, nil)
	q.Look(t.Context(), nil, inForce(force()))
	outcome := <-q.Outcomes()
	findings := outcome.findings
	if len(findings) != 1 || findings[0].Words != "" || findings[0].Object != metav1.Object(object) {
		t.Fatalf("found %+v", findings)
	}
	q.Settle(outcome, force())
	if q.Holds(object, nil) {
		t.Error("held")
	}
}

func TestRecheckFreesWhatEnvoyTakesNow(t *testing.T) {
	t.Parallel()
	answers := []string{"h is missing", "h is missing", ""}
	q := New(Options{Compile: naming, Oracle: verdict(func(names []string) (string, error) {
		if len(names) == 0 {
			return "", nil
		}
		answer := answers[0]
		answers = answers[min(1, len(answers)-1):]
		return answer, nil
	})})
	q.Recheck() // nothing is held
	bad := a(1, "/")
	q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v1"}}, inForce(force(bad), mappingA))
	q.Settle(<-q.Outcomes(), force(bad))
	for _, want := range []bool{true, true, false} {
		if held := q.Holds(bad, nil); held != want {
			t.Fatalf("held is %t, want %t", held, want)
		}
		q.Recheck()
		q.Look(t.Context(), nil, inForce(force()))
		if q.busy {
			q.Settle(<-q.Outcomes(), force(bad))
		}
	}
}

func TestOutdatedFindingsDoNotCount(t *testing.T) {
	t.Parallel()
	q := New(Options{Oracle: refusing("a"), Compile: naming})
	bad, good := a(1, "/bad/"), a(2, "/good/")
	q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v1"}}, inForce(force(bad), mappingA))
	q.Holds(good, bad) // replaces it meanwhile
	if settled := q.Settle(<-q.Outcomes(), force(good)); len(settled) != 0 || q.Busy() {
		t.Errorf("settled %+v", settled)
	}
	if q.Holds(good, good) || q.Holds(bad, good) {
		t.Error("held for what was found of another version")
	}

	// The same of a review that clears what is held.
	q = New(Options{Oracle: refusing("a"), Compile: naming})
	q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v1"}}, inForce(force(bad), mappingA))
	q.Settle(<-q.Outcomes(), force(bad))
	q.Holds(good, nil)
	if settled := q.Settle(Outcome{findings: []Finding{{Ref: mappingA, Object: bad}}}, force(good)); len(settled) != 0 {
		t.Errorf("settled %+v", settled)
	}
}

// What could not be searched is searched again, after a rest that is long for a search that was long.
func TestAFailedSearchIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slow = 20 * time.Second
		fails := true
		q := New(Options{Compile: naming, Oracle: verdict(func(names []string) (string, error) {
			if fails {
				time.Sleep(slow)
				return "", errors.New("no answer")
			}
			return refusing("a")(names)
		})})
		bad := a(1, "/bad/")
		look := func() {
			q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v1"}}, inForce(force(bad), mappingA))
		}
		look()
		if settled := q.Settle(<-q.Outcomes(), force(bad)); len(settled) != 0 {
			t.Errorf("settled %+v", settled)
		}
		fails = false
		look()
		if q.Busy() {
			t.Fatal("made again at once")
		}
		time.Sleep(restFactor * slow)
		look()
		if settled := q.Settle(<-q.Outcomes(), force(bad)); len(settled) != 1 || settled[0].Ref != mappingA {
			t.Errorf("settled %+v", settled)
		}
	})
}

func TestACompilerThatBreaksOnAPartFindsNothing(t *testing.T) {
	t.Parallel()
	q := New(Options{Oracle: refusing("a"), Compile: func(*store.Store) *compile.Output { panic("no") }})
	q.Look(t.Context(), []xds.Rejection{{ID: routes, Version: "v1"}}, inForce(force(a(1, "/")), mappingA))
	if outcome := <-q.Outcomes(); len(outcome.findings) != 0 {
		t.Errorf("found %+v", outcome.findings)
	}
}

func TestPoliciesAreIrreplaceable(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{"Mapping": false, "Host": false, "Listener": false, "AuthService": true, "RateLimitService": true, "Module": true} {
		if got := Irreplaceable(kind); got != want {
			t.Errorf("%s: irreplaceable is %t", kind, got)
		}
	}
}
