package controller

import (
	"context"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// sharedCompiler makes a RouteConfiguration of all Mappings and AuthServices besides the clusters of the Mappings.
type sharedCompiler struct{ fakeCompiler }

var sharedRoutes = compile.ResourceID{TypeURL: compile.RouteType, Name: "routes"}

func (c sharedCompiler) Update(s *store.Store, now time.Time) *compile.Delta {
	delta := c.fakeCompiler.Update(s, now)
	routes := &routev3.RouteConfiguration{Name: sharedRoutes.Name}
	add := func(ref store.Ref, generation int64, content string) {
		routes.VirtualHosts = append(routes.VirtualHosts, &routev3.VirtualHost{Name: content})
		if delta.Reports[ref] == nil {
			delta.Reports[ref] = &compile.Report{Generation: generation}
		}
		delta.Reports[ref].Resources = append(delta.Reports[ref].Resources, sharedRoutes)
	}
	for _, mapping := range s.Mappings() {
		add(store.RefOf(mapping), mapping.Generation, mapping.Spec.Prefix)
	}
	for _, auth := range s.AuthServices() {
		add(store.RefOf(auth), auth.Generation, auth.Spec.AuthService)
	}
	for _, module := range s.Modules() {
		add(store.RefOf(module), module.Generation, module.Name)
	}
	delta.Changed[sharedRoutes] = routes
	return delta
}

// oracle refuses what has "poison" in it, unless there is a Module of the name "antidote".
type oracle struct {
	// asked is told of each question, and waits for answer; nil does not wait.
	asked, answer chan struct{}
}

func (o oracle) Ask(_ context.Context, output *compile.Output) (refusal string, err error) {
	if o.asked != nil {
		o.asked <- struct{}{}
		<-o.answer
	}
	for _, routes := range output.Routes {
		for _, host := range routes.VirtualHosts {
			if host.Name == "antidote" {
				return "", nil
			}
			if strings.Contains(host.Name, "poison") {
				refusal = host.Name + " is bad"
			}
		}
	}
	return refusal, nil
}

// startShared runs a loop with a sharedCompiler and such an oracle.
func startShared(t *testing.T, o oracle) *rig {
	t.Helper()
	return startWith(t, func(l *loop) {
		l.newCompiler = func() compiler { return sharedCompiler{} }
		l.quarantine = quarantine.New(quarantine.Options{Oracle: o, Compile: func(s *store.Store) *compile.Output {
			routes := sharedCompiler{}.Update(s, time.Time{}).Changed[sharedRoutes].(*routev3.RouteConfiguration)
			return &compile.Output{Routes: []*routev3.RouteConfiguration{routes}}
		}})
	})
}

// startWithPoison starts with a good Mapping, a, and one that Envoy has been found to refuse, b.
func startWithPoison(t *testing.T) *rig {
	t.Helper()
	r := startShared(t, oracle{})
	r.upsert("a", "/a", "s", 1)
	r.upsert("b", "/poison", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/a", "b/poison", "routes")
	r.refuse("v1")
	r.published(t, "a/a", "routes")
	r.refusedByEnvoy(t, mappingRef("b"), 1, "Envoy refuses it: /poison is bad")
	return r
}

// refuse answers as an Envoy that refuses the routes. The version is of their content.
func (r *rig) refuse(version string) {
	r.server.mu.Lock()
	revision := r.server.revision
	r.server.mu.Unlock()
	r.server.acknowledge(xds.Rejection{ID: xds.ID(sharedRoutes), Version: version, Detail: "no", Restored: true, Revision: revision})
}

// programmed waits until that is said of a generation.
func (r *rig) programmed(t *testing.T, ref store.Ref, generation int64, want status.Verdict) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	var last status.Update
	for {
		select {
		case update := <-r.sink.updates:
			if update.Ref != ref {
				continue
			}
			last = update
			if update.Generation == generation && update.Programmed == want && update.Accepted.True {
				return
			}
		case <-deadline:
			t.Fatalf("said %+v of %s, want %+v of generation %d", last, ref, want, generation)
		}
	}
}

// refusedByEnvoy waits for that verdict on a generation.
func (r *rig) refusedByEnvoy(t *testing.T, ref store.Ref, generation int64, message string) {
	t.Helper()
	r.programmed(t, ref, generation, status.Verdict{Reason: status.ReasonRejectedByEnvoy, Message: message})
}

// inUse is the verdict on what Envoy serves.
var inUse = status.Verdict{True: true, Reason: v3alpha1.ConditionProgrammed}

// errors reads what the metrics count.
func (r *rig) errors(t *testing.T) (count float64) {
	t.Helper()
	if err := r.loop.ask(t.Context(), func() {}); err != nil { // the pass is over
		t.Fatal(err)
	}
	families, err := r.loop.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "ambassador_diagnostics_errors" {
			continue
		}
		for _, metric := range family.GetMetric() {
			if metric.GetLabel()[0].GetValue() == "error" {
				count = metric.GetGauge().GetValue()
			}
		}
	}
	return count
}

func (r *rig) handle(object metav1.Object) {
	r.loop.inbox.Handle(watch.Event{Ref: store.RefOf(object), Object: object})
}

func auth(service string, generation int64) *v3alpha1.AuthService {
	return &v3alpha1.AuthService{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "auth", Generation: generation},
		Spec:       v3alpha1.AuthServiceSpec{AuthService: service},
	}
}

func module(name string) *v3alpha1.Module {
	return &v3alpha1.Module{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Generation: 1}}
}

func TestWhatEnvoyRefusesIsLeftOut(t *testing.T) {
	t.Parallel()
	r := startWithPoison(t)
	if got := r.errors(t); got != 1 {
		t.Errorf("the metrics count %v errors", got)
	}

	// The same version again is not let in; others are, and it itself when it is mended.
	r.upsert("b", "/poison", "s", 1)
	r.upsert("c", "/c", "s", 1)
	r.published(t, "a/a", "c/c", "routes")
	r.upsert("b", "/mended", "s", 2)
	r.published(t, "a/a", "b/mended", "c/c", "routes")
	r.server.acknowledge()
	r.programmed(t, mappingRef("b"), 2, inUse)
	if got := r.errors(t); got != 0 {
		t.Errorf("the metrics count %v errors", got)
	}
}

func TestTheVersionThatEnvoyAcceptedLastComesBack(t *testing.T) {
	t.Parallel()
	r := startShared(t, oracle{})
	r.upsert("a", "/one", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/one", "routes")
	r.server.acknowledge()
	r.programmed(t, mappingRef("a"), 1, inUse)
	r.upsert("a", "/two", "s", 2) // Envoy has not answered it
	r.published(t, "a/two", "routes")
	r.upsert("a", "/poison", "s", 3)
	r.published(t, "a/poison", "routes")
	r.refuse("v3")
	r.published(t, "a/one", "routes")
	r.refusedByEnvoy(t, mappingRef("a"), 3, "Envoy refuses it: /poison is bad (generation 1 is still served)")

	// What is back is accepted still: another bad edit leads to it again.
	r.upsert("a", "/poison/more", "s", 4)
	r.published(t, "a/poison/more", "routes")
	r.refuse("v4")
	r.published(t, "a/one", "routes")
	r.refusedByEnvoy(t, mappingRef("a"), 4, "Envoy refuses it: /poison/more is bad (generation 1 is still served)")
}

func TestAVersionWhoseRefusalIsOvertakenIsNotAccepted(t *testing.T) {
	t.Parallel()
	r := startShared(t, oracle{})
	r.loop.inbox.Synced()
	r.published(t, "routes")
	r.upsert("a", "/poison", "s", 1)
	r.published(t, "a/poison", "routes")
	r.server.acknowledge(xds.Rejection{ID: xds.ID(sharedRoutes), Version: "v1", Overtaken: true})
	r.upsert("a", "/poison/more", "s", 2)
	r.published(t, "a/poison/more", "routes")
	r.refuse("v2")
	r.published(t, "routes") // and not generation 1
	r.refusedByEnvoy(t, mappingRef("a"), 2, "Envoy refuses it: /poison/more is bad")
}

func TestTheStatusKeepsAPoisonOutOfTheFirstConfiguration(t *testing.T) {
	t.Parallel()
	poison := func(prefix string) *v3alpha1.Mapping {
		return &v3alpha1.Mapping{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "b", Generation: 3},
			Spec:       v3alpha1.MappingSpec{Prefix: prefix, Service: "s"},
			Status: v3alpha1.MappingStatus{Status: v3alpha1.Status{Conditions: []metav1.Condition{{
				Type: v3alpha1.ConditionProgrammed, Status: metav1.ConditionFalse, ObservedGeneration: 3,
				Reason: status.ReasonRejectedByEnvoy, Message: "Envoy refuses it: as ever",
			}}}},
		}
	}
	r := startShared(t, oracle{})
	r.upsert("a", "/a", "s", 1)
	r.handle(poison("/poison"))
	r.loop.inbox.Synced()
	r.published(t, "a/a", "routes")
	r.refusedByEnvoy(t, mappingRef("b"), 3, "Envoy refuses it: as ever")
	r.server.acknowledge()
	r.refusedByEnvoy(t, mappingRef("b"), 3, "Envoy refuses it: /poison is bad") // it was asked

	// It is let in as soon as Envoy takes it.
	r.handle(module("antidote"))
	r.published(t, "a/a", "routes")
	r.server.acknowledge()
	r.published(t, "a/a", "b/poison", "routes")
	r.server.acknowledge()
	r.programmed(t, mappingRef("b"), 3, inUse)
}

// inForce reads the version of an object that is in force, nil if none is.
func (r *rig) inForce(t *testing.T, ref store.Ref) (object metav1.Object) {
	t.Helper()
	if err := r.loop.ask(t.Context(), func() { object = r.loop.objects[ref] }); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestAnAuthServiceThatEnvoyRefusesStopsRequests(t *testing.T) {
	t.Parallel()
	ref := store.Ref{Kind: "AuthService", Namespace: "default", Name: "auth"}
	r := startShared(t, oracle{})
	r.handle(auth("poison", 1))
	r.loop.inbox.Synced()
	r.published(t, "routes")
	r.refuse("v1")
	r.published(t, "routes")
	r.refusedByEnvoy(t, ref, 1, "Envoy refuses it: poison is bad; every request but the probes is refused until this is corrected")
	if object := r.inForce(t, ref); !isStandIn(object) {
		t.Errorf("in force is %+v", object)
	}
	r.handle(auth("good", 2))
	r.published(t, "routes")
	r.server.acknowledge()
	r.programmed(t, ref, 2, inUse)
	r.handle(auth("poison again", 3))
	r.published(t, "routes")
	r.refuse("v3")
	r.published(t, "routes")
	r.refusedByEnvoy(t, ref, 3, "Envoy refuses it: poison again is bad (generation 2 is still served)")
	if object, ok := r.inForce(t, ref).(*v3alpha1.AuthService); !ok || object.Spec.AuthService != "good" {
		t.Errorf("in force is %+v", object)
	}
}

func TestAnAuthServiceStopsRequestsFromTheStartIfItsStatusSaysSo(t *testing.T) {
	t.Parallel()
	ref := store.Ref{Kind: "AuthService", Namespace: "default", Name: "auth"}
	r := startShared(t, oracle{})
	known := auth("poison", 1)
	known.Status.Conditions = []metav1.Condition{{
		Type: v3alpha1.ConditionProgrammed, Status: metav1.ConditionFalse, ObservedGeneration: 1,
		Reason: status.ReasonRejectedByEnvoy, Message: "Envoy refuses it: as ever",
	}}
	r.handle(known)
	r.loop.inbox.Synced()
	r.published(t, "routes")
	if object := r.inForce(t, ref); !isStandIn(object) {
		t.Errorf("in force is %+v", object)
	}
}

func TestAModuleThatEnvoyRefusesStaysInForce(t *testing.T) {
	t.Parallel()
	ref := store.Ref{Kind: "Module", Namespace: "default", Name: "poison"}
	r := startShared(t, oracle{})
	r.handle(module("poison"))
	r.loop.inbox.Synced()
	r.published(t, "routes")
	r.refuse("v1")
	r.refusedByEnvoy(t, ref, 1, "Envoy refuses it: poison is bad")
	if r.inForce(t, ref) == nil {
		t.Error("it is not in force")
	}
}

func TestADeletedPoisonIsForgotten(t *testing.T) {
	t.Parallel()
	r := startShared(t, oracle{})
	r.upsert("a", "/poison", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/poison", "routes")
	r.refuse("v1")
	r.published(t, "routes")
	r.refusedByEnvoy(t, mappingRef("a"), 1, "Envoy refuses it: /poison is bad")
	r.loop.inbox.Handle(watch.Event{Ref: mappingRef("a")})
	select {
	case ref := <-r.sink.forgotten:
		if ref != mappingRef("a") {
			t.Errorf("forgot %s", ref)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it was not forgotten")
	}
	r.upsert("a", "/poison", "s", 1) // another one of the same name
	r.published(t, "a/poison", "routes")
}

func TestAFindingAboutAReplacedVersionHasNoEffect(t *testing.T) {
	t.Parallel()
	o := oracle{asked: make(chan struct{}), answer: make(chan struct{})}
	r := startShared(t, o)
	r.upsert("a", "/poison", "s", 1)
	r.loop.inbox.Synced()
	r.published(t, "a/poison", "routes")
	r.refuse("v1")
	<-o.asked
	if r.loop.settled.Load() {
		t.Error("settled while the object at fault is looked for")
	}
	r.upsert("a", "/good", "s", 2)
	r.published(t, "a/good", "routes")
	o.answer <- struct{}{}
	<-o.asked // whether Envoy takes the rest
	o.answer <- struct{}{}
	r.upsert("b", "/b", "s", 1)
	r.published(t, "a/good", "b/b", "routes")
	r.server.acknowledge()
	r.programmed(t, mappingRef("a"), 2, inUse)
}

func TestAPanicBesideAPoison(t *testing.T) {
	t.Parallel()
	r := startWithPoison(t)

	// One batch: the version that is held, one that breaks the compiler, and a good one.
	r.loop.inbox.mu.Lock()
	for _, m := range []struct{ name, prefix, service string }{{"a", "/a", "panic"}, {"b", "/poison", "s"}, {"c", "/c", "s"}} {
		r.loop.inbox.events[mappingRef(m.name)] = watch.Event{Ref: mappingRef(m.name), Object: &v3alpha1.Mapping{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: m.name, Generation: map[bool]int64{true: 2, false: 1}[m.name == "a"]},
			Spec:       v3alpha1.MappingSpec{Prefix: m.prefix, Service: m.service},
		}}
	}
	r.loop.inbox.mu.Unlock()
	r.loop.inbox.ring()
	r.published(t, "a/a", "c/c", "routes")
	r.server.acknowledge()
	if update := r.said(t, "a"); update.Accepted.True || update.Generation != 2 {
		t.Errorf("said %+v of the object that breaks the compiler", update)
	}
	var snapshot *Snapshot
	if err := r.loop.ask(t.Context(), func() { snapshot = r.loop.snapshot() }); err != nil {
		t.Fatal(err)
	}
	var poison []Problem
	for _, entry := range snapshot.Problems {
		if entry.Object == "Mapping default/b" && entry.Generation == 1 {
			poison = entry.Problems
		}
	}
	if len(poison) != 1 || poison[0] != (Problem{Severity: "error", Condition: v3alpha1.ConditionProgrammed, Reason: status.ReasonRejectedByEnvoy, Message: "Envoy refuses it: /poison is bad"}) {
		t.Errorf("the diagnostics show %+v", snapshot.Problems)
	}
}
