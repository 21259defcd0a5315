package derive_test

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
)

// world is what a store holds after the events of a Deriver.
type world struct {
	t        *testing.T
	deriver  *derive.Deriver
	mappings map[string]string // prefix by namespace/name
	problems map[string]string // by reference
	seen     int
}

func newWorld(t *testing.T) *world {
	return &world{t: t, deriver: derive.New("default", slog.New(slog.DiscardHandler)), mappings: map[string]string{}, problems: map[string]string{}}
}

// apply brings objects, as manifests, in one batch.
func (w *world) apply(manifests string) {
	w.t.Helper()
	var events []watch.Event
	for _, document := range manifest.Decode("test", []byte(manifests)) {
		if document.Err != nil {
			w.t.Fatal(document.Err)
		}
		for _, object := range document.Objects {
			event := watch.Event{Ref: object.Ref, Object: object.Object}
			if object.Err != nil {
				event.Rejected = &watch.Rejection{Message: object.Err.Error()}
			}
			events = append(events, event)
		}
	}
	w.expand(events)
}

func (w *world) remove(kind, namespace, name string) {
	w.expand([]watch.Event{{Ref: store.Ref{Kind: kind, Namespace: namespace, Name: name}}})
}

func (w *world) expand(events []watch.Event) {
	w.t.Helper()
	times := map[store.Ref]int{}
	for _, event := range w.deriver.Expand(events) {
		if times[event.Ref]++; times[event.Ref] > 1 {
			w.t.Errorf("%s is there twice in one batch", event.Ref)
		}
		w.seen++
		key := event.Ref.Namespace + "/" + event.Ref.Name
		switch mapping, isMapping := event.Object.(*v3alpha1.Mapping); {
		case event.Rejected != nil:
			w.problems[event.Ref.String()] = event.Rejected.Message
		case isMapping:
			w.mappings[key] = mapping.Spec.Prefix
			delete(w.problems, event.Ref.String())
		case event.Object == nil:
			if event.Ref.Kind == "Mapping" {
				delete(w.mappings, key)
			}
			delete(w.problems, event.Ref.String())
		}
	}
}

// want compares the Mappings, as "namespace/name=prefix", and the references of the problems.
func (w *world) want(mappings string, problems ...string) {
	w.t.Helper()
	var have []string
	for _, name := range slices.Sorted(maps.Keys(w.mappings)) {
		have = append(have, name+"="+w.mappings[name])
	}
	if got := strings.Join(have, " "); got != mappings {
		w.t.Errorf("Mappings are %q, want %q", got, mappings)
	}
	if got := slices.Sorted(maps.Keys(w.problems)); !slices.Equal(got, problems) {
		w.t.Errorf("problems are of %q, want %q", w.problems, problems)
	}
}

func carrier(name string, documents ...string) string {
	text := ""
	for _, document := range documents {
		text += "      ---\n      " + document + "\n"
	}
	annotations := ""
	if text != "" {
		annotations = "\n  annotations:\n    getambassador.io/config: |\n" + text
	}
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata:\n  name: %s%s\n", name, annotations)
}

func mapping(name, prefix string) string {
	return fmt.Sprintf("{apiVersion: ambassador/v2, kind: Mapping, name: %s, prefix: %s, service: s}", name, prefix)
}

const ownMapping = "---\napiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: a}\nspec: {hostname: '*', prefix: /own/, service: s}\n"

func TestAnnotationsLiveAndDieWithTheirService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(carrier("s", mapping("a", "/a/"), mapping("b", "/b/")))
	w.want("default/a=/a/ default/b=/b/")
	w.apply(carrier("s", mapping("a", "/other/")))
	w.want("default/a=/other/")
	w.apply(carrier("s"))
	w.want("")
	w.apply(carrier("s", mapping("a", "/a/")))
	w.remove("Service", "default", "s")
	w.want("")
}

func TestABadDocumentKeepsWhatItMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(carrier("s", mapping("a", "/a/"), mapping("b", "/b/")))
	w.apply(carrier("s", mapping("a", "5"), mapping("b", "/new/")))
	w.want("default/a=/a/ default/b=/new/", "Service annotation default/s")
	if message := w.problems["Service annotation default/s"]; !strings.Contains(message, "Mapping default/a: spec.prefix") || !strings.Contains(message, "still served") {
		t.Errorf("message = %q", message)
	}
	w.apply(carrier("s", "a: [", mapping("b", "/newer/")))
	w.want("default/a=/a/ default/b=/newer/", "Service annotation default/s")
	w.apply(carrier("s", mapping("b", "/newer/")))
	w.want("default/b=/newer/")
}

func TestAnotherInstancesFaultsAreItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(carrier("s", "{apiVersion: ambassador/v2, kind: Mapping, name: a, prefix: 5, service: s, ambassador_id: blue}"))
	w.want("")
}

func TestAnObjectOfItsOwnWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(carrier("s", mapping("a", "/a/")))
	w.apply(ownMapping)
	w.want("default/a=/own/", "Service annotation default/s")
	w.apply(carrier("s", mapping("a", "/newer/")))
	w.want("default/a=/own/", "Service annotation default/s")
	w.remove("Mapping", "default", "a")
	w.want("default/a=/newer/")
}

func TestTheSameNameInTwoAnnotations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(carrier("one", mapping("a", "/one/"), mapping("a", "/twice/")) + carrier("two", mapping("a", "/two/")))
	w.want("default/a=/one/", "Service annotation default/one", "Service annotation default/two")
	w.remove("Service", "default", "one")
	w.want("default/a=/two/")
}

const (
	class = "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: edge}\nspec: {controller: getambassador.io/ingress-controller}\n"
	shop  = `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: edge
  rules:
  - http:
      paths:
      - {path: /number, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}
      - {path: /name, pathType: Prefix, backend: {service: {name: shop, port: {name: web}}}}
`
	shopService = "---\napiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{name: web, port: 80}]}\n"
)

func TestIngressWaitsForItsClassAndItsService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(shop)
	w.want("")
	w.apply(class)
	w.want("default/shop-0-0=/number", "Ingress default/shop")
	w.apply(shopService)
	w.want("default/shop-0-0=/number default/shop-0-1=/name")
	w.remove("Service", "default", "shop")
	w.want("default/shop-0-0=/number default/shop-0-1=/name", "Ingress default/shop") // last good
	w.remove("IngressClass", "", "edge")
	w.want("")
	w.apply(class + shopService)
	w.remove("Ingress", "default", "shop")
	w.want("")
}

func TestIngressesAreForNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(class + shop)
	for _, event := range w.deriver.Expand(nil) {
		t.Errorf("an event of nothing: %v", event.Ref)
	}
	before := w.seen
	w.apply("---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: other}\nspec: {controller: example.com/other}\n")
	if w.seen != before {
		t.Errorf("another controller's class made %d events", w.seen-before)
	}
}

func TestWhatCarriesNothingCostsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(carrier("s") + ownMapping)
	if w.seen != 2 {
		t.Errorf("%d events came of 2", w.seen)
	}
}
