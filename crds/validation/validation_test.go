package validation_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/validation"
)

func TestFor(t *testing.T) {
	t.Parallel()
	for _, kind := range crds.Kinds() {
		if _, err := validation.For(kind.Kind); err != nil {
			t.Errorf("%s: %v", kind.Kind, err)
		}
	}
	if _, err := validation.For("Filter"); err == nil {
		t.Error("a kind that there is not has a validator")
	}
}

func TestUnknownFields(t *testing.T) {
	t.Parallel()
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1",
		"kind":       "Mapping",
		"metadata":   map[string]any{"name": "quote"},
		"spec": map[string]any{
			"prefix":         "/",
			"service":        "quote",
			"timeout":        int64(3000),
			"retry_policy":   map[string]any{"retries": int64(1)},
			"envoy_override": map[string]any{"anything": "goes"},
		},
	}}
	before := runtime.DeepCopyJSON(obj.Object)
	validator, err := validation.For("Mapping")
	if err != nil {
		t.Fatal(err)
	}
	got := validator.UnknownFields(obj)
	slices.Sort(got)
	if want := []string{"spec.retry_policy.retries", "spec.timeout"}; !slices.Equal(got, want) {
		t.Errorf("UnknownFields() = %q, want %q", got, want)
	}
	if errs := validator.Validate(obj); len(errs) > 0 {
		t.Errorf("unknown fields are dropped, not refused, got %v", errs.ToAggregate())
	}
	if diff := cmp.Diff(before, obj.Object); diff != "" {
		t.Errorf("the object was changed:\n%s", diff)
	}
}
