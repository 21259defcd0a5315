// Package upstream gives tests Emissary itself, as it was released: its chart,
// CRDs, manifests and fixtures, which are in its Go module, and its conversion
// webhook, which is built from that. The Go module cache keeps what was
// downloaded.
package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/test/deps"
)

const module = "github.com/emissary-ingress/emissary/v3"

// Release is a released version of Emissary.
type Release struct {
	// Version is that of Emissary, Chart that of its chart, without a v.
	Version, Chart string

	sum    string // as in go.sum
	source func() (string, error)
}

// The releases that tests need: the last one whose chart deploys the agent unless
// told otherwise, and the last one of version 3, from which apiext is built.
var (
	WithAgent = release("3.9.1", "8.9.1", "h1:viQmJlNd0XbnPHOcmIOv3AM2J6nrSYCrAZpew0KnUGk=")
	Newest    = release("3.10.0", "8.10.0", "h1:fxK8OBUxN5bLJ3oq0az1iU9Lz+WEnWBKUwTvdita3rg=")
)

func release(version, chart, sum string) *Release {
	r := &Release{Version: version, Chart: chart, sum: sum}
	r.source = sync.OnceValues(r.download)
	return r
}

// Source returns the folder of the release's source, which is read-only. It skips
// the test, or fails it under `make test`, where the source cannot be had.
func (r *Release) Source(t testing.TB) string {
	t.Helper()
	return deps.Need(t, r.source)
}

// download asks the module proxy, unless the module cache has the source.
func (r *Release) download() (string, error) {
	command := exec.Command("go", "mod", "download", "-json", module+"@v"+r.Version)
	command.Dir = os.TempDir() // What it needs is no requirement of this module.
	// The sum is checked here, without asking a database for it.
	command.Env = append(os.Environ(), "GOSUMDB=off")
	output, err := command.Output()
	var answer struct{ Dir, Sum, Error string }
	if json.Unmarshal(output, &answer) != nil || answer.Error == "" && err != nil {
		answer.Error = fmt.Sprintf("%v: %s", err, output)
	}
	switch {
	case answer.Error != "":
		return "", fmt.Errorf("the source of Emissary %s cannot be downloaded as a Go module: %s", r.Version, answer.Error)
	case answer.Sum != r.sum:
		return "", fmt.Errorf("the source of Emissary %s has the sum %s, not %s", r.Version, answer.Sum, r.sum)
	}
	return answer.Dir, nil
}

// ChartDir returns a folder with the chart emissary-ingress as it was published.
func (r *Release) ChartDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "emissary-ingress")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(r.Source(t), "charts", "emissary-ingress"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Chart.yaml", "values.yaml"} {
		template := filepath.Join(dir, name+".in")
		text, err := os.ReadFile(template)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), r.fill(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(template); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fill puts in what Emissary's build knows.
func (r *Release) fill(text []byte) []byte {
	return []byte(strings.NewReplacer(
		"@version@", r.Version, "@chartVersion@", r.Chart, "@imageRepo@", "docker.io/emissaryingress/emissary").Replace(string(text)))
}

// CRDs returns the CRDs of the release, with all versions of the API, as
// `kubectl apply -f emissary-crds.yaml` installs them.
func (r *Release) CRDs(t testing.TB) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Source(t), "manifests", "emissary", "emissary-crds.yaml.in"))
	if err != nil {
		t.Fatal(err)
	}
	var definitions []*apiextensionsv1.CustomResourceDefinition
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(document, crd); err != nil {
			t.Fatal(err)
		}
		if crd.Kind == "CustomResourceDefinition" {
			definitions = append(definitions, crd)
		}
	}
	if len(definitions) == 0 {
		t.Fatalf("Emissary %s has no CRDs", r.Version)
	}
	return definitions
}
