package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestEmptied takes away what is ours of maps that are to be empty, nothing else.
func TestEmptied(t *testing.T) {
	t.Parallel()
	live := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"prefix": "/", "headers": map[string]any{"ours": "1", "theirs": "2"}, "query": map[string]any{"theirs": "3"},
	}}}
	live.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "us", Operation: metav1.ManagedFieldsOperationApply,
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:prefix":{},"f:headers":{".":{},"f:ours":{}}}}`),
	}})
	owned, err := OwnedBy(live, "us")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ manifest, want map[string]any }{
		"nothing empty": {map[string]any{"spec": map[string]any{"prefix": "/"}}, map[string]any{}},
		"ours":          {map[string]any{"spec": map[string]any{"headers": map[string]any{}}}, map[string]any{"spec": map[string]any{"headers": map[string]any{"ours": nil}}}},
		"theirs":        {map[string]any{"spec": map[string]any{"query": map[string]any{}}}, map[string]any{}},
		"not there":     {map[string]any{"spec": map[string]any{"labels": map[string]any{}}}, map[string]any{}},
		"all of it":     {map[string]any{"spec": map[string]any{}}, map[string]any{"spec": map[string]any{"prefix": nil, "headers": map[string]any{"ours": nil}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, emptied(test.manifest, live.Object, owned)); diff != "" {
				t.Errorf("patch (-want +got):\n%s", diff)
			}
		})
	}
}
