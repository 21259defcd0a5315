package kustomization

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ids(objects []Object) (list []string) {
	for _, o := range objects {
		list = append(list, o.ID())
	}
	return list
}

func asYAML(t *testing.T, objects []Object) string {
	t.Helper()
	var documents []string
	for _, o := range objects {
		text, err := o.YAML()
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, text)
	}
	return strings.Join(documents, "---\n")
}

// TestBuildOverlay builds an overlay over a base and a component, from disk. The
// golden file is what `kubectl kustomize` writes of it, in the order of an apply,
// with stringData as data, and with the default namespace where one is missing.
func TestBuildOverlay(t *testing.T) {
	t.Parallel()
	objects, err := Build(Source{Path: "testdata/shop/overlays/production"})
	if err != nil {
		t.Fatal(err)
	}
	got := asYAML(t, objects)
	golden := "testdata/shop/production.golden.yaml"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBuildIsKubectls compares the build with that of kubectl.
func TestBuildIsKubectls(t *testing.T) {
	t.Parallel()
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed")
	}
	const folder = "testdata/shop/overlays/production"
	written, err := exec.Command(kubectl, "kustomize", folder).Output()
	if err != nil {
		t.Fatalf("kubectl kustomize: %v", err)
	}
	// Read back through a build of its own, for the same order and namespaces.
	want, err := Build(Source{Kustomization: map[string]any{"resources": []any{"all.yaml"}}, Files: map[string]string{"all.yaml": string(written)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Build(Source{Path: folder})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asYAML(t, want), asYAML(t, got)); diff != "" {
		t.Errorf("(-kubectl +here):\n%s", diff)
	}
}

// TestBuildInline builds from what the configuration holds: over a base on disk,
// instead of the file of the folder, and from nothing but that.
func TestBuildInline(t *testing.T) {
	t.Parallel()
	const mapping = "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: NAME}\nspec: {hostname: '*', prefix: /, service: quote}\n"
	for name, test := range map[string]struct {
		source Source
		want   []string
	}{
		"over a base": {
			Source{Path: "testdata/shop", Kustomization: map[string]any{"resources": []any{"base"}, "namePrefix": "a-"}},
			[]string{"apps/Deployment/default/a-cart", "getambassador.io/Mapping/default/a-cart"},
		},
		"instead of the file": {
			Source{Path: "testdata/shop/base", Kustomization: map[string]any{"resources": []any{"mapping.yaml"}}},
			[]string{"getambassador.io/Mapping/default/cart"},
		},
		"files only": {
			Source{
				Kustomization: map[string]any{"resources": []any{"one.yaml", "more"}, "namespace": "shop"},
				Files: map[string]string{
					"one.yaml":                strings.ReplaceAll(mapping, "NAME", "one"),
					"more/kustomization.yaml": "resources: [two.yaml]",
					"more/two.yaml":           strings.ReplaceAll(mapping, "NAME", "two"),
				},
			},
			[]string{"getambassador.io/Mapping/shop/one", "getambassador.io/Mapping/shop/two"},
		},
		"a file before one on disk": {
			Source{Path: "testdata/shop/base", Files: map[string]string{"mapping.yaml": strings.ReplaceAll(mapping, "NAME", "other")}},
			[]string{"apps/Deployment/default/cart", "getambassador.io/Mapping/default/other"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := Build(test.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, ids(objects)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	t.Parallel()
	ingress := "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n"
	for name, test := range map[string]struct {
		source Source
		want   string
	}{
		"no folder":     {Source{Path: "testdata/none"}, "the folder testdata/none cannot be read"},
		"no file":       {Source{Path: "testdata"}, "has no kustomization.yaml"},
		"unknown field": {Source{Kustomization: map[string]any{"resource": []any{}}}, `unknown field "resource"`},
		"missing file":  {Source{Path: "testdata", Kustomization: map[string]any{"resources": []any{"none.yaml"}}}, "none.yaml: there is no such file or folder"},
		"in a base": {Source{Kustomization: map[string]any{"resources": []any{"b"}},
			Files: map[string]string{"b/kustomization.yaml": "resources: [a.yaml]", "b/a.yaml": "kind: X"}},
			"b: a.yaml: missing metadata.name in object {{ X} {{ } map[] map[]}}"},
		"base without file": {Source{Kustomization: map[string]any{"resources": []any{"b"}}, Files: map[string]string{"b/a.yaml": "kind: X"}},
			"the folder b has no kustomization.yaml"},
		"no YAML":      {Source{Kustomization: map[string]any{"resources": []any{"a.yaml"}}, Files: map[string]string{"a.yaml": "a: [b"}}, "a.yaml: MalformedYAMLError"},
		"outside":      {Source{Kustomization: map[string]any{"resources": []any{"../kube/doc.go"}}}, "allow files outside"},
		"file outside": {Source{Kustomization: map[string]any{}, Files: map[string]string{"../a.yaml": ""}}, `the file "../a.yaml" is not in the folder`},
		"remote":       {Source{Path: "github.com/org/repo"}, "is not a folder on disk"},
		"helm": {Source{Kustomization: map[string]any{"helmCharts": []any{map[string]any{"name": "a"}}}},
			"a build runs no programs"},
		"exec": {Source{Kustomization: map[string]any{"generators": []any{"g.yaml"}},
			Files: map[string]string{"g.yaml": "apiVersion: a/v1\nkind: G\nmetadata:\n  name: g\n  annotations: {config.kubernetes.io/function: '{exec: {path: ./g}}'}\n"}},
			"a build runs no programs"},
		"twice": {Source{Kustomization: map[string]any{"resources": []any{"a.yaml", "b.yaml"}},
			Files: map[string]string{"a.yaml": ingress, "b.yaml": strings.Replace(ingress, "/v1", "/v1beta1", 1)}},
			"Ingress default/a is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Build(test.source); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want %q", err, test.want)
			}
		})
	}
}

// TestBuildAtOnce builds different kustomizations at the same time, one of which
// brings a schema along: they do not get in each other's way.
func TestBuildAtOnce(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			prefix := fmt.Sprintf("n%d-", i)
			fields := map[string]any{"resources": []any{"base"}, "namePrefix": prefix}
			if i%3 == 0 {
				fields["openapi"] = map[string]any{"version": "v1.21.2"}
			}
			objects, err := Build(Source{Path: "testdata/shop", Kustomization: fields})
			if err != nil {
				t.Error(err)
				return
			}
			want := []string{"apps/Deployment/default/" + prefix + "cart", "getambassador.io/Mapping/default/" + prefix + "cart"}
			if diff := cmp.Diff(want, ids(objects)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	all.Wait()
}

// TestRemoteIsRefused finds what kustomize would fetch, wherever it stands, and
// reaches for none of it.
func TestRemoteIsRefused(t *testing.T) {
	t.Parallel()
	plugin := "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: c}\nname: c\nfiles: [a=https://example.com/a]\n"
	for name, test := range map[string]struct {
		kustomization string
		files         map[string]string
		want          string
	}{
		"github":            {kustomization: "resources: ['github.com/org/repo/base?ref=v1']", want: `resources: "github.com/org/repo/base?ref=v1" is remote`},
		"https":             {kustomization: "resources: ['https://example.com/a.yaml']", want: `"https://example.com/a.yaml" is remote`},
		"scheme in capital": {kustomization: "resources: ['HTTPS://example.com/a.yaml']", want: "is remote"},
		"ssh":               {kustomization: "components: ['git@example.com:org/repo.git']", want: `components: "git@example.com:org/repo.git" is remote`},
		"file":              {kustomization: "resources: ['file:///repo//base']", want: "is remote"},
		"forced git":        {kustomization: "bases: ['git::https://example.com/repo']", want: "is remote"},
		"patch":             {kustomization: "patches: [{path: 'https://example.com/p.yaml'}]", want: `path: "https://example.com/p.yaml" is remote`},
		"generator":         {kustomization: "configMapGenerator: [{name: c, files: ['a=https://example.com/a']}]", want: `files: "a=https://example.com/a" is remote`},
		"openapi":           {kustomization: "openapi: {path: 'https://example.com/o.json'}", want: "is remote"},
		"base of a base":    {kustomization: "resources: [b]", files: map[string]string{"b/kustomization.yml": "resources: ['https://example.com/a.yaml']"}, want: "b/kustomization.yml: resources:"},
		"plugin file":       {kustomization: "generators: [g.yaml]", files: map[string]string{"g.yaml": plugin}, want: "g.yaml: files:"},
		"plugin in place":   {kustomization: "generators:\n- |\n  " + strings.ReplaceAll(plugin, "\n", "\n  "), want: "kustomization.yaml: files:"},
		"plugin folder":     {kustomization: "generators: [b]", files: map[string]string{"b/kustomization.yaml": "resources: []"}, want: `generators: "b" is a folder`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"kustomization.yaml": test.kustomization}
			for name, content := range test.files {
				files[name] = content
			}
			_, err := Build(Source{Path: write(t, files)})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want %q", err, test.want)
			}
		})
	}
}

// TestURLsInValues are no bases.
func TestURLsInValues(t *testing.T) {
	t.Parallel()
	_, err := Build(Source{Kustomization: map[string]any{
		"commonAnnotations":  map[string]any{"docs": "https://example.com/"},
		"configMapGenerator": []any{map[string]any{"name": "c", "literals": []any{"url=https://example.com/"}}},
	}})
	if err != nil {
		t.Error(err)
	}
}

// TestRemoteAllowed clones a base with git.
func TestRemoteAllowed(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	repository := write(t, map[string]string{
		"base/kustomization.yaml": "resources: [c.yaml]",
		"base/c.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n",
	})
	for _, arguments := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "."},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "base"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", repository}, arguments...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", arguments, err, out)
		}
	}
	source := Source{Remote: true, Kustomization: map[string]any{"resources": []any{"file://" + repository + "//base?ref=main"}}}
	objects, err := Build(source)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ConfigMap/default/remote"}, ids(objects)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
