package quarantine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
)

// mostCulprits bounds a search: a configuration that is refused for the sake of more objects has another fault.
const mostCulprits = 32

// errTaken says that Envoy takes offline what it refuses where it serves: its circumstances are at fault, such as an
// address in use, and no object.
var errTaken = errors.New("offline, Envoy takes this configuration")

// culprit is an object for whose sake Envoy refuses a configuration, and Envoy's words.
type culprit struct {
	object metav1.Object
	words  string
}

// search finds the objects for which Envoy refuses a configuration. It compiles parts of it and asks the oracle about
// each.
//
// The suspects are put in a row, those that others need before those that need them, and the newest last. The first
// object with which Envoy refuses the row up to it is a culprit, whatever it is that does not fit: the object alone, or
// the object beside one before it. Halving finds it; as the newest object is the most likely one, the search
// begins with short steps from the end.
type search struct {
	oracle  Oracle
	compile func(*store.Store) *compile.Output
	// refused is the type of the resource that was refused. Only resources of that type are asked about, and clusters with
	// listeners, which look for those that they name.
	refused string
	objects []metav1.Object // all but the suspects
	row     []metav1.Object // the suspects still in question
	// asked counts the questions.
	asked int
}

// newSearch looks for culprits among the owners of what was refused. Routes that are not among them have no part in it
// and are left out of every question.
func newSearch(o Options, refused string, objects map[store.Ref]metav1.Object, owners []store.Ref) *search {
	s := &search{oracle: o.Oracle, compile: o.Compile, refused: refused}
	suspected := make(map[store.Ref]bool, len(owners))
	for _, ref := range owners {
		if object := objects[ref]; object != nil && !suspected[ref] {
			suspected[ref] = true
			s.row = append(s.row, object)
		}
	}
	for ref, object := range objects {
		if !suspected[ref] && ref.Kind != "Mapping" && ref.Kind != "TCPMapping" {
			s.objects = append(s.objects, object)
		}
	}
	slices.SortFunc(s.row, inRow)
	return s
}

// inRow orders suspects.
func inRow(a, b metav1.Object) int {
	x, y := store.RefOf(a), store.RefOf(b)
	return cmp.Or(
		cmp.Compare(slices.Index(lastKinds, x.Kind), slices.Index(lastKinds, y.Kind)),
		cmp.Compare(version(a), version(b)),
		cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name),
	)
}

// lastKinds need those before them; other kinds need none of these.
var lastKinds = []string{"TLSContext", "Listener", "Host", "TCPMapping", "Mapping"}

// version is the resourceVersion as the number that it is in practice, and by definition since Kubernetes 1.35. Here it
// only decides what is looked at first.
func version(object metav1.Object) uint64 {
	number, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// askAll asks about the whole row.
func (s *search) askAll(ctx context.Context) (refusal string, err error) {
	return s.ask(ctx, len(s.row))
}

// run returns the culprits. Without them, Envoy takes the configuration; with an error, they are those found before it.
func (s *search) run(ctx context.Context) (culprits []culprit, err error) {
	refusal, err := s.askAll(ctx)
	if err != nil {
		return nil, err
	}
	if refusal == "" {
		return nil, errTaken
	}
	for good := 0; refusal != ""; {
		if len(culprits) == mostCulprits {
			return nil, fmt.Errorf("envoy refuses the configuration without %d objects too: %s", mostCulprits, refusal)
		}
		var words string
		if good, words, err = s.first(ctx, good, refusal); err != nil {
			return culprits, err
		}
		culprits = append(culprits, culprit{s.row[good], words})
		s.row = slices.Delete(s.row, good, good+1)
		refusal = ""
		if good < len(s.row) { // else it is what was taken just now
			if refusal, err = s.askAll(ctx); err != nil {
				return culprits, err
			}
		}
	}
	return culprits, nil
}

// first returns the index of the first object with which Envoy refuses the row, and its words. It takes the row up to
// good, and refuses the whole row.
func (s *search) first(ctx context.Context, good int, refusal string) (index int, words string, err error) {
	bad, checked, words := len(s.row), good > 0, refusal
	for step := 1; bad-good > 1; {
		middle := bad - step
		if step > (bad-good)/2 {
			middle = good + (bad-good)/2
		}
		answer, err := s.ask(ctx, middle)
		switch {
		case err != nil:
			return 0, "", err
		case answer == "":
			good, checked = middle, true
			step = len(s.row) // the end is passed: halve from here
		default:
			bad, words = middle, answer
			step *= 2
		}
	}
	if !checked {
		answer, err := s.ask(ctx, 0)
		if err != nil {
			return 0, "", err
		}
		if answer != "" {
			return 0, "", fmt.Errorf("envoy refuses the configuration without any of the objects it is made of: %s", answer)
		}
	}
	return good, words, nil
}

// ask asks about the first n of the row.
func (s *search) ask(ctx context.Context, n int) (refusal string, err error) {
	objects := store.New()
	for _, object := range s.objects {
		objects.Upsert(object)
	}
	for _, object := range s.row[:n] {
		objects.Upsert(object)
	}
	s.asked++
	output := s.compile(objects)
	if s.refused == compile.RouteType {
		return s.oracle.Ask(ctx, &compile.Output{Routes: output.Routes})
	}
	return s.oracle.Ask(ctx, &compile.Output{Listeners: output.Listeners, Clusters: output.Clusters})
}
