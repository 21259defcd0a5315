package migration

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// builds are the objects of a kustomization as kustomization_resource creates them.
const builds = `
data "kustomization_build" "shop" {
  path = "overlays/production"
}

resource "kustomization_resource" "p0" {
  for_each = data.kustomization_build.shop.ids_prio[0]
  manifest = data.kustomization_build.shop.manifests[each.value]
}

resource "kustomization_resource" "p1" {
  for_each   = data.kustomization_build.shop.ids_prio[1]
  manifest   = data.kustomization_build.shop.manifests[each.value]
  depends_on = [kustomization_resource.p0]
}

resource "kustomization_resource" "p2" {
  for_each   = data.kustomization_build.shop.ids_prio[2]
  manifest   = data.kustomization_build.shop.manifests[each.value]
  depends_on = [kustomization_resource.p1]
}
`

const (
	cart = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  annotations: {team: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: "cart:6"}]}
`
	quote = `
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: quote}
spec: {hostname: "*", prefix: /backend/, service: quote}
`
	// webhook is what the provider kustomization applies last.
	webhook = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: shop}\n"
)

// TestFromKustomizationResource follows the guide about kustomize: the objects of a
// kustomization go to an emissary_kustomization, and a Mapping of it to a resource
// of its own.
func TestFromKustomizationResource(t *testing.T) {
	each(t, []peer{kustomization}, func(w *world) { fromKustomizationResource(w, "create") })
}

// TestFromKustomizationResourceByImport is the same with the import block, whose
// plan would show what differs.
func TestFromKustomizationResourceByImport(t *testing.T) {
	each(t, []peer{kustomization}, func(w *world) {
		fromKustomizationResource(w, "update imported", guide(t, "kubectl-and-kustomize", "Taking over the objects")...)
	})
}

func fromKustomizationResource(w *world, change string, more ...string) {
	w.File("overlays/production/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
	w.File("overlays/production/cart.yaml", cart)
	w.File("overlays/production/quote.yaml", quote)
	w.File("overlays/production/webhook.yaml", webhook)
	w.File("overlays/production/kustomization.yaml", "namespace: shop\nresources: [namespace.yaml, cart.yaml, quote.yaml, webhook.yaml]\n")
	w.apply(ourCRDs)
	w.apply(ourCRDs, builds)
	mapping, deployment := w.get(mappings, "shop", "quote"), w.get(deployments, "shop", "cart")

	w.File("overlays/production/kustomization.yaml", "namespace: shop\nresources: [namespace.yaml, cart.yaml, webhook.yaml]\n")
	blocks := append(guide(w.T, "kubectl-and-kustomize", ""), ourCRDs)
	blocks = append(blocks, guide(w.T, "kubectl-and-kustomize", "From kustomization_resource")...)
	w.takesOver(map[string]string{"emissary_crds.this": "no-op", "emissary_kustomization.shop": change, "emissary_mapping.quote": "no-op moved"},
		append(blocks, more...)...)
	w.same("the migration", mapping, deployment)

	// What the old provider has set is changed and removed from now on.
	w.File("overlays/production/cart.yaml", strings.NewReplacer("cart:6", "cart:7", "annotations: {team: web}", "").Replace(cart))
	w.takesOver(map[string]string{"emissary_crds.this": "no-op", "emissary_kustomization.shop": "update", "emissary_mapping.quote": "no-op"}, blocks...)
	now := w.get(deployments, "shop", "cart")
	containers, _, err := unstructured.NestedSlice(now.Object, "spec", "template", "spec", "containers")
	if err != nil || containers[0].(map[string]any)["image"] != "cart:7" || now.GetAnnotations()["team"] != "" {
		w.Errorf("after the change it is %v with the annotations %v", containers, now.GetAnnotations())
	}
	w.same("the change", deployment)
}
