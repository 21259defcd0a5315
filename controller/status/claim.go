package status

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
)

// DefaultTakeover is how long an instance that is named earlier may be behind before another speaks for it.
const DefaultTakeover = 30 * time.Second

// own returns what the instance said in its entry, and whether it has one.
func own(seen *watch.Seen, id string) (conditions []metav1.Condition, found bool) {
	i := slices.IndexFunc(seen.Instances, func(s v3alpha1.InstanceStatus) bool { return s.AmbassadorID == id })
	if i < 0 {
		return nil, false
	}
	return seen.Instances[i].Conditions, true
}

// observe returns an object as it was last seen, nil when it is gone. Only one that is not valid, of which nothing but
// the metadata is kept, must be read.
func (w *Writer) observe(ctx context.Context, ref store.Ref) (*watch.Seen, error) {
	known := w.options.Observed(ref)
	if known == nil || !known.Unusable {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	raw, err := w.options.Client.Resource(w.resources[ref.Kind]).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	seen := &watch.Seen{UID: known.UID, ResourceVersion: known.ResourceVersion, Generation: known.Generation, AmbassadorID: manifest.AmbassadorID(raw)}
	status, _, _ := unstructured.NestedMap(raw.Object, "status")
	var said v3alpha1.Status
	if runtime.DefaultUnstructuredConverter.FromUnstructured(status, &said) == nil { // else it is nothing of ours
		seen.Conditions, seen.Instances = said.Conditions, said.Instances
	}
	return seen, nil
}

// place is where an instance says what it has to say.
//
// The usual object names one instance, which has the conditions at the top to itself. Where several serve an object, each
// has an entry of its own, and one speaks for all at the top: the first one of those that are named which reports. Others
// that take its place leave it again as soon as it does.
type place struct {
	entry bool // in an entry of the instance's own
	top   bool // at the top
	force bool // at the top, whoever is there
	later bool // at the top, if after a while nobody with a better claim is there
}

// placeOf finds an instance's place. Waited says that it was looked for before, long enough ago.
func placeOf(id string, seen *watch.Seen, waited bool) place {
	if seen.AmbassadorID.Only(id) {
		return place{top: true, force: true}
	}
	behind := false
	for _, other := range seen.Instances {
		if other.AmbassadorID == id || !seen.AmbassadorID.IsMember(other.AmbassadorID) || !seen.AmbassadorID.Before(other.AmbassadorID, id) {
			continue
		}
		if generationOf(other.Conditions) >= seen.Generation {
			return place{entry: true}
		}
		behind = true
	}
	if behind && !waited {
		return place{entry: true, later: true}
	}
	first := len(seen.AmbassadorID) > 0 && seen.AmbassadorID[0] == id
	return place{entry: true, top: true, force: first || waited}
}

// yielded is the place of an instance that found another one at the top.
func (p place) yielded() place { return place{entry: p.entry, later: true} }

// before returns what the instance said so far.
func (p place) before(id string, seen *watch.Seen) []metav1.Condition {
	if conditions, found := own(seen, id); found && p.entry {
		return conditions
	}
	return seen.Conditions
}

// saysAll reports whether an update is said already wherever it is to be said.
func (p place) saysAll(id string, seen *watch.Seen, update Update) bool {
	conditions, found := own(seen, id)
	return found == p.entry && (!p.entry || says(conditions, update)) && (!p.top || says(seen.Conditions, update))
}

// generationOf returns the generation that conditions speak about.
func generationOf(conditions []metav1.Condition) (generation int64) {
	for _, condition := range conditions {
		generation = max(generation, condition.ObservedGeneration)
	}
	return generation
}

// says reports whether the conditions already say what the update does.
func says(conditions []metav1.Condition, update Update) bool {
	same := 0
	for _, want := range update.Conditions(conditions, metav1.Time{}) {
		for _, have := range conditions {
			have.LastTransitionTime, want.LastTransitionTime = metav1.Time{}, metav1.Time{}
			if have == want {
				same++
			}
		}
	}
	return same == 3
}

// settled reports whether the conditions hold a final word about a generation.
func settled(conditions []metav1.Condition, generation int64) bool {
	return slices.ContainsFunc(conditions, func(c metav1.Condition) bool {
		return c.Type == v3alpha1.ConditionProgrammed && c.ObservedGeneration == generation && c.Reason != v3alpha1.ReasonPending
	})
}
