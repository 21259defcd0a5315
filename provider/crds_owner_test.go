package provider_test

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// testCRDsHelmOwner meets CRDs of a Helm release: refused while the release is
// there and renders them, adopted once it is gone.
func testCRDsHelmOwner(w *crdWorld) {
	const chart = `
resource "emissary_release" "crds" {
  name      = "crds"
  namespace = "NAMESPACE"
  chart     = "emissary-crds"
}
`
	w.run(
		resource.TestStep{Config: w.config(chart)},
		resource.TestStep{
			Config: w.config(chart + installCRDs()),
			ExpectError: oneLine("Cannot install the CRDs .* the Helm release helmowner/crds manages authservices.getambassador.io, .* and 9 more.*" +
				"take_ownership = true"),
		},
		resource.TestStep{
			Config: w.config(chart + installCRDs("take_ownership = true")),
			Check: func(*terraform.State) error {
				for _, crd := range w.list() {
					if crd.Annotations["helm.sh/resource-policy"] != "keep" {
						return fmt.Errorf("%s could be deleted by Helm: %v", crd.Name, crd.Annotations)
					}
				}
				return w.same()
			},
		},
		// The release goes and keeps them. What is left of it is no owner.
		resource.TestStep{Config: w.config(installCRDs("take_ownership = true"))},
		resource.TestStep{
			Config:           w.config(installCRDs()),
			Check:            func(*terraform.State) error { return w.same() },
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
	)
}

// testCRDsGitOpsOwners meets CRDs with the marks of Argo CD and Flux: they count
// as long as the objects they name are there.
func testCRDsGitOpsOwners(w *crdWorld) {
	for name, owner := range map[string]struct {
		group, version, kind, plural string
		mark                         func(*apiextensionsv1.CustomResourceDefinition)
	}{
		"the Argo CD Application gitopsowners/platform": {"argoproj.io", "v1alpha1", "Application", "applications", func(crd *apiextensionsv1.CustomResourceDefinition) {
			crd.Annotations["argocd.argoproj.io/tracking-id"] = "platform:apiextensions.k8s.io/CustomResourceDefinition:emissary/" + crd.Name
		}},
		"the Flux Kustomization gitopsowners/platform": {"kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations", func(crd *apiextensionsv1.CustomResourceDefinition) {
			crd.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "platform", "kustomize.toolkit.fluxcd.io/namespace": "gitopsowners"}
		}},
		"the Flux HelmRelease gitopsowners/platform": {"helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases", func(crd *apiextensionsv1.CustomResourceDefinition) {
			crd.Labels = map[string]string{"helm.toolkit.fluxcd.io/name": "platform", "helm.toolkit.fluxcd.io/namespace": "gitopsowners"}
		}},
	} {
		w.removeAll()
		w.install(owner.mark)
		w.foreignKind(owner.group, owner.version, owner.kind, owner.plural)
		objects := w.dynamic.Resource(schema.GroupVersionResource{Group: owner.group, Version: owner.version, Resource: owner.plural}).Namespace(w.namespace)
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": owner.group + "/" + owner.version, "kind": owner.kind, "metadata": map[string]any{"name": "platform"}}}
		if _, err := objects.Create(w.Context(), object, metav1.CreateOptions{}); err != nil {
			w.Fatal(err)
		}
		w.run(
			resource.TestStep{Config: w.config(installCRDs()), ExpectError: oneLine(name + " manages authservices.getambassador.io")},
			resource.TestStep{
				PreConfig: func() {
					if err := objects.Delete(w.Context(), "platform", metav1.DeleteOptions{}); err != nil {
						w.Fatal(err)
					}
				},
				Config: w.config(installCRDs()),
				Check:  func(*terraform.State) error { return w.same() },
			},
		)
	}
}

// foreignKind installs the CRD of another product, of which only the names count.
func (w *crdWorld) foreignKind(group, version, kind, plural string) {
	w.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group}}
	crd.Spec = apiextensionsv1.CustomResourceDefinitionSpec{
		Group: group, Scope: apiextensionsv1.NamespaceScoped,
		Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Plural: plural},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: version, Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}}}},
	}
	if _, err := w.api.Create(w.Context(), crd, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	eventually(w.T, kind+" is served", func() bool {
		crd, err := w.api.Get(w.Context(), crd.Name, metav1.GetOptions{})
		return err == nil && hasCondition(*crd, apiextensionsv1.Established)
	})
}
