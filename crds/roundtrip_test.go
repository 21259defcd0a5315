package crds_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/crds/validation"
)

// TestRoundTrip reads the manifests in testdata, which the schema must accept,
// into the Go types and writes them back: nothing may be lost, neither zeros
// nor empty strings.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := v3alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, manifest := range manifests(t, "testdata/*.yaml") {
		t.Run(manifest.GetKind()+"/"+manifest.GetName(), func(t *testing.T) {
			t.Parallel()
			validator, err := validation.For(manifest.GetKind())
			if err != nil {
				t.Fatal(err)
			}
			unknown, errs := validator.Admit(manifest.DeepCopy())
			if len(errs) > 0 {
				t.Errorf("refused by the schema: %v", errs.ToAggregate())
			}
			if len(unknown) > 0 {
				t.Errorf("not in the schema: %q", unknown)
			}

			object, err := scheme.New(manifest.GroupVersionKind())
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := object.(v3alpha1.Object); !ok {
				t.Errorf("%T is no v3alpha1.Object", object)
			}
			in, err := json.Marshal(manifest)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(in, object); err != nil {
				t.Fatalf("decode: %v", err)
			}
			byJSON := toMap(t, object)
			if diff := cmp.Diff(toMap(t, manifest), byJSON); diff != "" {
				t.Errorf("changed by decoding and encoding (-manifest +type):\n%s", diff)
			}

			// Informers decode by reflection instead.
			converted, err := scheme.New(manifest.GroupVersionKind())
			if err != nil {
				t.Fatal(err)
			}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(manifest.Object, converted); err != nil {
				t.Fatalf("convert: %v", err)
			}
			if diff := cmp.Diff(byJSON, toMap(t, converted)); diff != "" {
				t.Errorf("the unstructured converter reads it otherwise (-json +converter):\n%s", diff)
			}
		})
	}
}

// TestManifestsCoverEveryField makes TestRoundTrip mean what it says: a field
// that is added to a type has to be added to a manifest, too.
func TestManifestsCoverEveryField(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{} // "Mapping.spec.prefix"
	for _, manifest := range manifests(t, "testdata/*.yaml") {
		var walk func(any, string)
		walk = func(value any, path string) {
			seen[path] = true
			switch value := value.(type) {
			case map[string]any:
				for name, child := range value {
					walk(child, path+"."+name)
					walk(child, path+"[]") // where the schema has a map
				}
			case []any:
				for _, child := range value {
					walk(child, path+"[]")
				}
			}
		}
		walk(manifest.Object["spec"], manifest.GetKind()+".spec")
	}
	for _, crd := range crds.Definitions() {
		kind := crd.Spec.Names.Kind
		for path := range fields(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"], kind+".spec") {
			if !seen[path] && !strings.Contains(path, "elector.match") {
				t.Errorf("no manifest in testdata has %s", path)
			}
		}
	}
}

// manifests reads the YAML documents of the files that match pattern.
func manifests(t *testing.T, pattern string) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests in %s (%v)", pattern, err)
	}
	slices.Sort(files)
	var objects []*unstructured.Unstructured
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(data), "\n---\n") {
			// Through Unstructured's own decoder: whole numbers become int64,
			// as they do in the API server.
			data, err := yaml.YAMLToJSON([]byte(document))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			object := &unstructured.Unstructured{}
			if err := object.UnmarshalJSON(data); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			objects = append(objects, object)
		}
	}
	return objects
}

// toMap returns what an object looks like in JSON, without the parts that say
// nothing: an empty status, a null creation time.
func toMap(t *testing.T, object any) map[string]any {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if status, ok := out["status"].(map[string]any); ok && len(status) == 0 {
		delete(out, "status")
	}
	unstructured.RemoveNestedField(out, "metadata", "creationTimestamp")
	return out
}
