package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

func TestMergeValues(t *testing.T) {
	t.Parallel()
	base := map[string]any{"a": 1, "m": map[string]any{"x": 1, "y": 1}, "l": []any{1, 2}}
	over := map[string]any{"a": nil, "m": map[string]any{"y": 2, "z": map[string]any{"q": nil}}, "l": []any{3}, "n": map[string]any{}}
	want := map[string]any{"a": nil, "m": map[string]any{"x": 1, "y": 2, "z": map[string]any{"q": nil}}, "l": []any{3}, "n": map[string]any{}}
	if diff := cmp.Diff(want, release.MergeValues(base, over)); diff != "" {
		t.Error(diff)
	}
	if base["a"] != 1 || base["m"].(map[string]any)["y"] != 1 {
		t.Errorf("an argument was changed: %v", base)
	}
}

func TestParseValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                     "",
		"# nothing\n":          "",
		"a: {b: 1}":            "",
		"[]":                   "top level must be a map",
		"text":                 "top level must be a map",
		"a: {":                 "not valid YAML",
		"{{ .Values.template}": "not valid YAML",
	} {
		values, err := release.ParseValues(text)
		if want == "" && (err != nil || values == nil) {
			t.Errorf("%q: %v, %v", text, values, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	spec := release.Spec{Name: "edge", Namespace: "gateways", Chart: load(t, charts.Ingress), Values: map[string]any{"replicaCount": int64(7)}}
	rendered, err := release.Render(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: edge-emissary-ingress", "namespace: gateways", "replicas: 7"} {
		if !strings.Contains(rendered.Manifest, want) {
			t.Errorf("the manifest has no %q", want)
		}
	}
	if !strings.Contains(rendered.Notes, "gateways") {
		t.Errorf("notes: %s", rendered.Notes)
	}
	spec.Values = map[string]any{"envRaw": map[string]any{"A": "b"}}
	if _, err := release.Render(spec); err == nil || !strings.Contains(err.Error(), "envRaw must be a list") {
		t.Errorf("wrong values: %v", err)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "mine")
	writeChart(t, folder, files("mine", "1.2.3"))
	archive := pack(t, "mine", files("mine", "1.2.3"))
	file := filepath.Join(t.TempDir(), "mine.tgz")
	if err := os.WriteFile(file, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	server := repository(t, map[string][]byte{"1.2.3": archive, "1.3.0": pack(t, "mine", files("mine", "1.3.0"))})

	for name, test := range map[string]struct {
		source  release.Source
		version string
		err     string
	}{
		"bundled":              {source: release.Source{Chart: charts.Ingress}, version: "0.1.0"},
		"bundled, right":       {source: release.Source{Chart: charts.Ingress, Version: "0.1.0"}, version: "0.1.0"},
		"bundled, wrong":       {source: release.Source{Chart: charts.Ingress, Version: "8.2.0"}, err: "its version is 0.1.0, not 8.2.0"},
		"folder":               {source: release.Source{Chart: folder}, version: "1.2.3"},
		"archive":              {source: release.Source{Chart: file}, version: "1.2.3"},
		"nothing there":        {source: release.Source{Chart: "./nothing"}, err: "none of the bundled charts (emissary-config, emissary-crds, emissary-ingress)"},
		"address":              {source: release.Source{Chart: server.URL + "/mine-1.2.3.tgz"}, version: "1.2.3"},
		"repository, newest":   {source: release.Source{Chart: "mine", Repository: server.URL, Username: "me", Password: "secret"}, version: "1.3.0"},
		"repository, range":    {source: release.Source{Chart: "mine", Repository: server.URL, Version: "~1.2", Username: "me", Password: "secret"}, version: "1.2.3"},
		"repository, missing":  {source: release.Source{Chart: "other", Repository: server.URL, Username: "me", Password: "secret"}, err: "no chart name found"},
		"repository, password": {source: release.Source{Chart: "mine", Repository: server.URL}, err: "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loads(t, test.source, test.version, test.err)
		})
	}
}

// loads checks the version of the chart that is loaded, or the error.
func loads(t *testing.T, source release.Source, version, problem string) {
	t.Helper()
	loaded, err := source.Load(t.Context())
	switch {
	case problem != "":
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("error %v, want %q", err, problem)
		}
	case err != nil:
		t.Error(err)
	case loaded.Metadata.Version != version:
		t.Errorf("version %s, want %s", loaded.Metadata.Version, version)
	}
}

// TestDigest: the digest of a chart is that of its contents, however packed.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(contents map[string]string) string {
		folder := filepath.Join(t.TempDir(), "mine")
		writeChart(t, folder, contents)
		loaded, err := release.Source{Chart: folder}.Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return release.Digest(loaded)
	}
	original := files("mine", "1.2.3")
	file := filepath.Join(t.TempDir(), "mine.tgz")
	if err := os.WriteFile(file, pack(t, "mine", original), 0o644); err != nil {
		t.Fatal(err)
	}
	packed, err := release.Source{Chart: file}.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if digest(original) != release.Digest(packed) {
		t.Error("the folder and its archive have different digests")
	}
	changed := files("mine", "1.2.3")
	changed["templates/configmap.yaml"] += "# changed\n"
	if digest(original) == digest(changed) {
		t.Error("a changed template does not change the digest")
	}
}

func load(t *testing.T, name string) *chart.Chart {
	t.Helper()
	loaded, err := charts.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// files is a small chart.
func files(name, version string) map[string]string {
	return map[string]string{
		"Chart.yaml":               fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version),
		"values.yaml":              "text: hello\n",
		"templates/configmap.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: {{ .Values.text }}\n",
	}
}

func writeChart(t *testing.T, folder string, contents map[string]string) {
	t.Helper()
	for name, text := range contents {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func pack(t *testing.T, name string, contents map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	for path, text := range contents {
		if err := archive.WriteHeader(&tar.Header{Name: name + "/" + path, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// repository serves a chart repository whose index wants a password.
func repository(t *testing.T, versions map[string][]byte) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	index := "apiVersion: v1\nentries:\n  mine:\n"
	for version, archive := range versions {
		name := "mine-" + version + ".tgz"
		index += fmt.Sprintf("    - {apiVersion: v2, name: mine, version: %s, urls: [%s]}\n", version, name)
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) { reply(t, w, archive) })
	}
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reply(t, w, []byte(index))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func reply(t *testing.T, w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		t.Error(err)
	}
}
