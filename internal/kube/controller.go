package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	labelAmbassadorID = "getambassador.io/ambassador-id"
	labelManagedBy    = "app.kubernetes.io/managed-by"
	managedBy         = "terraform-provider-emissary"

	// staleAfter is how many lease durations without renewal make a leader dead.
	staleAfter = 3
	// controllersFor is how long the list of living controllers is believed, so
	// that an apply of a thousand objects does not list the leases as often.
	controllersFor = 5 * time.Second
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// controllerCache remembers which ambassador_ids have a living controller.
type controllerCache struct {
	mu    sync.Mutex
	until time.Time
	ids   []string
}

// automatic in an object's list of ambassador ids makes every instance serve it.
const automatic = "_automatic_"

// Controllers returns those of the ambassador ids that a living controller of
// this product serves: its leader's Lease was renewed within three lease
// durations. No permission to list leases counts as no controller, because then
// nobody can tell whether waiting would ever end.
func (c *Client) Controllers(ctx context.Context, ambassadorIDs []string) []string {
	c.controllers.mu.Lock()
	defer c.controllers.mu.Unlock()
	if now := time.Now(); now.After(c.controllers.until) {
		var list *unstructured.UnstructuredList
		err := c.retry(ctx, "list", Ref{Type: Type{GroupVersionResource: leases, Kind: "Lease"}, Name: "of any name"}, false, func(ctx context.Context) (err error) {
			list, err = c.dynamic.Resource(leases).List(ctx, metav1.ListOptions{
				LabelSelector: labelManagedBy + "=" + managedBy + "," + labelAmbassadorID,
			})
			return err
		})
		switch {
		case err == nil:
			c.controllers.ids = livingControllers(list.Items, now)
		case apierrors.IsForbidden(err):
			c.controllers.ids = nil
		default:
			return nil // The caller ran out of time, which says nothing for the next.
		}
		c.controllers.until = now.Add(controllersFor)
	}
	return slices.DeleteFunc(slices.Clone(c.controllers.ids), func(id string) bool {
		return !slices.Contains(ambassadorIDs, id) && !slices.Contains(ambassadorIDs, automatic)
	})
}

func livingControllers(leases []unstructured.Unstructured, now time.Time) (ids []string) {
	for _, lease := range leases {
		renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
		seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
		at, err := time.Parse(time.RFC3339Nano, renewed)
		if err != nil || now.After(at.Add(staleAfter*time.Duration(seconds)*time.Second)) {
			continue
		}
		ids = append(ids, lease.GetLabels()[labelAmbassadorID])
	}
	slices.Sort(ids)
	return slices.Compact(ids) // installs of one id in several namespaces
}

// AmbassadorIDs are the instances that an object of getambassador.io is for, as
// its manifest says. Versions v1 and v2 may have one text for the list.
func AmbassadorIDs(manifest map[string]any) []string {
	spec, _ := manifest["spec"].(map[string]any)
	var ids []string
	switch value := spec["ambassador_id"].(type) {
	case string:
		ids = append(ids, value)
	case []any:
		for _, id := range value {
			ids = append(ids, fmt.Sprint(id))
		}
	}
	if len(ids) == 0 {
		return []string{"default"}
	}
	return ids
}

// IsFor reports whether an object is for the instance with that ambassador id.
func IsFor(object *unstructured.Unstructured, ambassadorID string) bool {
	ids := AmbassadorIDs(object.Object)
	return slices.Contains(ids, ambassadorID) || slices.Contains(ids, automatic)
}
