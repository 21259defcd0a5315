package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testReleaseTakeOver creates releases that exist and are in no state: whole ones,
// ones that failed, and ones whose process died long ago.
func testReleaseTakeOver(t *testing.T, w *releaseWorld, namespace string) {
	for _, status := range []helmrelease.Status{
		helmrelease.StatusDeployed, helmrelease.StatusFailed,
		helmrelease.StatusPendingInstall, helmrelease.StatusPendingUpgrade, helmrelease.StatusPendingRollback,
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			namespace := namespace + "-" + status.String()
			w.apply(t, namespace, map[string]any{"replicaCount": 4, "ingressClassResource": disabled, "service": clusterIP})
			w.abandon(t, namespace, status)
			runTerraform(t, resource.TestStep{
				Config: w.release(namespace, `values = { replicaCount = 1 }`),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("status"), knownvalue.StringExact("deployed")),
					statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(2)),
				},
				Check: w.replicas(t, namespace, 1),
			})
		})
	}
}

// abandon gives the newest record of a release a status, an hour ago.
func (w *releaseWorld) abandon(t *testing.T, namespace string, status helmrelease.Status) {
	t.Helper()
	secrets := w.kubernetes.CoreV1().Secrets(namespace)
	records := storage.Init(driver.NewSecrets(secrets))
	record, err := records.Last("emissary-ingress")
	if err != nil {
		t.Fatal(err)
	}
	record.SetStatus(status, "left so")
	record.Info.LastDeployed = helmtime.Time{Time: time.Now().Add(-time.Hour)}
	if err := records.Update(record); err != nil {
		t.Fatal(err)
	}
	list, err := secrets.List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("the record: %v, %v", list.Items, err)
	}
	secret := list.Items[0]
	for label := range secret.Labels {
		if strings.HasSuffix(label, "At") {
			secret.Labels[label] = fmt.Sprint(time.Now().Add(-time.Hour).Unix())
		}
	}
	if _, err := secrets.Update(t.Context(), &secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// testReleaseKustomize changes what the chart renders.
func testReleaseKustomize(t *testing.T, w *releaseWorld, namespace string) {
	kustomize := func(replicas int, tag string) string {
		return w.release(namespace, fmt.Sprintf(`
kustomize = {
  patches = [{
    target = { kind = "Deployment" }
    patch  = yamlencode([{ op = "replace", path = "/spec/replicas", value = %d }])
  }]
  images = [{ name = "ghcr.io/emissary/terraform-provider-emissary", newTag = %q }]
  labels = [{ pairs = { team = "gateways" } }]
}`, replicas, tag))
	}
	runTerraform(t,
		resource.TestStep{
			Config: kustomize(1, "v1"), Check: w.replicas(t, namespace, 1),
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		resource.TestStep{
			Config: kustomize(2, "v1"), Check: w.replicas(t, namespace, 2),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(ingressRelease, tfjsonpath.New("revision")),
			}},
		},
		resource.TestStep{Config: w.release(namespace, `kustomize = "replicas: [{name: emissary-ingress, count: 3}]"`), Check: w.replicas(t, namespace, 3)},
	)
	w.gone(t, namespace)
}
