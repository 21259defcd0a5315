package kube

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

var errForbidden = apierrors.NewForbidden(mappings.GroupResource(), "quote", nil)

// TestDeleteNamesFinalizers says what holds an object that does not go away.
func TestDeleteNamesFinalizers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := mapping()
		held.SetFinalizers([]string{"example.com/b", "example.com/a"})
		client, server := fakeClient(held)
		server.PrependReactor("delete", "mappings", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := client.Delete(ctx, quote)
		if err == nil || !strings.Contains(err.Error(), "held by the finalizers example.com/a, example.com/b") {
			t.Errorf("error: %v", err)
		}
	})
}

func TestDeleteWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(mapping())
		server.PrependReactor("delete", "mappings", func(clienttesting.Action) (bool, runtime.Object, error) {
			time.AfterFunc(20*time.Second, func() {
				_ = server.Tracker().Delete(mappings.GroupVersionResource, "default", "quote")
			})
			return true, nil, nil
		})
		began := time.Now()
		if err := client.Delete(t.Context(), quote); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 20*time.Second {
			t.Errorf("returned after %s, while the object was still there", took)
		}
	})
}

// TestErrors are the sentences people see.
func TestErrors(t *testing.T) {
	t.Parallel()
	conflict := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "helm" using getambassador.io/v3alpha1`, Field: ".spec.prefix"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "argocd" using getambassador.io/v3alpha1`, Field: ".spec.headers.x-a"},
	}, "Apply failed with 2 conflicts")
	terminating := apierrors.NewForbidden(mappings.GroupResource(), "quote", nil)
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating"}}
	tests := map[string]struct {
		err  error
		want string
	}{
		"conflict":     {conflict, `other field managers own what it sets: spec.prefix is owned by "helm"; spec.headers.x-a is owned by "argocd". Remove these fields from one of the two, or set force_conflicts = true to take them over.`},
		"unauthorized": {apierrors.NewUnauthorized("Unauthorized"), "the server does not accept the credentials (401 Unauthorized)"},
		"forbidden":    {apierrors.NewForbidden(mappings.GroupResource(), "quote", nil), "it is forbidden: "},
		"terminating":  {terminating, "the namespace default is being deleted"},
		"namespace":    {apierrors.NewNotFound(namespaces, "default"), "the namespace default does not exist"},
		"CRD":          {apierrors.NewGenericServerResponse(404, "patch", mappings.GroupResource(), "quote", "404 page not found", 0, true), "the server does not know Mapping (getambassador.io/v3alpha1). Install the CRDs"},
	}
	client, _ := fakeClient()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client.failure("apply", quote, test.err).Error()
			if !strings.HasPrefix(got, "cannot apply Mapping default/quote on https://fake: "+test.want) {
				t.Errorf("%s\nwant …%s", got, test.want)
			}
		})
	}
}

// TestHeldNamespace names what a namespace that does not go away waits for.
func TestHeldNamespace(t *testing.T) {
	t.Parallel()
	client, _ := fakeClient(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": "default", "finalizers": []any{"example.com/b", "example.com/a"}},
		"status": map[string]any{"conditions": []any{
			map[string]any{"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"},
			map[string]any{"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining: example.com/c in 1 resource instances."},
		}},
	}})
	err := apierrors.NewForbidden(mappings.GroupResource(), "quote", nil)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating"}}
	want := "the namespace default is being deleted and held: it has the finalizers example.com/a, example.com/b; " +
		"Some content has finalizers remaining: example.com/c in 1 resource instances. Whoever set"
	if got := client.failure("apply", quote, err).Error(); !strings.Contains(got, want) {
		t.Errorf("%s\nwant …%s…", got, want)
	}
}

var namespaces = schema.GroupResource{Resource: "namespaces"}

// TestLeftovers is what an update removes that server-side apply keeps.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	tests := map[string]struct{ prior, manifest, live, want m }{
		"still there":        {m{"a": "1", "b": "2"}, m{"a": "1"}, m{"a": "1", "b": "3"}, m{"b": nil}},
		"gone already":       {m{"a": "1", "b": "2"}, m{"a": "1"}, m{"a": "1"}, m{}},
		"never ours":         {m{"a": "1"}, m{"a": "1"}, m{"a": "1", "theirs": "2"}, m{}},
		"nested":             {m{"h": m{"a": "1", "b": "2"}}, m{"h": m{"a": "1"}}, m{"h": m{"a": "1", "b": "3", "c": "4"}}, m{"h": m{"b": nil}}},
		"whole object":       {m{"h": m{"a": "1"}}, m{}, m{"h": m{"a": "1"}}, m{"h": nil}},
		"scalar from object": {m{"h": m{"a": "1"}}, m{"h": "x"}, m{"h": "x"}, m{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, leftovers(test.prior, test.manifest, test.live)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDriftIsOurs takes back only what was applied before.
func TestDriftIsOurs(t *testing.T) {
	t.Parallel()
	prior := map[string]any{"spec": map[string]any{"prefix": "/", "headers": map[string]any{"x-a": "1"}, "list": []any{"a"}}}
	for field, want := range map[string]bool{
		".spec.prefix": true, ".spec.headers.x-a": true, ".spec.list": true, ".spec.headers": true, ".spec.weight": false, ".spec.headers.x-b": false,
	} {
		err := apierrors.NewApplyConflict([]metav1.StatusCause{{Type: metav1.CauseTypeFieldManagerConflict, Field: field}}, "")
		if got := isDrift(err, ApplyOptions{Prior: prior}); got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: "us", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:updated":{}}}`)},
		{Manager: "us", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:headers":{".":{},"f:x-a":{}},"f:secret":{}}}`)},
	})
	owned, err := OwnedBy(object, "us")
	if err != nil {
		t.Fatal(err)
	}
	spec := owned.Child("spec")
	for name, got := range map[string]bool{
		"spec": spec.Any(), "secret": spec.Child("secret").Any(), "below secret": spec.Child("secret").Child("name").Any(),
		"headers": spec.Child("headers").Any(), "x-a": spec.Child("headers").Child("x-a").Any(),
	} {
		if !got {
			t.Errorf("%s is not owned", name)
		}
	}
	for name, got := range map[string]bool{
		"updated": spec.Child("updated").Any(), "x-b": spec.Child("headers").Child("x-b").Any(), "metadata": owned.Child("metadata").Any(),
	} {
		if got {
			t.Errorf("%s is owned", name)
		}
	}
}

// TestMadeBy tells the objects that an apply has made from those it has found.
func TestMadeBy(t *testing.T) {
	t.Parallel()
	created := metav1.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		entry metav1.ManagedFieldsEntry
		want  bool
	}{
		"made":               {metav1.ManagedFieldsEntry{Manager: "us", Operation: metav1.ManagedFieldsOperationApply, Time: &created}, true},
		"in the next second": {metav1.ManagedFieldsEntry{Manager: "us", Operation: metav1.ManagedFieldsOperationApply, Time: new(metav1.NewTime(created.Add(time.Second)))}, true},
		"found":              {metav1.ManagedFieldsEntry{Manager: "us", Operation: metav1.ManagedFieldsOperationApply, Time: new(metav1.NewTime(created.Add(2 * time.Second)))}, false},
		"by someone else":    {metav1.ManagedFieldsEntry{Manager: "them", Operation: metav1.ManagedFieldsOperationApply, Time: &created}, false},
		"in another way":     {metav1.ManagedFieldsEntry{Manager: "us", Operation: metav1.ManagedFieldsOperationUpdate, Time: &created}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := &unstructured.Unstructured{Object: map[string]any{}}
			object.SetCreationTimestamp(created)
			object.SetManagedFields([]metav1.ManagedFieldsEntry{test.entry})
			if got := MadeBy(object, "us"); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
