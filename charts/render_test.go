package charts_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/charts"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden renders each testdata/<chart>/<case>.in.yaml, a values file, and
// compares the manifests, hooks and notes with <case>.out.yaml.
func TestGolden(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob("testdata/*/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden inputs: %v", err)
	}
	for _, input := range inputs {
		name, _ := strings.CutSuffix(input, ".in.yaml")
		t.Run(strings.TrimPrefix(name, "testdata/"), func(t *testing.T) {
			t.Parallel()
			chart := filepath.Base(filepath.Dir(input))
			rendered, err := render(chart, readValues(t, input))
			if err != nil {
				t.Fatal(err)
			}
			got := golden(rendered)
			output := name + ".out.yaml"
			if *update {
				if err := os.WriteFile(output, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(output)
			if err != nil {
				t.Fatalf("%v (go test ./charts -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the output changed (-want +got); go test ./charts -update accepts it:\n%s", diff)
			}
			checkObjects(t, rendered)
		})
	}
}

// TestRenderTwice: the same values give the same bytes.
func TestRenderTwice(t *testing.T) {
	t.Parallel()
	values := readValues(t, "testdata/emissary-ingress/everything.in.yaml")
	first, err := render(charts.Ingress, values)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := render(charts.Ingress, values)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(golden(first)), string(golden(again))); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestKubeVersion: a cluster too old for the API versions the charts use is
// refused by name rather than by its missing kinds.
func TestKubeVersion(t *testing.T) {
	t.Parallel()
	for _, name := range charts.Names() {
		if _, err := renderOn("v1.24.17", name, nil); err == nil || !strings.Contains(err.Error(), "1.25") {
			t.Errorf("%s on Kubernetes 1.24: %v, want an error that names 1.25", name, err)
		}
		for _, version := range []string{"v1.25.0", "v1.29.3-gke.1282000", "v1.36.3"} {
			if _, err := renderOn(version, name, nil); err != nil {
				t.Errorf("%s on Kubernetes %s: %v", name, version, err)
			}
		}
	}
}

func render(name string, values map[string]any) (*release.Release, error) {
	return renderOn("v1.36.0", name, values)
}

// renderOn renders a bundled chart as `helm install` would, without a cluster.
func renderOn(version, name string, values map[string]any) (*release.Release, error) {
	loaded, err := charts.Load(name)
	if err != nil {
		return nil, err
	}
	return renderChart(version, loaded, values)
}

func renderChart(version string, loaded *chart.Chart, values map[string]any) (*release.Release, error) {
	kubeVersion, err := chartutil.ParseKubeVersion(version)
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(new(action.Configuration))
	install.ClientOnly, install.DryRun = true, true
	install.KubeVersion = kubeVersion
	install.ReleaseName, install.Namespace = loaded.Name(), "emissary"
	return install.Run(loaded, values)
}

func golden(rendered *release.Release) []byte {
	var out bytes.Buffer
	out.WriteString(strings.TrimPrefix(rendered.Manifest, "---\n"))
	for _, hook := range rendered.Hooks {
		out.WriteString("---\n# Hook: " + hook.Path + "\n" + hook.Manifest + "\n")
	}
	out.WriteString("---\n# Notes\n")
	for line := range strings.Lines(rendered.Info.Notes) {
		out.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return out.Bytes()
}

// objects decodes the manifests and hooks of a rendered release.
func objects(t *testing.T, rendered *release.Release) []*unstructured.Unstructured {
	t.Helper()
	text := rendered.Manifest
	for _, hook := range rendered.Hooks {
		text += "\n---\n" + hook.Manifest
	}
	var all []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := new(unstructured.Unstructured)
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("decode the manifests: %v", err)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// checkObjects asserts what holds for every rendering.
func checkObjects(t *testing.T, rendered *release.Release) {
	t.Helper()
	seen := map[string]bool{}
	for _, object := range objects(t, rendered) {
		id := strings.Join([]string{object.GroupVersionKind().String(), object.GetNamespace(), object.GetName()}, " ")
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
		if object.GetName() == "" {
			t.Errorf("an object without a name: %s", id)
		}
		if object.GetLabels()["app.kubernetes.io/managed-by"] == "" {
			t.Errorf("%s has no label app.kubernetes.io/managed-by", id)
		}
	}
}

func readValues(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return values
}
