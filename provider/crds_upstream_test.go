package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"

	"terraform-provider-emissary/test/upstream"
)

// testCRDsUpstream takes over Emissary's own CRDs, which serve three versions and
// store v2, with its own conversion webhook and the objects of its own tests: the
// plan counts them, and the apply rewrites them without changing what they say.
func testCRDsUpstream(w *crdWorld) {
	webhook := upstream.StartWebhook(w)
	url := webhook.URL + "/webhooks/crd-convert"
	w.installUpstream(&apiextensionsv1.WebhookClientConfig{URL: &url, CABundle: webhook.CABundle})
	before := w.createFixtures()
	w.run(
		resource.TestStep{
			Config:       w.config(installCRDs("allow_narrowing = true")),
			ResourceName: "emissary_crds.this", ImportState: true, ImportStateId: "getambassador.io", ImportStatePersist: true,
		},
		resource.TestStep{
			Config: w.config(installCRDs("allow_narrowing = true")),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{rewritten(before)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error { return w.keptAll(before) },
		},
	)
	w.removeObjects(w.list()...)
}

// testCRDsUpstreamGone does the same after emissary-apiext was uninstalled: what
// its webhook would have made of the objects, the provider makes itself.
func testCRDsUpstreamGone(w *crdWorld) {
	webhook := upstream.StartWebhook(w)
	url := webhook.URL + "/webhooks/crd-convert"
	w.installUpstream(&apiextensionsv1.WebhookClientConfig{URL: &url, CABundle: webhook.CABundle})
	before := w.createFixtures()
	for _, crd := range upstream.Newest.CRDs(w) {
		w.change(crd.Name, func(live *apiextensionsv1.CustomResourceDefinition) { live.Spec.Conversion = crd.Spec.Conversion })
	}
	w.run(
		resource.TestStep{
			Config: w.config(installCRDs("allow_narrowing = true")),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error { return w.keptAll(before) },
		},
	)
	w.removeObjects(w.list()...)
}

// installUpstream makes Emissary's CRDs as `kubectl apply` does. Their webhook is
// that of the configuration; without one, the Service that they name.
func (w *crdWorld) installUpstream(webhook *apiextensionsv1.WebhookClientConfig) {
	w.Helper()
	for _, crd := range upstream.Newest.CRDs(w) {
		if webhook != nil && crd.Spec.Conversion != nil && crd.Spec.Conversion.Webhook != nil {
			crd.Spec.Conversion.Webhook.ClientConfig = webhook
		}
		last, err := json.Marshal(crd)
		if err != nil {
			w.Fatal(err)
		}
		crd.Annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(last)
		if _, err := w.api.Create(w.Context(), crd, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
			w.Fatal(err)
		}
	}
	for _, crd := range upstream.Newest.CRDs(w) {
		eventually(w.T, crd.Name+" is served", func() bool {
			live, err := w.api.Get(w.Context(), crd.Name, metav1.GetOptions{})
			return err == nil && hasCondition(*live, apiextensionsv1.Established)
		})
	}
}

// rewritten wants a plan that removes the older versions and counts the objects.
type rewritten specs

func (want rewritten) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	after, _ := req.Plan.ResourceChanges[0].Change.After.(map[string]any)
	changes := fmt.Sprint(after["changes"])
	for _, kind := range []string{"Mapping", "Host", "TCPMapping"} {
		for _, line := range []string{
			kind + " v2: removed",
			fmt.Sprintf("%s: %d objects rewritten from v2 to v3alpha1", kind, specs(want).count(kind)),
		} {
			if !strings.Contains(changes, line) {
				resp.Error = errors.Join(resp.Error, fmt.Errorf("the plan does not say %q: %s", line, changes))
			}
		}
	}
}

// specs are those of objects in v3alpha1, by Kind/name.
type specs map[string]any

func (s specs) count(kind string) (count int) {
	for name := range s {
		if strings.HasPrefix(name, kind+"/") {
			count++
		}
	}
	return count
}

// createFixtures makes those objects of Emissary's tests that its CRDs take, in the
// versions they are written in, and returns what they are in v3alpha1.
func (w *crdWorld) createFixtures() specs {
	w.Helper()
	for i, fixture := range upstream.Newest.Fixtures(w) {
		object := &unstructured.Unstructured{Object: throughYAML(w.T, fixture.Object)}
		_, version, _ := strings.Cut(object.GetAPIVersion(), "/")
		// Those of v1 are the same as those of v2.
		if !strings.HasPrefix(fixture.File, "pkg/api/") || version == "v1" {
			continue
		}
		object.Object["metadata"] = map[string]any{"name": fmt.Sprintf("f%03d", i), "namespace": w.namespace}
		delete(object.Object, "status")
		// The API server may still know less of a new CRD than its condition says.
		err := retry.OnError(retry.DefaultBackoff, apierrors.IsNotFound, func() error {
			_, err := w.at(version, plurals()[object.GetKind()]).Create(w.Context(), object, metav1.CreateOptions{})
			return err
		})
		if err != nil && !apierrors.IsInvalid(err) {
			w.Fatalf("%s %s: %v", fixture.File, version, err)
		}
	}
	w.Cleanup(func() {
		for _, plural := range plurals() {
			_ = w.objects(plural).DeleteCollection(w.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		}
	})
	made := w.specs()
	for _, kind := range []string{"Mapping", "Host", "TCPMapping", "TLSContext", "Module", "AuthService", "TracingService", "LogService", "RateLimitService"} {
		if made.count(kind) == 0 {
			w.Errorf("no %s was made", kind)
		}
	}
	return made
}

// specs reads all objects of the test's namespace.
func (w *crdWorld) specs() specs {
	w.Helper()
	all := specs{}
	for kind, plural := range plurals() {
		list, err := w.objects(plural).List(w.Context(), metav1.ListOptions{})
		if err != nil {
			w.Fatalf("%s: %v", plural, err)
		}
		for _, object := range list.Items {
			all[kind+"/"+object.GetName()] = upstream.Normal(object.Object["spec"])
		}
	}
	return all
}

// keptAll checks that the CRDs are the embedded ones, that v3alpha1 is the only
// version in which anything is stored, and that all objects are as they were.
func (w *crdWorld) keptAll(before specs) error {
	w.Helper()
	if err := w.same(); err != nil {
		return err
	}
	for _, crd := range w.list() {
		if stored := crd.Status.StoredVersions; len(stored) != 1 || stored[0] != "v3alpha1" || len(crd.Spec.Versions) != 1 {
			return fmt.Errorf("%s has %d versions and stores %v", crd.Name, len(crd.Spec.Versions), stored)
		}
	}
	if diff := cmp.Diff(before, w.specs()); diff != "" {
		return fmt.Errorf("objects differ from what Emissary made of them (-want +got):\n%s", diff)
	}
	return nil
}
