package crd

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/crds/validation"
	"terraform-provider-emissary/internal/kube"
)

const (
	// progressKey is the annotation of a CRD that says how far a migration has
	// come: "<version> <generation of the CRD> <namespace>/<name>". All objects
	// up to that one are stored in that version, as long as the CRD is of that
	// generation: each change of its spec makes a new one.
	progressKey = "getambassador.io/storage-migration"
	// step is how many objects are rewritten between two notes of the progress.
	step = 100
	// atOnce is how many objects are rewritten at the same time.
	atOnce = 8
)

var services = kube.Type{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "services"}, Kind: "Service"}

// stale lists the versions of a live CRD that objects may be stored in and that
// the definition does not store.
func stale(live, definition *kube.CRD) []string {
	return slices.DeleteFunc(slices.Clone(live.Status.StoredVersions), func(version string) bool {
		return version == storage(definition)
	})
}

// storage is the version that objects are stored in.
func storage(crd *kube.CRD) string {
	for _, version := range crd.Spec.Versions {
		if version.Storage {
			return version.Name
		}
	}
	return ""
}

// dangling reports whether the conversion webhook of a CRD has no Service any
// more, so that nobody converts objects between its versions.
func dangling(ctx context.Context, client *kube.Client, live *kube.CRD) bool {
	conversion := live.Spec.Conversion
	if conversion == nil || conversion.Webhook == nil || conversion.Webhook.ClientConfig == nil || conversion.Webhook.ClientConfig.Service == nil {
		return false
	}
	service := conversion.Webhook.ClientConfig.Service
	found, err := client.Get(ctx, kube.Ref{Type: services, Namespace: service.Namespace, Name: service.Name})
	return err == nil && found == nil
}

// migration rewrites the objects of one kind in the version that its definition
// stores.
type migration struct {
	client           *kube.Client
	live, definition *kube.CRD
	// from are the versions they may be stored in now.
	from []string
	// convert makes this package convert them: the API server itself only writes
	// another apiVersion, and the webhook that would convert them is gone.
	convert bool
	after   *validation.Validator
	// lossy allows to drop fields that the definition does not have.
	lossy bool
}

// run makes the definition's the stored version, rewrites every object, and
// takes the other versions out of status.storedVersions, in this order: whenever
// it is interrupted, the CRD still has every version that an object is stored
// in, and the next run goes on behind the last object noted.
func (m *migration) run(ctx context.Context) (err error) {
	if m.after, err = validation.New(m.definition); err != nil {
		return err
	}
	if m.convert {
		// A merge patch: server-side apply would leave the webhook to its owner,
		// and the API server refuses it beside this strategy.
		none := map[string]any{"strategy": apiextensionsv1.NoneConverter, "webhook": nil}
		if err := m.client.Patch(ctx, kube.CRDRef(m.definition.Name), map[string]any{"spec": map[string]any{"conversion": none}}); err != nil {
			return err
		}
	}
	if err := m.client.ApplyCRDs(ctx, []*kube.CRD{m.transitional()}); err != nil {
		return err
	}
	if err := m.client.WaitStored(ctx, m.definition, storage(m.definition)); err != nil {
		return err
	}
	found, err := m.client.GetCRDs(ctx, []string{m.definition.Name})
	if err != nil || len(found) == 0 {
		return err
	}
	if err := m.rewriteAll(ctx, found[0]); err != nil {
		return err
	}
	ref := kube.CRDRef(m.definition.Name)
	if err := m.client.Patch(ctx, ref, map[string]any{"status": map[string]any{"storedVersions": []string{storage(m.definition)}}}, "status"); err != nil {
		return err
	}
	return m.note(ctx, nil)
}

// transitional is the definition with the other versions that the live CRD has.
func (m *migration) transitional() *kube.CRD {
	crd := m.definition.DeepCopy()
	for _, version := range m.live.Spec.Versions {
		if _, ours := versions(m.definition)[version.Name]; ours {
			continue
		}
		version.Storage = false
		version.Served = version.Served || m.convert // else they could not be read as they are
		crd.Spec.Versions = append(crd.Spec.Versions, version)
	}
	return crd
}

// rewriteAll goes through the objects in the order in which they are listed.
func (m *migration) rewriteAll(ctx context.Context, now *kube.CRD) error {
	done := m.progress(now)
	rewritten, failed := 0, []string(nil)
	flush := func(chunk []kube.Ref) error {
		failures := m.rewrite(ctx, chunk)
		if ctx.Err() != nil {
			return fmt.Errorf("rewriting %s objects from %s to %s was interrupted after %d; the next apply goes on from there: %w",
				now.Spec.Names.Kind, strings.Join(m.from, " and "), storage(m.definition), rewritten, ctx.Err())
		}
		rewritten += len(chunk) - len(failures)
		if failed = append(failed, failures...); len(failed) > 0 || len(chunk) < step {
			return nil
		}
		return m.note(ctx, fmt.Sprintf("%s %d %s", storage(m.definition), now.Generation, key(chunk[len(chunk)-1])))
	}
	var chunk []kube.Ref
	t := typeAt(now, storage(m.definition))
	for object, err := range m.client.List(ctx, t, "", "") {
		if err != nil {
			return err
		}
		ref := kube.Ref{Type: t, Namespace: object.GetNamespace(), Name: object.GetName()}
		if key(ref) <= done {
			continue
		}
		if chunk = append(chunk, ref); len(chunk) == step {
			if err := flush(chunk); err != nil {
				return err
			}
			chunk = nil
		}
	}
	if err := flush(chunk); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d objects could not be rewritten from %s to %s: %s. Nothing is lost, both versions stay: mend these objects and apply again",
			len(failed), strings.Join(m.from, " and "), storage(m.definition), strings.Join(failed[:min(len(failed), namedObjects)], "; "))
	}
	return nil
}

// key orders objects as the API server lists them.
func key(ref kube.Ref) string { return ref.Namespace + "/" + ref.Name }

// progress is the last object that an earlier run has noted.
func (m *migration) progress(now *kube.CRD) string {
	after, ok := strings.CutPrefix(now.Annotations[progressKey], fmt.Sprintf("%s %d ", storage(m.definition), now.Generation))
	if !ok {
		return ""
	}
	return after
}

func (m *migration) note(ctx context.Context, progress any) error {
	return m.client.Patch(ctx, kube.CRDRef(m.definition.Name),
		map[string]any{"metadata": map[string]any{"annotations": map[string]any{progressKey: progress}}})
}

// rewrite writes objects back, and returns those that could not be, each with
// the reason.
func (m *migration) rewrite(ctx context.Context, refs []kube.Ref) []string {
	reasons := make([]string, len(refs))
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, ref := range refs {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := m.client.Update(ctx, ref, func(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
				return m.convertedFrom(ctx, ref, object)
			}); err != nil {
				reasons[i] = key(ref) + ": " + err.Error()
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(reasons, func(reason string) bool { return reason == "" })
}

// convertedFrom is the object as it is to be stored. Written back unchanged, the
// API server stores it in the new version.
//
// Where the API server converts nothing, an object that it returns lacks what
// the version asked for does not have. So it is read in the older version, too,
// which is the one it is stored in unless it has been written since.
func (m *migration) convertedFrom(ctx context.Context, ref kube.Ref, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if !m.convert {
		return object, nil
	}
	for _, version := range m.from {
		older := ref
		older.Version = version
		as, err := m.client.Get(ctx, older)
		if err != nil || as == nil {
			return object, err
		}
		if m.converted(object, as) {
			continue
		}
		content, err := convert.ToV3alpha1(as.Object)
		if err != nil {
			return nil, err
		}
		converted := &unstructured.Unstructured{Object: content}
		if lost, errs := m.after.Admit(converted.DeepCopy()); len(withoutStatus(lost)) > 0 && !m.lossy {
			return nil, fmt.Errorf("%s has no place for %s", storage(m.definition), first(lost, namedFields))
		} else if len(errs) > 0 {
			return nil, errs.ToAggregate()
		}
		converted.SetResourceVersion(object.GetResourceVersion())
		return converted, nil
	}
	return object, nil
}

// converted reports whether an object is stored in the new version already, given
// as it is read in both. In a first run it is not, but for those that this run has
// written: then this client is among their managers. After an interruption, only
// what the object says can tell: what has more in the older version was stored
// there, and so was what Emissary's webhook has marked.
func (m *migration) converted(object, as *unstructured.Unstructured) bool {
	if !slices.Contains(m.live.Status.StoredVersions, storage(m.definition)) {
		return slices.ContainsFunc(object.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
			return entry.Manager == m.client.FieldManager() && entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.APIVersion == object.GetAPIVersion()
		})
	}
	return covers(object.Object["spec"], as.Object["spec"]) && len(m.after.Validate(object)) == 0 && !convert.Marked(as.Object)
}

// covers reports whether a value has everything that another one has.
func covers(value, other any) bool {
	fields, ok := other.(map[string]any)
	if !ok {
		return reflect.DeepEqual(value, other)
	}
	mine, ok := value.(map[string]any)
	for name, field := range fields {
		if mineField, has := mine[name]; !ok || !has || !covers(mineField, field) {
			return false
		}
	}
	return ok || len(fields) == 0
}

// migrationOf returns the migration that a CRD needs, or nil.
func migrationOf(ctx context.Context, client *kube.Client, live, definition *kube.CRD) *migration {
	from := stale(live, definition)
	if len(from) == 0 {
		return nil
	}
	none := live.Spec.Conversion == nil || live.Spec.Conversion.Strategy == apiextensionsv1.NoneConverter
	return &migration{client: client, live: live, definition: definition, from: from, convert: none || dangling(ctx, client, live)}
}

// describe is the migration in one line of a plan, with the number of objects
// where they can be counted: a webhook that does not answer is no reason to show
// no plan.
func (m *migration) describe(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	which := "objects"
	t := typeAt(m.live, storage(m.live))
	if count, err := m.client.Count(ctx, t); err == nil {
		which = fmt.Sprintf("%d objects", count)
		if count == 1 {
			which = "1 object"
		}
	} else if apierrors.IsForbidden(err) {
		which = "objects (counting them is forbidden)"
	}
	line := fmt.Sprintf("%s: %s rewritten from %s to %s", m.live.Spec.Names.Kind, which, strings.Join(m.from, " and "), storage(m.definition))
	if done := m.progress(m.live); done != "" {
		line += ", those after " + done
	}
	return line
}
