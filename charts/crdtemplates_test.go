package charts_test

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/crds"
)

// TestCRDTemplatesAreCurrent compares the templates in the chart with what the
// generator would write.
func TestCRDTemplatesAreCurrent(t *testing.T) {
	t.Parallel()
	want, err := charts.CRDTemplates()
	if err != nil {
		t.Fatal(err)
	}
	chart, err := charts.Load(charts.CRDs)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for _, template := range chart.Templates {
		if strings.HasPrefix(path.Base(template.Name), "getambassador.io_") {
			got[template.Name] = template.Data
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the emissary-crds chart is not what package crds says; run go generate ./charts (-want +got):\n%s", diff)
	}
}

// TestCRDsRender: what the chart renders is what package crds defines, with the
// labels and annotations of a release.
func TestCRDsRender(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values map[string]any
		keep   string
	}{
		"defaults": {nil, "keep"},
		"not kept": {map[string]any{"crds": map[string]any{"keep": false}}, ""},
		"annotated": {map[string]any{
			"annotations":  map[string]any{"example.com/a": "b"},
			"commonLabels": map[string]any{"team": "gateways"},
		}, "keep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := render(charts.CRDs, test.values)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]apiextensionsv1.CustomResourceDefinitionSpec{}
			for _, object := range objects(t, rendered) {
				var definition apiextensionsv1.CustomResourceDefinition
				if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &definition, true); err != nil {
					t.Fatalf("%s: %v", object.GetName(), err)
				}
				got[definition.Name] = definition.Spec
				if keep := definition.Annotations["helm.sh/resource-policy"]; keep != test.keep {
					t.Errorf("%s: helm.sh/resource-policy is %q, want %q", definition.Name, keep, test.keep)
				}
				if definition.Labels["app.kubernetes.io/part-of"] != "emissary-ingress" {
					t.Errorf("%s: labels are %v", definition.Name, definition.Labels)
				}
			}
			want := map[string]apiextensionsv1.CustomResourceDefinitionSpec{}
			for _, definition := range crds.Definitions() {
				want[definition.Name] = definition.Spec
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the rendered definitions differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConfigTakesEveryKind: emissary-config has a list for each kind, so that a
// new kind cannot be forgotten.
func TestConfigTakesEveryKind(t *testing.T) {
	t.Parallel()
	values := map[string]any{"listeners": map[string]any{"enabled": false}}
	want := map[string]bool{}
	for _, kind := range crds.Kinds() {
		want[kind.Kind] = true
		entries := []any{map[string]any{"name": kind.Singular}}
		if kind.Kind == "Listener" {
			values["listeners"].(map[string]any)["items"] = entries
		} else {
			values[kind.Plural] = entries
		}
	}
	rendered, err := render(charts.Config, values)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, object := range objects(t, rendered) {
		got[object.GetKind()] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds of the chart (-want +got):\n%s", diff)
	}
}
