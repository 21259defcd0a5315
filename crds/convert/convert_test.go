package convert_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/crds/validation"
)

func read(t *testing.T, text string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return object
}

// Each file in testdata holds pairs of documents: an older object, and what it is in v3alpha1. The latter must also be
// what the schema of v3alpha1 accepts, without a field that it does not know.
func TestToV3alpha1(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			documents := strings.Split(string(data), "\n---\n")
			if len(documents)%2 != 0 {
				t.Fatalf("%d documents are no pairs", len(documents))
			}
			for i := 0; i < len(documents); i += 2 {
				older, want := read(t, documents[i]), read(t, documents[i+1])
				before := read(t, documents[i])
				got, err := convert.ToV3alpha1(older)
				if err != nil {
					t.Errorf("pair %d: %v", i/2+1, err)
					continue
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("pair %d (-want +got):\n%s", i/2+1, diff)
				}
				if diff := cmp.Diff(before, older); diff != "" {
					t.Errorf("pair %d: what was handed in changed:\n%s", i/2+1, diff)
				}
				admit(t, got)
			}
		})
	}
}

// admit holds a converted object against the schema.
func admit(t *testing.T, object map[string]any) {
	t.Helper()
	u := &unstructured.Unstructured{Object: object}
	validator, err := validation.For(u.GetKind())
	if err != nil {
		t.Error(err)
		return
	}
	unknown, errs := validator.Admit(u)
	if len(unknown) > 0 || len(errs) > 0 {
		t.Errorf("%s %s is not valid v3alpha1: unknown %v, %v", u.GetKind(), u.GetName(), unknown, errs)
	}
}

func TestToV3alpha1NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		object string
		want   []string
	}{
		"unknown version":    {"apiVersion: getambassador.io/v9\nkind: Mapping", []string{"apiVersion", `"getambassador.io/v9"`, "getambassador.io/v3alpha1"}},
		"other group":        {"apiVersion: v1\nkind: Service", []string{"apiVersion", `"v1"`}},
		"spec":               {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: [1]}", []string{"spec: an object is wanted, not a list"}},
		"ambassador_id":      {"{apiVersion: getambassador.io/v2, kind: Module, spec: {ambassador_id: 5}}", []string{"spec.ambassador_id", "not 5"}},
		"host":               {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {host: [a]}}", []string{"spec.host: text is wanted, not a list"}},
		"tls":                {"{apiVersion: getambassador.io/v2, kind: TCPMapping, spec: {tls: {a: b}}}", []string{"spec.tls", "TLSContext", "not an object"}},
		"header":             {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {headers: {x-a: 5}}}", []string{"spec.headers.x-a: text, true or false is wanted, not 5"}},
		"headers":            {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {headers: x}}", []string{`spec.headers: an object is wanted, not "x"`}},
		"regex headers":      {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {headers: {a: true}, regex_headers: 1}}", []string{"spec.regex_headers: an object is wanted, not 1"}},
		"added header":       {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {add_request_headers: {x-a: [b]}}}", []string{"spec.add_request_headers.x-a", "value and append"}},
		"list":               {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {remove_request_headers: true}}", []string{"spec.remove_request_headers", "not true"}},
		"origins":            {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {cors: {origins: 1}}}", []string{"spec.cors.origins"}},
		"label domain":       {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {labels: {d: x}}}", []string{"spec.labels.d: a list of label groups"}},
		"label group":        {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {labels: {d: [x]}}}", []string{"spec.labels.d[0]"}},
		"labels":             {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {labels: {d: [{g: x}]}}}", []string{"spec.labels.d[0].g: a list of labels"}},
		"label":              {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {labels: {d: [{g: [a, {b: {c: d}}]}]}}}", []string{"spec.labels.d[0].g[1]", "header"}},
		"two faults at once": {"{apiVersion: getambassador.io/v2, kind: Mapping, spec: {host: 1, tls: 2}}", []string{"spec.host", "spec.tls"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := convert.ToV3alpha1(read(t, test.object))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	for apiVersion, want := range map[string]bool{
		"getambassador.io/v1": true, "getambassador.io/v2": true, "getambassador.io/v3alpha1": true,
		"ambassador/v1": true, "ambassador/v2": true,
		"getambassador.io/v4": false, "v1": false, "": false, "apps/v1": false,
	} {
		if got := convert.Known(apiVersion); got != want {
			t.Errorf("Known(%q) = %v", apiVersion, got)
		}
	}
}

// Whatever comes in, conversion returns, and what it returns converts to itself.
func FuzzToV3alpha1(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, document := range strings.Split(string(data), "\n---\n") {
			if seed, err := yaml.YAMLToJSON([]byte(document)); err == nil {
				f.Add(seed)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var object map[string]any
		if json.Unmarshal(data, &object) != nil {
			return
		}
		got, err := convert.ToV3alpha1(object)
		if err != nil {
			return
		}
		again, err := convert.ToV3alpha1(got)
		if err != nil {
			t.Fatalf("converted once, it is refused: %v", err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("converted twice it differs:\n%s", diff)
		}
	})
}
