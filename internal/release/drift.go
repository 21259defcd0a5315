package release

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	helmrelease "helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/scheme"
)

// Drift is one place where an object of a release is not what its manifest says
// and the next apply would change it back. A field that the manifest does not
// set is no drift, whoever set it.
type Drift struct {
	// Object is Kind/name, with the namespace between them where it is not that
	// of the release.
	Object string
	// Path leads to the field; empty where the object is missing.
	Path []string
	// Have and Want are the two values as JSON, or "" for one that is not there.
	// They are empty in a Secret.
	Have, Want string
}

// Place is "Deployment/edge spec.replicas".
func (d Drift) Place() string { return strings.TrimSpace(d.Object + " " + fieldText(d.Path)) }

// String is "Deployment/edge spec.replicas: 3, want 2".
func (d Drift) String() string {
	switch {
	case len(d.Path) == 0:
		return d.Place() + ": missing"
	case d.Have == "" && d.Want == "":
		return d.Place() + ": changed"
	case d.Have == "":
		return fmt.Sprintf("%s: missing, want %s", d.Place(), shortened(d.Want))
	default:
		return fmt.Sprintf("%s: %s, want %s", d.Place(), shortened(d.Have), shortened(d.Want))
	}
}

// shortened keeps a value to a line.
func shortened(value string) string {
	const most = 60
	if text := []rune(value); len(text) > most {
		return string(text[:most]) + "…"
	}
	return value
}

// fieldText is a path as kubectl explain has it, with the keys of list elements
// in brackets: spec.containers[main].image.
func fieldText(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".[", "[")
}

// Observation is what the cluster has of a release.
type Observation struct {
	*Info
	// Drift is how the objects differ from the manifest of the newest revision. A
	// release that is not deployed is repaired as a whole, so its objects are not
	// looked at.
	Drift []Drift
	// Unseen are the reasons why some objects could not be looked at. An object
	// that the credentials may not read is left out without one.
	Unseen []error
}

// Observe returns the newest revision of a release and the state of its objects,
// or ErrNotFound.
func (c *Client) Observe(ctx context.Context, ref Ref) (*Observation, error) {
	observed := new(Observation)
	_, err := retry(ctx, func() (bool, error) {
		s, err := c.open(ctx, ref.Namespace)
		if err != nil {
			return false, err
		}
		last, err := s.last(ref.Name)
		if err != nil {
			return false, err
		}
		observed.Info = newInfo(last)
		if last.Info.Status == helmrelease.StatusDeployed {
			observed.Drift, observed.Unseen = s.drift(last)
		}
		return false, context.Cause(ctx)
	})
	if err != nil {
		return nil, c.failure("read", ref, err)
	}
	return observed, nil
}

// readers is how many objects are read at a time.
const readers = 8

// drift compares the objects of a revision with the cluster.
func (s *session) drift(revision *helmrelease.Release) (drift []Drift, unseen []error) {
	wanted, err := s.kube.buildKnown([]byte(revision.Manifest))
	if err != nil {
		return nil, []error{err}
	}
	found, failed := make([][]Drift, len(wanted)), make([]error, len(wanted))
	var group errgroup.Group
	group.SetLimit(readers)
	for i, info := range wanted {
		group.Go(func() error {
			found[i], failed[i] = s.objectDrift(info)
			return nil
		})
	}
	_ = group.Wait() // Each object has its own error.
	for i, err := range failed {
		if err != nil {
			unseen = append(unseen, fmt.Errorf("%s: %w", describe(wanted[i]), err))
		}
	}
	return slices.Concat(found...), unseen
}

func (s *session) objectDrift(info *resource.Info) ([]Drift, error) {
	want, err := asStored(info.Object)
	if err != nil {
		return nil, err
	}
	name := info.Mapping.GroupVersionKind.Kind + "/"
	if info.Namespaced() && info.Namespace != s.namespace {
		name += info.Namespace + "/"
	}
	name += info.Name
	helper := resource.NewHelper(info.Client, info.Mapping).WithFieldManager(fieldManager)
	object, err := helper.Get(info.Namespace, info.Name)
	switch {
	case apierrors.IsNotFound(err):
		return []Drift{{Object: name}}, nil
	case apierrors.IsForbidden(err):
		s.log("%s cannot be compared with its manifest: %v", name, err)
		return nil, nil
	case err != nil:
		return nil, err
	}
	live, err := content(object)
	if err != nil {
		return nil, err
	}
	differing := compare(nil, want, live)
	if len(differing) == 0 {
		return nil, nil
	}
	differing = s.repairable(helper, info, want, differing)
	for i := range differing {
		differing[i].Object = name
		if info.Mapping.GroupVersionKind.Kind == "Secret" {
			differing[i].Have, differing[i].Want = "", ""
		}
	}
	return differing, nil
}

// repairable keeps of the differences those that an apply would change: the
// cluster is asked to apply the manifest without doing it. What admission
// puts back at once, or the server writes in another way, is no drift. Without
// the right to ask, all of them are kept.
func (s *session) repairable(helper *resource.Helper, info *resource.Info, want map[string]any, differing []Drift) []Drift {
	kind := types.MergePatchType
	if scheme.Scheme.Recognizes(info.Mapping.GroupVersionKind) {
		kind = types.StrategicMergePatchType
	}
	patch, err := json.Marshal(want)
	if err != nil {
		return differing
	}
	helper.DryRun(true)
	result, err := helper.Patch(info.Namespace, info.Name, kind, patch, &metav1.PatchOptions{})
	if err != nil {
		s.log("%s cannot be applied as a dry run: %v", info.Name, err)
		return differing
	}
	applied, err := content(result)
	if err != nil {
		return differing
	}
	var stay []string
	for _, d := range compare(nil, want, applied) {
		stay = append(stay, fieldText(d.Path))
	}
	return slices.DeleteFunc(differing, func(d Drift) bool { return slices.Contains(stay, fieldText(d.Path)) })
}

// managedByLabel is a label that Helm sets to "Helm" whatever a chart says.
const managedByLabel = "app.kubernetes.io/managed-by"

// asStored is an object as the API server would write it: quantities in their
// canonical form, text in place of Secrets' stringData, and so on. What a manifest
// says of the status is not taken by the server, the rules of an aggregated
// ClusterRole are the control plane's, and the label that says who manages an object
// is Helm's.
func asStored(object runtime.Object) (map[string]any, error) {
	data, err := content(object)
	if err != nil {
		return nil, err
	}
	typed, err := scheme.Scheme.New((&unstructured.Unstructured{Object: data}).GroupVersionKind())
	if err == nil && runtime.DefaultUnstructuredConverter.FromUnstructured(data, typed) == nil {
		stored, err := content(typed)
		if err != nil {
			return nil, err
		}
		restoreZeros(data, stored)
		data = stored
	}
	delete(data, "status")
	if data["kind"] == "ClusterRole" && data["aggregationRule"] != nil {
		delete(data, "rules")
	}
	unstructured.RemoveNestedField(data, "metadata", "labels", managedByLabel)
	if texts, found := data["stringData"].(map[string]any); found {
		moveTexts(data, texts)
	}
	return data, nil
}

func content(object runtime.Object) (map[string]any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		return runtime.DeepCopyJSON(u.Object), nil
	}
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var data map[string]any
	return data, json.Unmarshal(encoded, &data)
}

// compare returns where what is wanted is not so. Maps are compared by the keys
// that are wanted, lists of named things by name, other lists as wholes; an empty
// value and one that is not there are the same.
func compare(path []string, want, have any) []Drift {
	if isEmpty(want) && isEmpty(have) {
		return nil
	}
	switch want := want.(type) {
	case map[string]any:
		have, isMap := have.(map[string]any)
		if !isMap && have != nil {
			break
		}
		var found []Drift
		for _, key := range sortedKeys(want) {
			if len(path) == 0 && (key == "apiVersion" || key == "kind") {
				continue
			}
			if want[key] != nil {
				found = append(found, compare(append(slices.Clone(path), key), want[key], have[key])...)
			}
		}
		return found
	case []any:
		have, _ := have.([]any)
		if key := listKey(want, have); key != "" {
			return compareElements(path, key, want, have)
		}
		if len(want) == len(have) && !allScalars(want) {
			var found []Drift
			for i := range want {
				found = append(found, compare(append(slices.Clone(path), fmt.Sprintf("[%d]", i)), want[i], have[i])...)
			}
			return found
		}
	}
	if reflect.DeepEqual(normal(want), normal(have)) {
		return nil
	}
	return []Drift{{Path: path, Have: asJSON(have), Want: asJSON(want)}}
}

// listKeys are the fields by which Kubernetes tells elements of lists apart, in
// the order in which they are tried.
var listKeys = []string{"name", "mountPath", "containerPort", "port", "ip", "key", "topologyKey", "type"}

// listKey is the field that names the elements of both lists, or "".
func listKey(want, have []any) string {
	for _, key := range listKeys {
		if names(key, want) && names(key, have) {
			return key
		}
	}
	return ""
}

// names reports whether every element has the field, each with a value of its own.
func names(key string, list []any) bool {
	for _, element := range list {
		if fields, _ := element.(map[string]any); fields[key] == nil {
			return false
		}
	}
	return len(byKey(key, list)) == len(list)
}

func compareElements(path []string, key string, want, have []any) []Drift {
	present := byKey(key, have)
	wanted := byKey(key, want)
	var found []Drift
	for _, name := range sortedKeys(wanted) {
		below := append(slices.Clone(path), "["+name+"]")
		if present[name] == nil {
			found = append(found, Drift{Path: below, Want: asJSON(wanted[name])})
			continue
		}
		found = append(found, compare(below, wanted[name], present[name])...)
	}
	return found
}

// byKey are the elements of a list by the field that names them.
func byKey(key string, list []any) map[string]any {
	elements := map[string]any{}
	for _, element := range list {
		if fields, ok := element.(map[string]any); ok {
			elements[fmt.Sprint(fields[key])] = element
		}
	}
	return elements
}
