package conversion_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/provider/conversion"
)

// TestReleases converts the Secrets that Helm itself writes, beside objects that belong to the releases.
func TestReleases(t *testing.T) {
	t.Parallel()
	input := records(t,
		// Two revisions of the same: the newest counts.
		record(charts.Ingress, "", "edge", "emissary", 9, helmrelease.StatusSuperseded, `{"replicaCount": 1}`),
		record(charts.Ingress, "", "edge", "emissary", 10, helmrelease.StatusDeployed, `{
			"replicaCount": 2, "resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}},
			"env": {"AMBASSADOR_ID": "edge", "TEMPLATE": "${not} %{one}", "REDIS_PASSWORD": "hunter2"}, "podAnnotations": null,
			"extra": "a\nb\n", "big": 12345678901}`),
		// Of Emissary's own chart, which failed to upgrade.
		record(charts.Ingress, "8.9.1", "emissary-ingress", "old", 3, helmrelease.StatusFailed, `{}`),
		record(charts.Ingress, "4.1.0", "emissary-ingress", "new", 1, helmrelease.StatusDeployed, `{}`),
		// Of an older version of the provider.
		record(charts.Config, "0.0.9", "older", "emissary", 1, helmrelease.StatusDeployed, `{}`),
		record(charts.Config, "", "config", "emissary", 1, helmrelease.StatusDeployed, `{"hosts": [{"name": "a"}]}`),
		record("redis", "1.0.0", "cache", "default", 1, helmrelease.StatusDeployed, `{}`),
		record(charts.CRDs, "", "gone", "default", 1, helmrelease.StatusUninstalled, `{}`),
	) + `
---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata:
  name: ambassador
  namespace: emissary
  annotations: {meta.helm.sh/release-name: edge, meta.helm.sh/release-namespace: emissary}
spec: {config: {}}
---
apiVersion: v1
kind: Service
metadata:
  name: edge
  namespace: emissary
  annotations: {meta.helm.sh/release-name: edge, meta.helm.sh/release-namespace: emissary}
---
apiVersion: v1
kind: Secret
metadata: {name: sh.helm.release.v1.broken.v1, namespace: default}
type: helm.sh/release.v1
data: {release: bm90aGluZw==}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: mappings.getambassador.io}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: hosts.getambassador.io}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gateways.gateway.networking.k8s.io}
`
	for format, name := range map[conversion.Format]string{conversion.HCL: "releases.tf", conversion.YAML: "releases.yaml"} {
		got := convert(t, input, conversion.Options{To: format, Imports: format == conversion.HCL})
		// The chart's version changes with each version of the product.
		loaded, err := charts.Load(charts.Ingress)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join("testdata", name), strings.ReplaceAll(got, loaded.Metadata.Version, "BUNDLED"))
	}
}

// record is a revision of a release; without a version, of the bundled chart. Other
// versions of the ingress are Emissary's.
func record(chartName, version, name, namespace string, revision int, status helmrelease.Status, values string) *helmrelease.Release {
	loaded, err := charts.Load(chartName)
	if err != nil || version != "" {
		loaded = &chart.Chart{Metadata: &chart.Metadata{Name: chartName, Version: version}}
		if chartName == charts.Ingress {
			loaded.Metadata.Sources = []string{"https://github.com/emissary-ingress/emissary"}
		}
	}
	r := &helmrelease.Release{Name: name, Namespace: namespace, Version: revision, Info: &helmrelease.Info{Status: status}, Chart: loaded}
	if err := json.Unmarshal([]byte(values), &r.Config); err != nil {
		panic(err)
	}
	return r
}

// records has Helm store the releases, and returns its Secrets as kubectl prints them.
func records(t *testing.T, releases ...*helmrelease.Release) string {
	t.Helper()
	var documents []string
	for _, r := range releases {
		client := fake.NewClientset()
		if err := storage.Init(driver.NewSecrets(client.CoreV1().Secrets(r.Namespace))).Create(r); err != nil {
			t.Fatal(err)
		}
		secrets, err := client.CoreV1().Secrets(r.Namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(secrets.Items) != 1 {
			t.Fatalf("Helm stored %d Secrets: %v", len(secrets.Items), err)
		}
		secret := secrets.Items[0]
		secret.APIVersion, secret.Kind, secret.Namespace = "v1", "Secret", r.Namespace
		text, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(text))
	}
	return fmt.Sprintf("{apiVersion: v1, kind: List, items: [%s]}", strings.Join(documents, ", "))
}
