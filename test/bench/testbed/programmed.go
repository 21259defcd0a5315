package testbed

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"terraform-provider-emissary/crds/v3alpha1"
)

// programmedTimeout bounds the wait for one object's status.
const programmedTimeout = time.Minute

// AwaitProgrammed returns when the Mapping's status says that Envoy acknowledged the generation that the object has.
func (p *Plane) AwaitProgrammed(ctx context.Context, mapping *v3alpha1.Mapping) error {
	ctx, cancel := context.WithTimeout(ctx, programmedTimeout)
	defer cancel()
	generation := mapping.Generation
	changes, err := p.Objects.Watch(ctx, &v3alpha1.MappingList{}, client.InNamespace(mapping.Namespace), &client.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", mapping.Name),
	})
	if err != nil {
		return fmt.Errorf("watch Mapping %s: %w", mapping.Name, err)
	}
	defer changes.Stop()
	for change := range changes.ResultChan() {
		if changed, ok := change.Object.(*v3alpha1.Mapping); ok && programmed(changed, generation) {
			return nil
		}
	}
	return fmt.Errorf("Mapping %s: no status Programmed for generation %d within %s", mapping.Name, generation, programmedTimeout)
}

// AwaitAllProgrammed returns when the status of every Mapping and Host says so.
func (p *Plane) AwaitAllProgrammed(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, list := range []client.ObjectList{&v3alpha1.HostList{}, &v3alpha1.MappingList{}} {
		if err := p.awaitProgrammed(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

// awaitProgrammed reads all objects once and follows their changes: reading thousands again and again would take the
// machine from the controller that is waited for.
func (p *Plane) awaitProgrammed(ctx context.Context, list client.ObjectList) error {
	for {
		if err := p.Objects.List(ctx, list); err != nil {
			return err
		}
		missing := map[string]bool{}
		note := func(object runtime.Object) {
			if o, ok := object.(v3alpha1.Object); ok {
				if programmed(o, o.GetGeneration()) {
					delete(missing, o.GetName())
				} else {
					missing[o.GetName()] = true
				}
			}
		}
		_ = meta.EachListItem(list, func(object runtime.Object) error { note(object); return nil })
		if len(missing) == 0 {
			return nil
		}
		changes, err := p.Objects.Watch(ctx, list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}})
		if err != nil {
			return err
		}
		for change := range changes.ResultChan() {
			if note(change.Object); len(missing) == 0 {
				changes.Stop()
				return nil
			}
		}
		// The API server ends a watch after some minutes.
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d objects do not say Programmed: %w", len(missing), meta.LenList(list), ctx.Err())
		}
	}
}

func programmed(object v3alpha1.Object, generation int64) bool {
	condition := meta.FindStatusCondition(*object.GetConditions(), v3alpha1.ConditionProgrammed)
	return condition != nil && condition.ObservedGeneration >= generation && condition.Status == "True"
}

// StatusWrites returns how many writes of a status the product's objects have seen since the API server started.
func (p *Plane) StatusWrites(ctx context.Context) (int, error) {
	metrics, err := p.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	return int(metrics.Sum("apiserver_request_total", "group", v3alpha1.GroupVersion.Group, "subresource", "status")), nil
}
