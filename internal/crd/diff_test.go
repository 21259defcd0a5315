package crd

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/kube"
)

// TestCompare: every change of a CRD is a line that says how it is changed.
func TestCompare(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(live *kube.CRD)
		want   []string
	}{
		"nothing":          {func(*kube.CRD) {}, nil},
		"what others set":  {func(live *kube.CRD) { live.Spec.Names.ShortNames = []string{"mpg"} }, nil},
		"fields are added": {func(live *kube.CRD) { delete(spec(live), "cors"); delete(spec(live), "timeout_ms") }, []string{"Mapping v3alpha1: +2 fields (spec.cors, spec.timeout_ms)"}},
		"many fields are added": {func(live *kube.CRD) {
			for _, field := range []string{"cors", "docs", "method", "prefix", "service", "timeout_ms"} {
				delete(spec(live), field)
			}
		}, []string{"Mapping v3alpha1: +6 fields (spec.cors, spec.docs, spec.method, spec.prefix and 2 more)"}},
		"a field goes": {func(live *kube.CRD) { spec(live)["future"] = JSONSchema{Type: "object"} }, []string{"Mapping v3alpha1: -1 field (spec.future)"}},
		"a rule differs": {func(live *kube.CRD) {
			prefix := spec(live)["prefix"]
			prefix.Type = "integer"
			spec(live)["prefix"] = prefix
		}, []string{"Mapping v3alpha1: other rules for 1 field (spec.prefix)"}},
		"a description differs": {func(live *kube.CRD) {
			prefix := spec(live)["prefix"]
			prefix.Description = ""
			spec(live)["prefix"] = prefix
		}, []string{"Mapping v3alpha1: other descriptions"}},
		"columns and subresources differ": {func(live *kube.CRD) {
			live.Spec.Versions[0].AdditionalPrinterColumns, live.Spec.Versions[0].Subresources = nil, nil
		}, []string{"Mapping v3alpha1: other columns and subresources"}},
		"names differ": {func(live *kube.CRD) { live.Spec.Names.Categories = nil }, []string{"Mapping v3alpha1: other names"}},
		"a version goes": {func(live *kube.CRD) {
			live.Spec.Versions = append(live.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: "v2"})
		}, []string{"Mapping v2: removed"}},
		"a version comes": {func(live *kube.CRD) { live.Spec.Versions[0].Name = "v2" }, []string{"Mapping v2: removed", "Mapping v3alpha1: new"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := mapping().DeepCopy()
			test.change(live)
			var got []string
			for _, change := range Compare(live, mapping()) {
				got = append(got, change.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if agree := crds.Summary(live) == crds.Summary(mapping()); agree != (len(got) == 0) {
				t.Errorf("the summaries agree: %t, the changes are %q", agree, got)
			}
		})
	}
}

func mapping() *kube.CRD {
	for _, definition := range crds.Definitions() {
		if definition.Spec.Names.Kind == "Mapping" {
			return definition
		}
	}
	panic("no Mapping is embedded")
}

func spec(crd *kube.CRD) map[string]JSONSchema {
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties
}
