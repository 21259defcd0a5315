package kustomization

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/internal/kube"
)

// DeletionPolicy is what becomes of a CRD that is to be deleted.
type DeletionPolicy string

// The policies.
const (
	// Retain leaves CRDs in the cluster.
	Retain DeletionPolicy = "retain"
	// DeleteIfEmpty deletes those of which there are no objects.
	DeleteIfEmpty DeletionPolicy = "delete_if_empty"
	// DeleteAll deletes them with all objects of their kinds in the whole cluster.
	DeleteAll DeletionPolicy = "delete"
)

// emptyGrace is how long DeleteIfEmpty waits for objects to go: others may be
// deleting them right now.
const emptyGrace = 10 * time.Second

// Delete deletes all objects in the reverse of the order in which they were
// applied, and waits for each group of them to be gone before it goes on: what
// holds an object with a finalizer often comes from the same kustomization. It
// stops after the first group that fails.
func (c Cluster) Delete(ctx context.Context, known Records) *Outcome {
	out := &Outcome{Records: Records{}}
	for id, record := range known {
		out.Records[id] = record
	}
	c.delete(ctx, known, out)
	return out
}

func (c Cluster) delete(ctx context.Context, unwanted Records, out *Outcome) {
	objects := make([]Object, 0, len(unwanted))
	for _, record := range unwanted {
		objects = append(objects, record.object())
	}
	sortForApply(objects)
	for _, group := range slices.Backward(groups(objects)) {
		each(group, func(o Object) {
			if err := c.deleteOne(ctx, o, out); err != nil {
				out.fail("Cannot delete "+o.String(), err)
				return
			}
			out.remove(o.ID())
		})
		if len(out.Failures) > 0 {
			return
		}
	}
}

// deleteOne deletes an object unless there is a reason to keep it.
func (c Cluster) deleteOne(ctx context.Context, o Object, out *Outcome) error {
	if why := keeps(o); why != "" {
		out.note("%s was left in the cluster: %s.", o, why)
		return nil
	}
	found, known, err := c.Client.FindType(ctx, o.GroupVersionKind())
	if err != nil || !known {
		return err // Without its kind the object is gone, too.
	}
	ref := refIn(found, o)
	if o.is(crdKind) && c.CRDs != DeleteAll {
		why := "the deletion policy is \"retain\""
		if c.CRDs == DeleteIfEmpty {
			if why, err = c.use(ctx, ref); err != nil {
				return err
			}
		}
		if why != "" {
			out.note("%s was left in the cluster with the objects of its kind: %s.", o, why)
			return nil
		}
	}
	return c.Client.Delete(ctx, ref)
}

// keepers are the annotations by which tools are told not to delete an object.
var keepers = map[string]string{
	"helm.sh/resource-policy":                 "keep",
	"cli-utils.sigs.k8s.io/on-remove":         "keep",
	"client.lifecycle.config.k8s.io/deletion": "detach",
}

// keeps says why an object is never deleted; it is empty for one that may be.
func keeps(o Object) string {
	for name, value := range keepers {
		if o.GetAnnotations()[name] == value {
			return fmt.Sprintf("its annotation %s says %s", name, value)
		}
	}
	own := []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease}
	if o.is(namespaceKind) && slices.Contains(own, o.GetName()) {
		return "a cluster always has this namespace"
	}
	return ""
}

// use names an object of a CRD's kind that is still there; it is empty when there
// is none.
func (c Cluster) use(ctx context.Context, ref kube.Ref) (string, error) {
	live, err := c.Client.Get(ctx, ref)
	if err != nil || live == nil {
		return "", err
	}
	crd := &kube.CRD{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, crd); err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", Object{Unstructured: live}, err)
	}
	grace := time.After(emptyGrace)
	for {
		name, err := c.Client.AnyObject(ctx, crd)
		if err != nil || name == "" {
			return "", err
		}
		inUse := "there still are objects, such as " + name
		select {
		case <-ctx.Done():
			return inUse, nil
		case <-grace:
			return inUse, nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}
