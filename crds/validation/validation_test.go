package validation_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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

func TestAdmit(t *testing.T) {
	t.Parallel()
	validator, err := validation.For("Mapping")
	if err != nil {
		t.Fatal(err)
	}
	mapping := func(spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "getambassador.io/v3alpha1",
			"kind":       "Mapping",
			"metadata":   map[string]any{"name": "quote"},
			"spec":       spec,
		}}
	}
	got := mapping(map[string]any{
		"prefix":         "/",
		"service":        "quote",
		"timeout":        int64(3000),
		"retry_policy":   map[string]any{"retries": int64(1)},
		"envoy_override": map[string]any{"anything": "goes"},
		"weight":         nil,
	})
	unknown, errs := validator.Admit(got)
	if len(errs) > 0 {
		t.Errorf("unknown fields and nulls are dropped, not refused, got %v", errs.ToAggregate())
	}
	slices.Sort(unknown)
	if want := []string{"spec.retry_policy.retries", "spec.timeout"}; !slices.Equal(unknown, want) {
		t.Errorf("Admit() found the unknown fields %q, want %q", unknown, want)
	}
	want := mapping(map[string]any{
		"prefix":         "/",
		"service":        "quote",
		"retry_policy":   map[string]any{},
		"envoy_override": map[string]any{"anything": "goes"},
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Admit() left (-want +got):\n%s", diff)
	}

	if _, errs := validator.Admit(mapping(map[string]any{"prefix": "/"})); len(errs) != 1 || errs[0].Field != "spec.service" {
		t.Errorf("without a service: %v, want an error about spec.service", errs)
	}
}
