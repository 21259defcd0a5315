package release_test

import (
	"strings"
	"sync"
	"testing"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

func TestKustomization(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contents string
		want     []string
		err      string
	}{
		"everything that changes": {
			contents: `
patches:
  - target: {kind: Deployment}
    patch: |
      - {op: add, path: /spec/minReadySeconds, value: 7}
  - patch: |
      apiVersion: v1
      kind: Service
      metadata: {name: edge-emissary-ingress, namespace: gateways}
      spec: {externalTrafficPolicy: Local}
images: [{name: ghcr.io/emissary/terraform-provider-emissary, newName: mirror.example.com/emissary, newTag: v1}]
labels: [{pairs: {team: gateways}}]
commonAnnotations: {owner: me}
replicas: [{name: edge-emissary-ingress, count: 9}]
configMapGenerator: [{name: extra, literals: [a=b], options: {disableNameSuffixHash: true}}]`,
			want: []string{"minReadySeconds: 7", "externalTrafficPolicy: Local", "image: mirror.example.com/emissary:v1", "team: gateways", "owner: me", "replicas: 9", "name: extra"},
		},
		"misspelt":           {contents: "patchs: []", err: "patchs: unknown; did you mean patches?"},
		"misspelt below":     {contents: "images: [{name: a, newtags: b}]", err: `unknown field "newtags"`},
		"resources":          {contents: "resources: [https://example.com/x]", err: "resources: not possible here; allowed are patches, images"},
		"a file":             {contents: "patches: [{path: patch.yaml}]", err: `patches[0].path: no file can be named here`},
		"a file of settings": {contents: "configMapGenerator: [{name: a, files: [b]}]", err: "configMapGenerator[0].files"},
		"a wrong type":       {contents: "images: x", err: "cannot unmarshal string"},
		"no such target":     {contents: "patches: [{patch: '{apiVersion: v1, kind: Service, metadata: {name: other}}'}]", err: "name it in the patch's metadata, or give the patch a target"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := kustomized(t, test.contents)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(rendered, want) {
					t.Errorf("the manifest has no %q", want)
				}
			}
		})
	}
}

// TestKustomizationsAtOnce: kustomize itself is not safe for that.
func TestKustomizationsAtOnce(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := kustomized(t, "labels: [{pairs: {a: b}}]"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func kustomized(t *testing.T, contents string) (string, error) {
	parsed, err := release.ParseValues(contents)
	if err != nil {
		return "", err
	}
	kustomization, err := release.NewKustomization(parsed)
	if err != nil {
		return "", err
	}
	rendered, err := release.Render(release.Spec{Name: "edge", Namespace: "gateways", Chart: load(t, charts.Ingress), Kustomization: kustomization})
	if err != nil {
		return "", err
	}
	return rendered.Manifest, nil
}
