package provider_test

import (
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// testCRDsChanges has the plan say in one line what an update brings, and the
// state keep that until the next one.
func testCRDsChanges(w *crdWorld) {
	w.run(
		resource.TestStep{
			Config: w.config(installCRDs()),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue("emissary_crds.this", tfjsonpath.New("changes"))},
			},
			ConfigStateChecks: changed(0, "AuthService v3alpha1: new"),
		},
		resource.TestStep{
			PreConfig: func() {
				w.change("mappings.getambassador.io", func(crd *apiextensionsv1.CustomResourceDefinition) {
					spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
					delete(spec.Properties, "timeout_ms")
					delete(spec.Properties, "cors")
				})
				w.change("hosts.getambassador.io", func(crd *apiextensionsv1.CustomResourceDefinition) {
					crd.Spec.Versions[0].AdditionalPrinterColumns = nil
				})
			},
			Config: w.config(installCRDs()),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plannedChanges(
					"Host v3alpha1: other columns",
					"Mapping v3alpha1: +2 fields (spec.cors, spec.timeout_ms)",
				)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			ConfigStateChecks: changed(1, "Mapping v3alpha1: +2 fields (spec.cors, spec.timeout_ms)"),
		},
	)
}

// plannedChanges expects the changes that the plan shows, all of them.
func plannedChanges(changes ...string) plancheck.PlanCheck {
	var list []knownvalue.Check
	for _, change := range changes {
		list = append(list, knownvalue.StringExact(change))
	}
	return plancheck.ExpectKnownValue("emissary_crds.this", tfjsonpath.New("changes"), knownvalue.ListExact(list))
}

// changed expects the state to have a change, at that place in the list.
func changed(at int, change string) []statecheck.StateCheck {
	return []statecheck.StateCheck{statecheck.ExpectKnownValue("emissary_crds.this", tfjsonpath.New("changes"),
		knownvalue.ListPartial(map[int]knownvalue.Check{at: knownvalue.StringExact(change)}))}
}

// testCRDsNarrowing meets a newer CRD than the provider's: fields that no object
// uses go, and those that objects use need two confirmations.
func testCRDsNarrowing(w *crdWorld) {
	newer := func() {
		w.change("mappings.getambassador.io", func(crd *apiextensionsv1.CustomResourceDefinition) {
			spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
			spec.Properties["future"] = apiextensionsv1.JSONSchemaProps{Type: "string"}
		})
	}
	use := func() {
		newer()
		eventually(w.T, "the new field is kept", func() bool {
			object := otherMapping("future")
			_ = unstructured.SetNestedField(object.Object, "bright", "spec", "future")
			_ = w.objects("mappings").Delete(w.Context(), "future", metav1.DeleteOptions{})
			created, err := w.objects("mappings").Create(w.Context(), object, metav1.CreateOptions{})
			if err != nil {
				w.Fatal(err)
			}
			_, kept, _ := unstructured.NestedString(created.Object, "spec", "future")
			return kept
		})
	}
	harm := "1 Mapping: narrowing/future loses spec.future"
	w.run(
		resource.TestStep{Config: w.config(installCRDs())},
		resource.TestStep{
			PreConfig:        newer,
			Config:           w.config(installCRDs()),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plannedChanges("Mapping v3alpha1: -1 field (spec.future)")}},
		},
		resource.TestStep{
			PreConfig:   use,
			Config:      w.config(installCRDs()),
			PlanOnly:    true,
			ExpectError: oneLine("Cannot change the CRDs .* " + harm + ".* allow_narrowing = true"),
		},
		resource.TestStep{
			Config:      w.config(installCRDs("allow_narrowing = true")),
			ExpectError: oneLine(harm + ".* with confirm_data_loss = true"),
		},
		resource.TestStep{
			Config: w.config(installCRDs("allow_narrowing = true", "confirm_data_loss = true")),
			Check:  func(*terraform.State) error { return w.same() },
		},
	)
	// The same without a plan that knows: nothing is written.
	use()
	w.run(resource.TestStep{
		Config:      w.config(installCRDs()),
		ExpectError: oneLine("Cannot install the CRDs .* " + harm),
	})
	if w.same() == nil {
		w.Error("the refused apply has narrowed the CRD")
	}
}

// testCRDsTightening names the objects that the API server would refuse.
func testCRDsTightening(w *crdWorld) {
	w.install(func(crd *apiextensionsv1.CustomResourceDefinition) {
		if crd.Spec.Names.Kind == "Listener" {
			spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
			protocol := spec.Properties["protocol"]
			protocol.Enum = append(protocol.Enum, apiextensionsv1.JSON{Raw: []byte(`"QUIC"`)})
			spec.Properties["protocol"] = protocol
		}
	})
	listener := otherListener()
	_ = unstructured.SetNestedField(listener.Object, "QUIC", "spec", "protocol")
	if _, err := w.objects("listeners").Create(w.Context(), listener, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	w.run(
		resource.TestStep{
			Config:      w.config(installCRDs()),
			ExpectError: oneLine(`1 Listener: tightening/other would be refused: spec.protocol: Unsupported value: "QUIC"`),
		},
		resource.TestStep{
			Config: w.config(installCRDs("allow_narrowing = true")),
			Check:  func(*terraform.State) error { return w.same() },
		},
	)
}

// testCRDsClients refuses to take a version away that clients write.
func testCRDsClients(w *crdWorld) {
	w.install(func(crd *apiextensionsv1.CustomResourceDefinition) {
		crd.Spec.Versions = append(crd.Spec.Versions, olderVersion())
	})
	older := otherMapping("old")
	older.SetAPIVersion("getambassador.io/v2")
	if _, err := w.at("v2", "mappings").Create(w.Context(), older, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
		w.Fatal(err)
	}
	w.run(
		resource.TestStep{
			Config:      w.config(installCRDs()),
			ExpectError: oneLine("1 Mapping: clients/old is written as v2 by kubectl-client-side-apply"),
		},
		resource.TestStep{
			Config: w.config(installCRDs("allow_narrowing = true")),
			Check:  func(*terraform.State) error { return w.same() },
		},
	)
}

// install makes the CRDs as another tool would have.
func (w *crdWorld) install(change func(*apiextensionsv1.CustomResourceDefinition)) {
	w.Helper()
	for _, definition := range definitions() {
		change(definition)
		if _, err := w.api.Create(w.Context(), definition, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
			w.Fatal(err)
		}
	}
	eventually(w.T, "all are served", func() bool {
		return !slices.ContainsFunc(w.list(), func(crd apiextensionsv1.CustomResourceDefinition) bool {
			return !hasCondition(crd, apiextensionsv1.Established)
		})
	})
}

// olderVersion takes whatever older versions of the kinds take.
func olderVersion() apiextensionsv1.CustomResourceDefinitionVersion {
	preserve := true
	object := apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &preserve}
	return apiextensionsv1.CustomResourceDefinitionVersion{Name: "v2", Served: true, Schema: &apiextensionsv1.CustomResourceValidation{
		OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": object, "status": object}},
	}}
}

// at gives access to the objects of a kind in one of its versions.
func (w *crdWorld) at(version, plural string) dynamic.ResourceInterface {
	return w.dynamic.Resource(schema.GroupVersionResource{Group: "getambassador.io", Version: version, Resource: plural}).Namespace(w.namespace)
}

func otherMapping(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"hostname": "*", "prefix": fmt.Sprintf("/%s/", name), "service": "quote"},
	}}
}
