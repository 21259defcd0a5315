// Package derive makes getambassador.io objects out of Kubernetes' own objects that carry configuration: those in the
// annotation getambassador.io/config of Services and Ingresses, and those an Ingress means. They live and die with the
// object that carries them, and nothing ever writes status to them: the API server does not know them.
//
// It sits between a source of events and the store, and knows what each carrier made so far. A document or rule that
// cannot be used costs only itself: what it made before stays in force, and the problem is reported of its carrier.
package derive

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/annotation"
	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Deriver follows the carriers of one instance. It belongs to one goroutine.
type Deriver struct {
	ambassadorID string
	log          *slog.Logger

	// carriers are all Ingresses, and the Services with an annotation.
	carriers map[store.Ref]metav1.Object
	// families are what the carriers made.
	families map[store.Ref]*family
	// owners are the carriers of the objects that are in force.
	owners map[store.Ref]store.Ref
	// denied are the carriers whose object is not in force because another of the same name is.
	denied map[store.Ref]map[store.Ref]bool
	// own are the getambassador.io objects that exist themselves. They win over derived ones.
	own map[store.Ref]bool

	services map[store.Ref]*corev1.Service
	// classes are the IngressClasses of this instance.
	classes map[string]bool
	// byPortName are the Ingresses that name ports of Services, by namespace.
	byPortName map[string]map[store.Ref]bool
}

// family is what one carrier made.
type family struct {
	objects  map[store.Ref]bool
	problems string
	unknown  string
}

// New returns a Deriver for the instance ambassadorID that knows of nothing. Log takes fields that have no effect.
func New(ambassadorID string, log *slog.Logger) *Deriver {
	return &Deriver{
		ambassadorID: ambassadorID,
		log:          log,
		carriers:     map[store.Ref]metav1.Object{},
		families:     map[store.Ref]*family{},
		owners:       map[store.Ref]store.Ref{},
		denied:       map[store.Ref]map[store.Ref]bool{},
		own:          map[store.Ref]bool{},
		services:     map[store.Ref]*corev1.Service{},
		classes:      map[string]bool{},
		byPortName:   map[string]map[store.Ref]bool{},
	}
}

// Expand takes a batch of events, one of each object at most, and returns it with the events of derived objects added.
// Ingresses and IngressClasses are left out: nobody else needs them. What is wrong with a carrier comes as a rejection
// of it; with the annotation of a Service, as a rejection of the "Service annotation".
func (d *Deriver) Expand(events []watch.Event) []watch.Event {
	b := &batch{place: map[store.Ref]int{}, carriers: map[store.Ref]bool{}}
	for _, event := range events {
		switch event.Ref.Kind {
		case "Ingress":
			d.ingressChanged(b, event)
			continue
		case "IngressClass":
			d.classChanged(b, event)
			continue
		case "Service":
			d.serviceChanged(b, event)
		case "Secret", "EndpointSlice", "Endpoints":
		default:
			d.ownChanged(b, event)
		}
		b.add(event)
	}
	for len(b.carriers) > 0 {
		carrier := slices.MinFunc(slices.Collect(maps.Keys(b.carriers)), compare)
		delete(b.carriers, carrier)
		d.derive(b, carrier)
	}
	return b.events
}

// batch is the events of one Expand, the newest of each object, and the carriers that are to be looked at.
type batch struct {
	events   []watch.Event
	place    map[store.Ref]int
	carriers map[store.Ref]bool
}

func (b *batch) add(event watch.Event) {
	if i, known := b.place[event.Ref]; known {
		b.events[i] = event
		return
	}
	b.place[event.Ref] = len(b.events)
	b.events = append(b.events, event)
}

func compare(a, b store.Ref) int { return strings.Compare(a.String(), b.String()) }

func (d *Deriver) ingressChanged(b *batch, event watch.Event) {
	delete(d.byPortName[event.Ref.Namespace], event.Ref)
	b.carriers[event.Ref] = true
	object, ok := event.Object.(*networkingv1.Ingress)
	if !ok {
		delete(d.carriers, event.Ref)
		return
	}
	d.carriers[event.Ref] = object
	if ingress.NamesPorts(object) {
		put(d.byPortName, event.Ref.Namespace, event.Ref)
	}
}

func (d *Deriver) classChanged(b *batch, event watch.Event) {
	class, ok := event.Object.(*networkingv1.IngressClass)
	ours := ok && ingress.IsOurs(class, d.ambassadorID)
	if ours == d.classes[event.Ref.Name] {
		return
	}
	d.classes[event.Ref.Name] = ours
	for ref, carrier := range d.carriers {
		if object, ok := carrier.(*networkingv1.Ingress); ok && object.Spec.IngressClassName != nil && *object.Spec.IngressClassName == event.Ref.Name {
			b.carriers[ref] = true
		}
	}
}

func (d *Deriver) serviceChanged(b *batch, event watch.Event) {
	service, ok := event.Object.(*corev1.Service)
	if !ok {
		delete(d.services, event.Ref)
		delete(d.carriers, event.Ref)
	} else {
		d.services[event.Ref] = service
		if service.Annotations[annotation.Key] != "" {
			d.carriers[event.Ref] = service
		} else {
			delete(d.carriers, event.Ref)
		}
	}
	if d.carriers[event.Ref] != nil || d.families[event.Ref] != nil {
		b.carriers[event.Ref] = true
	}
	for ref := range d.byPortName[event.Ref.Namespace] {
		b.carriers[ref] = true
	}
}

// ownChanged makes room for an object that exists itself, or lets a derived one take its place.
func (d *Deriver) ownChanged(b *batch, event watch.Event) {
	ref := event.Ref
	if event.Object == nil && event.Rejected == nil {
		delete(d.own, ref)
		maps.Copy(b.carriers, d.denied[ref])
		return
	}
	d.own[ref] = true
	if owner, derived := d.owners[ref]; derived {
		delete(d.owners, ref)
		delete(d.families[owner].objects, ref)
		b.carriers[owner] = true
	}
}

// derive brings what one carrier makes up to date.
func (d *Deriver) derive(b *batch, carrier store.Ref) {
	before := d.families[carrier]
	if before == nil {
		before = &family{}
	}
	now := &family{objects: map[store.Ref]bool{}}
	made := d.make(carrier)
	problems, unknown := made.problems, []string{}
	for _, object := range made.objects {
		ref := object.Ref
		for _, field := range object.Unknown {
			unknown = append(unknown, fmt.Sprintf("%s has no field %s", ref, field))
		}
		owner, taken := d.owners[ref]
		switch {
		case object.Err != nil:
			message := fmt.Sprintf("%s: %s: %v", object.Source, ref, object.Err)
			if before.objects[ref] {
				now.objects[ref] = true
				message += " (the version before it is still served)"
			}
			if object.AmbassadorID.IsMember(d.ambassadorID) {
				problems = append(problems, message)
			}
		case now.objects[ref]:
			problems = append(problems, fmt.Sprintf("%s: %s is there twice; the first one counts", object.Source, ref))
		case d.own[ref] || taken && owner != carrier:
			put(d.denied, ref, carrier)
			by := "exists itself"
			if !d.own[ref] {
				by = "is made by " + owner.String()
			}
			problems = append(problems, fmt.Sprintf("%s: %s %s, which counts: give this one another name", object.Source, ref, by))
		default:
			delete(d.denied[ref], carrier)
			d.owners[ref] = carrier
			now.objects[ref] = true
			b.add(watch.Event{Ref: ref, Object: object.Object})
		}
	}
	for ref := range before.objects {
		switch {
		case now.objects[ref]:
		case made.incomplete:
			now.objects[ref] = true // nobody can tell what the unreadable document was about
		default:
			delete(d.owners, ref)
			b.add(watch.Event{Ref: ref})
			maps.Copy(b.carriers, d.denied[ref])
		}
	}
	now.problems, now.unknown = strings.Join(problems, "; "), strings.Join(unknown, "; ")
	d.tell(b, carrier, before, now)
	if d.families[carrier] = now; d.carriers[carrier] == nil {
		delete(d.families, carrier)
	}
}

// tell reports what is new about a carrier's problems.
func (d *Deriver) tell(b *batch, carrier store.Ref, before, now *family) {
	if now.unknown != "" && now.unknown != before.unknown {
		d.log.Warn("unknown field ignored", "source", carrier.String(), "error", now.unknown)
	}
	if now.problems == before.problems {
		return
	}
	event := watch.Event{Ref: carrier}
	if carrier.Kind == "Service" { // the Service itself is in order
		event.Ref.Kind = "Service annotation"
	}
	if now.problems != "" {
		event.Rejected = &watch.Rejection{
			Generation:   d.carriers[carrier].GetGeneration(),
			AmbassadorID: v3alpha1.AmbassadorID{v3alpha1.AutomaticAmbassadorID},
			Message:      now.problems,
		}
	}
	b.add(event)
}

// put adds to a set in a map of sets.
func put[K, V comparable](sets map[K]map[V]bool, key K, value V) {
	if sets[key] == nil {
		sets[key] = map[V]bool{}
	}
	sets[key][value] = true
}
