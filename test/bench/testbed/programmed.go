package testbed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
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

// AwaitAllProgrammed returns when the status of every Mapping and Host is written.
func (p *Plane) AwaitAllProgrammed(ctx context.Context, timeout time.Duration) error {
	return Await(ctx, "every status to be written", timeout, func(ctx context.Context) error {
		var mappings v3alpha1.MappingList
		var hosts v3alpha1.HostList
		if err := errors.Join(p.Objects.List(ctx, &mappings), p.Objects.List(ctx, &hosts)); err != nil {
			return err
		}
		missing := 0
		for i := range mappings.Items {
			if !programmed(&mappings.Items[i], mappings.Items[i].Generation) {
				missing++
			}
		}
		for i := range hosts.Items {
			if !programmed(&hosts.Items[i], hosts.Items[i].Generation) {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d objects do not say Programmed", missing, len(mappings.Items)+len(hosts.Items))
		}
		return nil
	})
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
