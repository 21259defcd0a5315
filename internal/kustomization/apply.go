package kustomization

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"terraform-provider-emissary/internal/kube"
)

// Cluster is where objects are applied to.
type Cluster struct {
	Client *kube.Client
	// Force takes over the fields of others (true) or none, not even drifted ones
	// (false). Nil takes back what drifted.
	Force *bool
	// Wait says whether objects of getambassador.io that were applied must be
	// served, and workloads be rolled out. Nil is true, but for objects that no
	// living controller serves.
	Wait *bool
	// Recreate deletes objects whose immutable fields change and makes them again,
	// but for those that hold data.
	Recreate bool
	// CRDs says what becomes of CRDs that are to be deleted.
	CRDs DeletionPolicy
}

// Outcome is what came of an operation.
type Outcome struct {
	// Records are what is in the cluster now, whatever failed.
	Records Records
	// Notes are what should be known of what went well.
	Notes []string
	// Failures are what went wrong; an operation without any has succeeded.
	Failures []Failure

	mu sync.Mutex
}

// Failure is what went wrong with one object.
type Failure struct {
	// Summary is what could not be done: "Cannot apply Deployment shop/cart".
	Summary string
	// Err is why.
	Err error
}

// Apply brings the cluster to what is wanted: Namespaces and CRDs, for which it
// waits, then the rest kind by kind, whose readiness it waits for. At last it
// deletes, in reverse, what is known and not wanted any more. When objects of a
// stage fail, the others of that stage are applied all the same, and what comes
// after it is not begun.
func (c Cluster) Apply(ctx context.Context, wanted []Object, known Records) *Outcome {
	out := &Outcome{Records: maps.Clone(known)}
	if out.Records == nil {
		out.Records = Records{}
	}
	stages := Tiers(wanted)
	first := stages[tierFirst]
	each(first, func(o Object) { c.applyFirst(ctx, o, out) })
	if len(out.Failures) > 0 {
		return out
	}
	rest := append(stages[tierRest], stages[tierLast]...)
	for _, group := range groups(rest) {
		each(group, func(o Object) { c.apply(ctx, o, out) })
	}
	if len(out.Failures) > 0 {
		return out
	}
	each(rest, func(o Object) { c.wait(ctx, o, out) })
	if len(out.Failures) > 0 {
		return out
	}
	c.delete(ctx, without(out.Records, wanted), out)
	return out
}

// applyFirst applies a Namespace or CRD and waits until it can be used. One that
// was being deleted is applied again once it is gone.
func (c Cluster) applyFirst(ctx context.Context, o Object, out *Outcome) {
	for {
		ref, ok := c.apply(ctx, o, out)
		if !ok {
			return
		}
		err := c.Client.WaitReady(ctx, ref, kube.ReadyOptions{})
		if err == nil {
			return
		}
		if !errors.Is(err, kube.ErrGone) {
			out.notReady(o, err)
			return
		}
	}
}

// apply writes one object.
func (c Cluster) apply(ctx context.Context, o Object, out *Outcome) (ref kube.Ref, ok bool) {
	ref, err := c.refOf(ctx, o)
	if err != nil {
		out.fail("Cannot apply "+o.String(), err)
		return ref, false
	}
	applied, err := c.write(ctx, ref, o, out)
	if applied.Object != nil {
		record, recordErr := recordOf(o, applied.Object, c.Client.FieldManager())
		out.put(o.ID(), record)
		err = errors.Join(err, recordErr)
	}
	if len(applied.TakenBack) > 0 {
		out.note("Fields of %s were taken back from other field managers, which had changed or made them: %s. Set force_conflicts = false to get an error instead.",
			o, strings.Join(applied.TakenBack, "; "))
	}
	if err != nil {
		out.fail("Cannot apply "+o.String(), err)
	}
	return ref, err == nil
}

// write applies one object, anew where it cannot be changed.
func (c Cluster) write(ctx context.Context, ref kube.Ref, o Object, out *Outcome) (kube.Applied, error) {
	record := out.record(o.ID())
	options := kube.ApplyOptions{Prior: record.prior(), Owned: record.owned, Force: c.Force}
	applied, err := c.Client.Apply(ctx, ref, o.Object, options)
	switch {
	case !kube.IsImmutable(err):
		return applied, err
	case holdsData(o):
		return applied, fmt.Errorf("%w. It holds data, so that it has to be deleted or renamed by hand", err)
	case !c.Recreate:
		return applied, fmt.Errorf("%w. Give the object another name, or set recreate_immutable = true to have it deleted and made again", err)
	}
	if err := c.Client.Delete(ctx, ref); err != nil {
		return kube.Applied{}, err
	}
	out.remove(o.ID())
	out.note("%s was deleted and made again, because fields have changed that are immutable.", o)
	return c.Client.Apply(ctx, ref, o.Object, kube.ApplyOptions{Force: c.Force})
}

// holdsData reports whether more than the object goes when it is deleted.
func holdsData(o Object) bool {
	return o.is(namespaceKind) || o.is(crdKind) || slices.Contains([]string{"PersistentVolume", "PersistentVolumeClaim"}, o.GetKind())
}

// refOf finds the place of an object in the API. Its kind may have to come first.
func (c Cluster) refOf(ctx context.Context, o Object) (kube.Ref, error) {
	found, err := c.Client.AwaitType(ctx, o.GroupVersionKind(), o.GetName())
	if err != nil {
		return kube.Ref{}, err
	}
	return refIn(found, o), nil
}

// refIn is the object in the type that it is of. A custom kind may turn out to
// be in namespaces: see complete.
func refIn(t kube.Type, o Object) kube.Ref {
	ref := kube.Ref{Type: t, Namespace: o.GetNamespace(), Name: o.GetName()}
	switch {
	case t.ClusterScoped:
		ref.Namespace = ""
	case ref.Namespace == "":
		ref.Namespace = "default"
	}
	return ref
}

// wait returns when Envoy serves the object, or its pods run.
func (c Cluster) wait(ctx context.Context, o Object, out *Outcome) {
	if c.Wait != nil && !*c.Wait {
		return
	}
	ref, err := c.refOf(ctx, o)
	if err != nil {
		out.fail("Cannot wait for "+o.String(), err)
		return
	}
	if ref.Group != kube.Group {
		if err := c.Client.WaitReady(ctx, ref, kube.ReadyOptions{}); err != nil {
			out.notReady(o, err)
		}
		return
	}
	instances := c.Client.Controllers(ctx, kube.AmbassadorIDs(o.Object))
	if c.Wait == nil && len(instances) == 0 && ctx.Err() == nil {
		return
	}
	if err := c.Client.WaitServed(ctx, ref, out.record(o.ID()).generation, instances); err != nil {
		out.notReady(o, err)
	}
}

// without are the records of what is not wanted.
func without(records Records, wanted []Object) Records {
	left := maps.Clone(records)
	for _, o := range wanted {
		delete(left, o.ID())
	}
	return left
}

// parallel is how many objects are written or waited for at the same time.
const parallel = 32

// each calls the function for every object, as many at a time as is kind to the
// API server, and returns when all calls have.
func each[T any](items []T, call func(T)) {
	places := make(chan struct{}, parallel)
	var all sync.WaitGroup
	for _, item := range items {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			call(item)
		})
	}
	all.Wait()
}

func (out *Outcome) record(id string) Record {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.Records[id]
}

func (out *Outcome) put(id string, record Record) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.Records[id] = record
}

func (out *Outcome) remove(id string) {
	out.mu.Lock()
	defer out.mu.Unlock()
	delete(out.Records, id)
}

func (out *Outcome) note(format string, arguments ...any) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.Notes = append(out.Notes, fmt.Sprintf(format, arguments...))
}

func (out *Outcome) fail(summary string, err error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.Failures = append(out.Failures, Failure{Summary: summary, Err: err})
}

// notReady keeps that the object was applied and is not what it should be, so
// that the next plan shows it and the next apply waits again.
func (out *Outcome) notReady(o Object, err error) {
	record := out.record(o.ID())
	record.NotReady = err.Error()
	out.put(o.ID(), record)
	out.fail(o.String()+" was applied but is not ready", err)
}
