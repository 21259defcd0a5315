package migration

import (
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"terraform-provider-emissary/test/deps"
)

// A release of each chart, as helm_release installs it.
const (
	crdsRelease = `
resource "helm_release" "emissary_crds" {
  name             = "emissary-crds"
  namespace        = "emissary-system"
  create_namespace = true
  chart            = "ROOT/charts/emissary-crds"
}
`
	ingressRelease = `
resource "helm_release" "emissary_ingress" {
  name             = "emissary-ingress"
  namespace        = "emissary"
  create_namespace = true
  chart            = "ROOT/provider/testdata/emissary-ingress-8"
  wait             = false # No one has given the load balancer an address yet.
  values           = [yamlencode({ replicaCount = 2, env = { AMBASSADOR_ID = "ambassador" } })]
}
`
)

// manifests are Mappings as manifests in Terraform.
const manifests = `
resource "kubectl_manifest" "quote" {
  yaml_body = <<-EOT
    apiVersion: getambassador.io/v3alpha1
    kind: Mapping
    metadata:
      name: quote
      namespace: default
    spec:
      hostname: "*"
      prefix: /backend/
      service: quote
  EOT
}

resource "kubernetes_manifest" "mappings" {
  for_each = toset(["shop"])
  manifest = {
    apiVersion = "getambassador.io/v3alpha1"
    kind       = "Mapping"
    metadata   = { name = each.key, namespace = "default" }
    spec       = { hostname = "*", prefix = "/${each.key}/", service = each.key }
  }
}
`

// TestFromHelmRelease follows the guide about helm_release and manifests step by
// step.
func TestFromHelmRelease(t *testing.T) {
	each(t, []peer{helm, kubectl, kubernetes}, fromHelmRelease)
}

// TestFromHelmReleaseAndAlekc is the same with the other kubectl_manifest.
func TestFromHelmReleaseAndAlekc(t *testing.T) {
	each(t, []peer{helm, alekc, kubernetes}, fromHelmRelease)
}

func fromHelmRelease(w *world) {
	root, err := filepath.Abs(deps.Root())
	if err != nil {
		w.Fatal(err)
	}
	crdsRelease, ingressRelease := strings.ReplaceAll(crdsRelease, "ROOT", root), strings.ReplaceAll(ingressRelease, "ROOT", root)
	w.apply(crdsRelease, ingressRelease)
	w.giveAddress("emissary", "emissary-ingress")
	w.apply(crdsRelease, ingressRelease, manifests)
	before := []*unstructured.Unstructured{
		w.get(crds, "", "mappings.getambassador.io"), w.get(mappings, "default", "quote"), w.get(mappings, "default", "shop"),
		w.get(services, "emissary", "emissary-ingress"), w.get(deployments, "emissary", "emissary-ingress"),
	}

	w.forgetRelease("emissary-system", "emissary-crds")
	done := guide(w.T, "migrating-from-helm", "2. The CRDs")
	w.takesOver(map[string]string{
		"emissary_crds.this": "create", "helm_release.emissary_ingress": "no-op",
		"kubectl_manifest.quote": "no-op", `kubernetes_manifest.mappings["shop"]`: "no-op",
	}, append(done, ingressRelease, manifests)...)

	done = append(done, guide(w.T, "migrating-from-helm", "3. The ingress")[0])
	w.takesOver(map[string]string{
		"emissary_crds.this": "no-op", "emissary_release.emissary_ingress": "update imported",
		"kubectl_manifest.quote": "no-op", `kubernetes_manifest.mappings["shop"]`: "no-op",
	}, append(done, manifests)...)

	done = append(done, guide(w.T, "migrating-from-helm", "4. Hosts, Mappings and the rest")...)
	w.takesOver(map[string]string{
		"emissary_crds.this": "no-op", "emissary_release.emissary_ingress": "no-op",
		"emissary_mapping.quote": "no-op moved", "emissary_mapping.shop": "no-op moved",
	}, done...)
	w.same("the migration", before...)
}

// giveAddress is what a cloud does for a Service.
func (w *world) giveAddress(namespace, name string) {
	w.Helper()
	status := []byte(`{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`)
	if _, err := w.dynamic.Resource(services).Namespace(namespace).Patch(w.Context(), name, types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		w.Fatal(err)
	}
}

// forgetRelease is the guide's kubectl delete secret -l owner=helm,name=….
func (w *world) forgetRelease(namespace, name string) {
	w.Helper()
	err := w.dynamic.Resource(secrets).Namespace(namespace).DeleteCollection(w.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: "owner=helm,name=" + name})
	if err != nil {
		w.Fatal(err)
	}
}
