package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// ApplyOptions decide what happens to fields that others own.
type ApplyOptions struct {
	// Prior is the manifest that was applied before, as last seen: fields in it
	// that others have changed since are taken back, and fields that the new
	// manifest no longer has are removed, whoever owns them now. Nil for an
	// object that was not applied before.
	Prior map[string]any
	// Owned reports whether a field, as managedFields spell it, counts as in Prior.
	// It is there for those in lists, whose elements a manifest alone does not
	// identify: see Leaves. Nil for none.
	Owned func(field string) bool
	// Force takes over every field (true) or none, not even drifted ones
	// (false). Nil means: those of Prior.
	Force *bool
	// DryRun asks the server what would come of it.
	DryRun bool
}

// Applied is the outcome of Apply.
type Applied struct {
	// Object is the object as the server stored it.
	Object *unstructured.Unstructured
	// TakenBack lists the drifted fields that were taken back, each with the
	// manager that had changed it.
	TakenBack []string
}

// Apply writes the manifest with server-side apply. It retries until the
// context ends while the object's CRD or namespace is not there, while
// admission or conversion webhooks are starting, and while the server is busy.
func (c *Client) Apply(ctx context.Context, ref Ref, manifest map[string]any, o ApplyOptions) (Applied, error) {
	var applied Applied
	defer c.listings.of(ref).writes.Add(1)
	err := c.retry(ctx, "apply", ref, true, func(ctx context.Context) error {
		force := o.Force != nil && *o.Force
		object, err := c.apply(ctx, ref, manifest, force, o.DryRun)
		if isConflictOfManagers(err) && o.Force == nil && isDrift(err, o) {
			applied.TakenBack, force = conflicts(err), true
			object, err = c.apply(ctx, ref, manifest, force, o.DryRun)
		}
		if apierrors.IsInvalid(err) && !o.DryRun {
			if emptied, failed := c.emptyMaps(ctx, ref, manifest); failed == nil && emptied {
				object, err = c.apply(ctx, ref, manifest, force, o.DryRun)
			}
		}
		applied.Object = object
		if wrong := c.confirmServer(err); wrong != nil {
			return wrong
		}
		return err
	})
	if err != nil && !o.DryRun && ctx.Err() != nil {
		applied.Object = c.written(ref, manifest, err)
	}
	if err != nil && applied.Object == nil {
		return Applied{}, err
	}
	if o.DryRun || o.Force != nil && !*o.Force {
		return applied, nil
	}
	err = c.removeLeftovers(ctx, ref, manifest, o.Prior, &applied)
	return applied, err
}

func (c *Client) apply(ctx context.Context, ref Ref, manifest map[string]any, force, dryRun bool) (*unstructured.Unstructured, error) {
	ctx, done, err := finish(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	options := metav1.ApplyOptions{FieldManager: c.fieldManager, Force: force}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.resource(ref).Apply(ctx, ref.Name, &unstructured.Unstructured{Object: maps.Clone(manifest)}, options)
}

// lookGrace is how long a last look may take after time has run out.
const lookGrace = 5 * time.Second

// written is the object when a write took effect whose answer did not come in
// time: then it has to be in the state, or it would belong to nobody. Nil means
// that it did not, or that nobody can tell.
func (c *Client) written(ref Ref, manifest map[string]any, failed error) *unstructured.Unstructured {
	if answer := apierrors.APIStatus(nil); errors.As(failed, &answer) {
		return nil // it is known to have failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookGrace)
	defer cancel()
	live, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	if owned, err := OwnedBy(live, c.fieldManager); err != nil || !owned.Any() || !contains(live.Object, manifest) {
		return nil
	}
	return live
}

// contains reports whether the live value has all that the manifest sets.
func contains(live, manifest any) bool {
	wanted, ok := manifest.(map[string]any)
	if !ok {
		return equality.Semantic.DeepEqual(live, manifest)
	}
	has, _ := live.(map[string]any)
	for name, value := range wanted {
		if _, ok := has[name]; !ok || !contains(has[name], value) {
			return false
		}
	}
	return true
}

// isDrift reports whether every conflict is about a field that was applied
// before: then someone changed it since, the plan has shown it, and whoever
// approved the plan wants it back.
func isDrift(err error, o ApplyOptions) bool {
	ours := leafPaths(o.Prior, "")
	for _, cause := range causes(err, metav1.CauseTypeFieldManagerConflict) {
		if !ours[cause.Field] && (o.Owned == nil || !o.Owned(cause.Field)) {
			return false
		}
	}
	return true
}

// leafPaths lists the fields of a manifest as managedFields spell them,
// including the objects on the way, which may be owned as a whole.
func leafPaths(value map[string]any, at string) map[string]bool {
	paths := map[string]bool{}
	for name, child := range value {
		path := at + "." + name
		paths[path] = true
		if fields, ok := child.(map[string]any); ok {
			maps.Copy(paths, leafPaths(fields, path))
		}
	}
	return paths
}

// removeLeftovers deletes what the configuration has dropped but server-side
// apply keeps, because someone else owns it too or has changed it meanwhile.
func (c *Client) removeLeftovers(ctx context.Context, ref Ref, manifest, prior map[string]any, applied *Applied) error {
	patch := leftovers(prior, manifest, applied.Object.Object)
	if len(patch) == 0 {
		return nil
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("patch of %s: %w", ref, err)
	}
	return c.retry(ctx, "apply", ref, true, func(ctx context.Context) error {
		object, err := c.resource(ref).Patch(ctx, ref.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: c.fieldManager})
		if err == nil {
			applied.Object = object
		}
		return err
	})
}

// leftovers is the merge patch that removes what prior has, the manifest has
// no more, and the live object still has.
func leftovers(prior, manifest, live map[string]any) map[string]any {
	patch := map[string]any{}
	for name, before := range prior {
		still, ok := live[name]
		if !ok {
			continue
		}
		wanted, ok := manifest[name]
		if !ok {
			patch[name] = nil
			continue
		}
		beforeFields, _ := before.(map[string]any)
		wantedFields, _ := wanted.(map[string]any)
		stillFields, _ := still.(map[string]any)
		if below := leftovers(beforeFields, wantedFields, stillFields); len(below) > 0 {
			patch[name] = below
		}
	}
	return patch
}
