package provider_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/test/faultproxy"
)

// testCRDsMigration takes over CRDs that store v2 and whose conversion webhook
// is gone, as when emissary-apiext was uninstalled: the plan counts the objects
// and the provider converts them itself.
func testCRDsMigration(w *crdWorld) {
	w.installOlder(&apiextensionsv1.CustomResourceConversion{
		Strategy: apiextensionsv1.WebhookConverter,
		Webhook: &apiextensionsv1.WebhookConversion{
			ClientConfig:             &apiextensionsv1.WebhookClientConfig{Service: &apiextensionsv1.ServiceReference{Namespace: "emissary-system", Name: "emissary-apiext"}},
			ConversionReviewVersions: []string{"v1"},
		},
	})
	w.createOlder(3)
	w.run(
		resource.TestStep{
			Config:       w.config(installCRDs()),
			ResourceName: "emissary_crds.this", ImportState: true, ImportStateId: "getambassador.io", ImportStatePersist: true,
		},
		resource.TestStep{
			Config: w.config(installCRDs()),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plannedChanges(
					"Mapping v2: removed",
					"Mapping v3alpha1: other use (served, stored)",
					"Mapping: 3 objects rewritten from v2 to v3alpha1",
				)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error { return w.migrated(3) },
		},
	)
}

// testCRDsMigrationWebhook leaves the conversion to a webhook that works.
func testCRDsMigrationWebhook(w *crdWorld) {
	url, authority, calls := w.conversionWebhook()
	w.installOlder(&apiextensionsv1.CustomResourceConversion{
		Strategy: apiextensionsv1.WebhookConverter,
		Webhook: &apiextensionsv1.WebhookConversion{
			ClientConfig:             &apiextensionsv1.WebhookClientConfig{URL: &url, CABundle: authority},
			ConversionReviewVersions: []string{"v1"},
		},
	})
	w.createOlder(3)
	w.run(resource.TestStep{
		Config: w.config(installCRDs("allow_narrowing = true")),
		Check:  func(*terraform.State) error { return w.migrated(3) },
	})
	if calls.Load() == 0 {
		w.Error("the webhook was not asked")
	}
	if crd, err := w.api.Get(w.Context(), "mappings.getambassador.io", metav1.GetOptions{}); err != nil || crd.Spec.Conversion.Strategy != apiextensionsv1.WebhookConverter {
		w.Errorf("the webhook was taken from its owner: %v", err)
	}
}

// testCRDsMigrationResumed is interrupted in the middle by its timeout; the next
// apply goes on behind the objects that were noted as done.
func testCRDsMigrationResumed(w *crdWorld) {
	const objects, stuckAfter = 230, 150
	w.installOlder(nil)
	w.createOlder(objects)
	p, proxied := w.proxy()
	updates := func(request *http.Request) bool { return request.Method == http.MethodPut }
	stuck := p.Break(objects, faultproxy.After(stuckAfter, updates), faultproxy.Stall)
	var again *faultproxy.Rule
	w.run(
		resource.TestStep{
			Config:      proxied + installCRDs("timeouts {\n create = \"15s\"\n}"),
			ExpectError: oneLine("rewriting Mapping objects from v2 to v3alpha1 was interrupted after 100; the next apply goes on from there"),
		},
		resource.TestStep{
			PreConfig: func() {
				crd, err := w.api.Get(w.Context(), "mappings.getambassador.io", metav1.GetOptions{})
				if err != nil {
					w.Fatal(err)
				}
				if !slices.Equal(crd.Status.StoredVersions, []string{"v2", "v3alpha1"}) || !strings.HasSuffix(crd.Annotations["getambassador.io/storage-migration"], "/m099") {
					w.Errorf("after the interruption: %v, %v", crd.Status.StoredVersions, crd.Annotations)
				}
				stuck.Heal()
				again = p.Count(updates)
			},
			Config: proxied + installCRDs(),
			Check:  func(*terraform.State) error { return w.migrated(objects) },
		},
	)
	if n := again.Met(); n != objects-100 {
		w.Errorf("the second apply wrote %d objects, want %d", n, objects-100)
	}
}

// testCRDsMigrationFails names the objects that cannot be converted; both
// versions stay until they are mended.
func testCRDsMigrationFails(w *crdWorld) {
	w.installOlder(nil)
	w.createOlder(2)
	broken := olderMapping("broken")
	_ = unstructured.SetNestedField(broken.Object, int64(7), "spec", "ambassador_id")
	if _, err := w.at("v2", "mappings").Create(w.Context(), broken, metav1.CreateOptions{FieldManager: "before"}); err != nil {
		w.Fatal(err)
	}
	w.run(
		resource.TestStep{
			Config: w.config(installCRDs("allow_narrowing = true")),
			ExpectError: oneLine(`1 objects could not be rewritten from v2 to v3alpha1: migrationfails/broken: .*ambassador_id.*` +
				`Nothing is lost, both versions stay: mend these objects and apply again`),
		},
		resource.TestStep{
			PreConfig: func() {
				if err := w.at("v2", "mappings").Delete(w.Context(), "broken", metav1.DeleteOptions{}); err != nil {
					w.Fatal(err)
				}
			},
			Config: w.config(installCRDs("allow_narrowing = true")),
			Check:  func(*terraform.State) error { return w.migrated(2) },
		},
	)
}

// installOlder makes CRDs of which that of Mapping stores v2.
func (w *crdWorld) installOlder(conversion *apiextensionsv1.CustomResourceConversion) {
	w.Helper()
	w.install(func(crd *apiextensionsv1.CustomResourceDefinition) {
		if crd.Spec.Names.Kind != "Mapping" {
			return
		}
		older := olderVersion()
		older.Storage, crd.Spec.Versions[0].Storage = true, false
		crd.Spec.Versions = append(crd.Spec.Versions, older)
		crd.Spec.Conversion = conversion
	})
}

// createOlder makes Mappings that are stored as v2, with what only v2 has. Their
// maker is no client that would go on writing v2.
func (w *crdWorld) createOlder(count int) {
	w.Helper()
	for i := range count {
		object := olderMapping(fmt.Sprintf("m%03d", i))
		if _, err := w.at("v2", "mappings").Create(w.Context(), object, metav1.CreateOptions{}); err != nil {
			w.Fatal(err)
		}
		// Who wrote it is forgotten.
		if _, err := w.at("v2", "mappings").Patch(w.Context(), object.GetName(), "application/merge-patch+json",
			[]byte(`{"metadata":{"managedFields":[{}]}}`), metav1.PatchOptions{}); err != nil {
			w.Fatal(err)
		}
	}
}

func olderMapping(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v2", "kind": "Mapping", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"ambassador_id": "edge", "host": "shop.example", "prefix": "/" + name + "/", "service": "quote", "v3StatsName": "shop"},
	}}
}

// migrated checks that the cluster has only v3alpha1, and every object in it as
// the conversion has it.
func (w *crdWorld) migrated(count int) error {
	w.Helper()
	if err := w.same(); err != nil {
		return err
	}
	crd, err := w.api.Get(w.Context(), "mappings.getambassador.io", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !slices.Equal(crd.Status.StoredVersions, []string{"v3alpha1"}) || len(crd.Spec.Versions) != 1 || crd.Annotations["getambassador.io/storage-migration"] != "" {
		return fmt.Errorf("stored versions %v, %d versions, annotations %v", crd.Status.StoredVersions, len(crd.Spec.Versions), crd.Annotations)
	}
	list, err := w.objects("mappings").List(w.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(list.Items) != count {
		return fmt.Errorf("%d Mappings are left, want %d", len(list.Items), count)
	}
	for _, object := range list.Items {
		wanted, err := convert.ToV3alpha1(olderMapping(object.GetName()).Object)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(wanted["spec"], object.Object["spec"]); diff != "" {
			return fmt.Errorf("spec of %s (-want +got):\n%s", object.GetName(), diff)
		}
	}
	return nil
}

// conversionWebhook converts as emissary-apiext does.
func (w *crdWorld) conversionWebhook() (url string, authority []byte, calls *atomic.Int32) {
	calls = &atomic.Int32{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		calls.Add(1)
		var review apiextensionsv1.ConversionReview
		if err := json.NewDecoder(request.Body).Decode(&review); err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		answer := &apiextensionsv1.ConversionResponse{UID: review.Request.UID, Result: metav1.Status{Status: metav1.StatusSuccess}}
		for _, raw := range review.Request.Objects {
			var object map[string]any
			_ = json.Unmarshal(raw.Raw, &object)
			if strings.HasSuffix(review.Request.DesiredAPIVersion, "/v3alpha1") {
				object, _ = convert.ToV3alpha1(object)
			}
			object["apiVersion"] = review.Request.DesiredAPIVersion
			data, _ := json.Marshal(object)
			answer.ConvertedObjects = append(answer.ConvertedObjects, runtime.RawExtension{Raw: data})
		}
		review.Request, review.Response = nil, answer
		_ = json.NewEncoder(response).Encode(review)
	}))
	w.Cleanup(server.Close)
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), calls
}
