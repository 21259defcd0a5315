package kube

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// emptyMaps takes our keys out of the live maps that the manifest wants empty, and
// reports whether there were any. Server-side apply does that in a way that leaves
// null in place of the empty map, which the schema of a CRD then refuses
// (kubernetes-sigs/structured-merge-diff prunes a map with its last owned key).
func (c *Client) emptyMaps(ctx context.Context, ref Ref, manifest map[string]any) (bool, error) {
	live, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	owned, err := OwnedBy(live, c.fieldManager)
	if err != nil {
		return false, err
	}
	patch := emptied(manifest, live.Object, owned)
	if len(patch) == 0 {
		return false, nil
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return false, fmt.Errorf("patch of %s: %w", ref, err)
	}
	_, err = c.resource(ref).Patch(ctx, ref.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: c.fieldManager})
	return err == nil, err
}

// emptied is the merge patch that removes what is owned of the maps that the
// manifest has empty.
func emptied(manifest, live map[string]any, owned Ownership) map[string]any {
	if len(manifest) == 0 {
		patch, _ := without(live, owned)
		return patch
	}
	patch := map[string]any{}
	for name, value := range manifest {
		wanted, isMap := value.(map[string]any)
		has, _ := live[name].(map[string]any)
		if !isMap || has == nil {
			continue
		}
		if below := emptied(wanted, has, owned.Child(name)); len(below) > 0 {
			patch[name] = below
		}
	}
	return patch
}

// without is the merge patch that removes what is owned of a map, and whether that
// is all of it.
func without(live map[string]any, owned Ownership) (patch map[string]any, all bool) {
	patch, all = map[string]any{}, true
	for name, value := range live {
		child := owned.Child(name)
		below, isMap := value.(map[string]any)
		switch {
		case !child.Any():
			all = false
		case isMap && len(below) > 0:
			part, whole := without(below, child)
			patch[name] = part
			if whole {
				patch[name] = nil
			}
			all = all && whole
		default:
			patch[name] = nil
		}
	}
	return patch, all
}
