package kustomization_test

import (
	"strings"
	"testing"

	"terraform-provider-emissary/internal/kustomization"
)

const twoObjects = "kind: Service\napiVersion: v1\nmetadata: {name: b}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: edge}\ndata: {k: v}\n"

// TestTransform: the order of the objects stays, and so does an object that has no
// namespace.
func TestTransform(t *testing.T) {
	t.Parallel()
	contents := map[string]any{"commonAnnotations": map[string]any{"owner": "me"}}
	got, err := kustomization.Transform(contents, []byte(twoObjects))
	if err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: v1
kind: Service
metadata:
  annotations:
    owner: me
  name: b
---
apiVersion: v1
data:
  k: v
kind: ConfigMap
metadata:
  annotations:
    owner: me
  name: a
  namespace: edge
`
	if string(got) != want {
		t.Errorf("got\n%s", got)
	}
	if len(contents) != 1 {
		t.Errorf("the contents were changed: %v", contents)
	}
}

func TestTransformErrors(t *testing.T) {
	t.Parallel()
	for patch, want := range map[string]string{
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}": "name it in the patch's metadata, or give the patch a target",
		"{apiVersion: v1, kind: ConfigMap":                       "unable to parse SM or JSON patch",
	} {
		_, err := kustomization.Transform(map[string]any{"patches": []any{map[string]any{"patch": patch}}}, []byte(twoObjects))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", patch, err, want)
		}
	}
	_, err := kustomization.Transform(map[string]any{"configMapGenerator": []any{map[string]any{"name": "x", "files": []any{"kustomization_test.go"}}}}, []byte(twoObjects))
	if err == nil {
		t.Error("a file was read")
	}
}
