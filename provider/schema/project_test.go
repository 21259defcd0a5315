package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/internal/kube"
)

// TestProject decides which differences of a live object show.
func TestProject(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	tests := map[string]struct {
		kind              string
		prior, live, want m
		owned             string // fieldsV1 of our manager
	}{
		"changed field shows":          {prior: m{"timeout_ms": int64(1)}, live: m{"timeout_ms": int64(2)}, want: m{"timeout_ms": int64(2)}},
		"removed field shows":          {prior: m{"timeout_ms": int64(1)}, live: m{}, want: m{}},
		"others' field does not":       {prior: m{}, live: m{"weight": int64(2)}, want: m{}},
		"field we own shows":           {prior: m{}, live: m{"weight": int64(2)}, owned: `{"f:spec":{"f:weight":{}}}`, want: m{"weight": int64(2)}},
		"key of a map we own shows":    {prior: m{}, live: m{"headers": m{"a": "1", "b": "2"}}, owned: `{"f:spec":{"f:headers":{"f:a":{}}}}`, want: m{"headers": m{"a": "1"}}},
		"others' key of our map not":   {prior: m{"headers": m{"a": "1"}}, live: m{"headers": m{"a": "1", "b": "2"}}, want: m{"headers": m{"a": "1"}}},
		"lists show whole":             {prior: m{"circuit_breakers": []any{m{"max_requests": int64(1)}}}, live: m{"circuit_breakers": []any{m{"max_requests": int64(1), "max_retries": int64(3)}}}, want: m{"circuit_breakers": []any{m{"max_requests": int64(1), "max_retries": int64(3)}}}},
		"atomic objects show whole":    {kind: "Host", prior: m{"tlsSecret": m{"name": "a"}}, live: m{"tlsSecret": m{"name": "a", "namespace": "b"}}, want: m{"tlsSecret": m{"name": "a", "namespace": "b"}}},
		"atomic object we own":         {kind: "Host", prior: m{}, live: m{"tlsSecret": m{"name": "a"}}, owned: `{"f:spec":{"f:tlsSecret":{}}}`, want: m{"tlsSecret": m{"name": "a"}}},
		"nested objects show by field": {prior: m{"cors": m{"max_age": "1"}}, live: m{"cors": m{"max_age": "1", "credentials": true}}, want: m{"cors": m{"max_age": "1"}}},
		"empty map we set stays":       {prior: m{"headers": m{}}, live: m{"headers": m{}}, want: m{"headers": m{}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.kind == "" {
				test.kind = "Mapping"
			}
			owned := kube.Ownership{}
			if test.owned != "" {
				object := &unstructured.Unstructured{Object: m{}}
				object.SetManagedFields([]metav1.ManagedFieldsEntry{{
					Manager: "us", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(test.owned)}})
				var err error
				if owned, err = kube.OwnedBy(object, "us"); err != nil {
					t.Fatal(err)
				}
			}
			got := kindNamed(t, test.kind).Project(m{"spec": test.prior}, m{"spec": test.live}, owned)
			if diff := cmp.Diff(any(test.want), got["spec"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
