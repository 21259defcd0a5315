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
	"terraform-provider-emissary/crds/v3alpha1"
)

// mostCarriers bounds the culprits that others depend on: a configuration that is refused for the sake of more of them
// has another fault, and leaving them all out would take down what is good.
const mostCarriers = 32

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
//
// Objects that Envoy has accepted are no suspects as long as it takes the configuration of them alone: an AuthService
// shows in a listener only, and it is not the Listener's fault.
type search struct {
	oracle  Oracle
	compile func(*store.Store) *compile.Output
	// refused is the type of the resource that was refused. Only resources of that type are asked about, and clusters with
	// listeners, which look for those that they name.
	refused string
	objects []metav1.Object // all but the suspects
	row     []metav1.Object // the suspects still in question
	// trials are the suspects that Envoy has not accepted yet, each with the version that it accepted last, nil for none.
	trials map[store.Ref]metav1.Object
	// secure is a bystander in which the TLS settings of Hosts show; nil where no listener was refused.
	secure *v3alpha1.Listener
	// taken says that Envoy takes the configuration without any of the row.
	taken bool
	// asked counts the questions.
	asked int
}

// newSearch looks for culprits among the owners of what was refused, and what else is on trial. Routes that are not among
// them have no part in it and are left out of every question.
func newSearch(o Options, refused string, in InForce) *search {
	s := &search{oracle: o.Oracle, compile: o.Compile, refused: refused, trials: map[store.Ref]metav1.Object{}}
	suspected := map[store.Ref]bool{}
	for _, ref := range in.Owners {
		suspected[ref] = true
	}
	for ref, before := range in.Trials {
		if _, ours := in.Objects[ref].(v3alpha1.Object); ours && (suspected[ref] || !isRoute(ref)) {
			suspected[ref], s.trials[ref] = true, before
		}
	}
	for ref, object := range in.Objects {
		switch {
		case suspected[ref]:
			s.row = append(s.row, object)
		case !isRoute(ref):
			s.objects = append(s.objects, object)
		}
	}
	if refused == compile.ListenerType {
		s.objects = append(s.objects, bystander(o.AmbassadorID, v3alpha1.ProtocolHTTP, in.Objects))
		s.secure = bystander(o.AmbassadorID, v3alpha1.ProtocolHTTPS, in.Objects)
	}
	slices.SortFunc(s.row, inRow)
	return s
}

func isRoute(ref store.Ref) bool { return ref.Kind == "Mapping" || ref.Kind == "TCPMapping" }

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
	if err := s.acquit(ctx); err != nil {
		return nil, err
	}
	carriers := 0
	for good := 0; refusal != ""; {
		if carriers == mostCarriers {
			return nil, fmt.Errorf("envoy refuses the configuration without %d of its objects too: %s", mostCarriers, refusal)
		}
		var words string
		if good, words, err = s.first(ctx, good, refusal); err != nil {
			return culprits, err
		}
		at, err := s.opened(ctx, good)
		if err != nil {
			return culprits, err
		}
		culprits = append(culprits, culprit{s.row[at], words})
		if !isRoute(store.RefOf(s.row[at])) {
			carriers++
		}
		s.row = slices.Delete(s.row, at, at+1)
		if at < good {
			good--
		}
		refusal = ""
		if good < len(s.row) { // else it is what was taken just now
			if refusal, err = s.askAll(ctx); err != nil {
				return culprits, err
			}
		}
	}
	return culprits, nil
}

// acquit takes those out of the row that Envoy has accepted, if it takes the configuration of them alone: with the last
// accepted version of each that is on trial.
func (s *search) acquit(ctx context.Context) error {
	if len(s.trials) == 0 || len(s.trials) == len(s.row) {
		return nil
	}
	accepted := *s
	accepted.objects, accepted.row = slices.Clone(s.objects), nil
	for _, object := range s.row {
		before, onTrial := s.trials[store.RefOf(object)]
		switch {
		case !onTrial:
			accepted.objects = append(accepted.objects, object)
		case before != nil:
			accepted.objects = append(accepted.objects, before)
			fallthrough
		default:
			accepted.row = append(accepted.row, object)
		}
	}
	refusal, err := accepted.ask(ctx, 0)
	if err == nil && refusal == "" {
		accepted.taken = true
		*s = accepted
	}
	s.asked = accepted.asked
	return err
}

// first returns the index of the first object with which Envoy refuses the row, and its words. It takes the row up to
// good, and refuses the whole row.
func (s *search) first(ctx context.Context, good int, refusal string) (index int, words string, err error) {
	bad, checked, words := len(s.row), good > 0 || s.taken, refusal
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
	return s.askAbout(ctx, slices.Concat(s.objects, s.row[:n]))
}

// askAbout asks about the configuration of some objects; of two versions of one the last counts.
func (s *search) askAbout(ctx context.Context, objects []metav1.Object) (refusal string, err error) {
	all := store.New()
	for _, object := range objects {
		all.Upsert(object)
	}
	s.asked++
	output := s.compile(all)
	switch s.refused {
	case compile.RouteType:
		return s.oracle.Ask(ctx, &compile.Output{Routes: output.Routes})
	case compile.ClusterType:
		return s.oracle.Ask(ctx, &compile.Output{Clusters: output.Clusters})
	}
	return s.oracle.Ask(ctx, &compile.Output{Listeners: output.Listeners, Clusters: output.Clusters})
}
