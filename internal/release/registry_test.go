package release_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"terraform-provider-emissary/internal/release"
)

// TestRegistry pulls charts from an OCI registry on loopback.
func TestRegistry(t *testing.T) {
	t.Parallel()
	host := strings.TrimPrefix(ociRegistry(t, "1.2.3", "1.3.0", "1.4.0_build.7").URL, "http://")
	credentials := release.Source{Username: "me", Password: "secret"}
	for name, test := range map[string]struct {
		chart, repository, version string
		anonymous                  bool
		want, err                  string
	}{
		"exact version":       {chart: "oci://" + host + "/charts/mine", version: "1.2.3", want: "1.2.3"},
		"range":               {chart: "oci://" + host + "/charts/mine", version: "~1.2", want: "1.2.3"},
		"newest":              {chart: "mine", repository: "oci://" + host + "/charts/", want: "1.4.0+build.7"},
		"build metadata":      {chart: "mine", repository: "oci://" + host + "/charts", version: "1.4.0+build.7", want: "1.4.0+build.7"},
		"no such version":     {chart: "oci://" + host + "/charts/mine", version: "9.9.9", err: "9.9.9"},
		"no version in range": {chart: "oci://" + host + "/charts/mine", version: "^9", err: "mine"},
		"no such chart":       {chart: "oci://" + host + "/charts/other", err: "charts/other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := credentials
			source.Chart, source.Repository, source.Version = test.chart, test.repository, test.version
			loads(t, source, test.want, test.err)
		})
	}
}

// ociRegistry serves the chart charts/mine under the tags, as `helm push` would
// have stored it.
func ociRegistry(t *testing.T, tags ...string) *httptest.Server {
	t.Helper()
	blobs := map[string][]byte{} // by digest
	types := map[string]string{}
	store := func(mediaType string, data []byte) map[string]any {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
		blobs[digest], types[digest] = data, mediaType
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(data)}
	}
	manifests := map[string]string{} // digest by tag
	for _, tag := range tags {
		version := strings.ReplaceAll(tag, "_", "+")
		manifest, err := json.Marshal(map[string]any{
			"schemaVersion": 2,
			"mediaType":     "application/vnd.oci.image.manifest.v1+json",
			"config":        store("application/vnd.cncf.helm.config.v1+json", []byte(`{"name":"mine","version":"`+version+`"}`)),
			"layers":        []any{store("application/vnd.cncf.helm.chart.content.v1.tar+gzip", pack(t, "mine", files("mine", version)))},
		})
		if err != nil {
			t.Fatal(err)
		}
		manifests[tag] = store("application/vnd.oci.image.manifest.v1+json", manifest)["digest"].(string)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		switch digest := manifests[name]; {
		case r.URL.Path == "/v2/charts/mine/tags/list":
			list, err := json.Marshal(map[string]any{"name": "charts/mine", "tags": tags})
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			reply(t, w, list)
		case !strings.HasPrefix(r.URL.Path, "/v2/charts/mine/") || digest == "" && blobs[name] == nil:
			w.WriteHeader(http.StatusNotFound)
		default:
			if digest == "" {
				digest = name
			}
			w.Header().Set("Content-Type", types[digest])
			w.Header().Set("Docker-Content-Digest", digest)
			w.Header().Set("Content-Length", fmt.Sprint(len(blobs[digest])))
			if r.Method != http.MethodHead {
				reply(t, w, blobs[digest])
			}
		}
	}))
	t.Cleanup(server.Close)
	return server
}
