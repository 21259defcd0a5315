package provider_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// testReleaseDrift changes objects of a release behind Terraform's back.
func testReleaseDrift(t *testing.T, w *releaseWorld, namespace string) {
	body := w.release(namespace, `values = { replicaCount = 1, env = { MODE = "fast" }, resources = { limits = { memory = "1024Mi" } } }`)
	drift := func(lines ...string) statecheck.StateCheck {
		var exact []knownvalue.Check
		for _, line := range lines {
			exact = append(exact, knownvalue.StringExact(line))
		}
		return statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("drift"), knownvalue.ListExact(exact))
	}
	found := []string{
		"ServiceAccount/emissary-ingress: missing",
		"Service/emissary-ingress spec.ports[https].targetPort: 9443, want 8443",
		`Deployment/emissary-ingress spec.template.spec.containers[emissary-ingress].env[MODE].value: "slow", want "fast"`,
	}
	change := func() {
		w.patch(t, namespace)
		if err := w.kubernetes.CoreV1().ServiceAccounts(namespace).Delete(t.Context(), "emissary-ingress", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	runTerraform(t,
		resource.TestStep{Config: body, ConfigStateChecks: []statecheck.StateCheck{drift()}},
		// The plan says in the state what it has found, and what an apply does about it.
		resource.TestStep{
			PreConfig: change, RefreshState: true, ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			Config: body, PlanOnly: true, ExpectNonEmptyPlan: true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{driftFound(found)}},
		},
		resource.TestStep{
			Config: body,
			ConfigStateChecks: []statecheck.StateCheck{
				drift(), statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(2)),
			},
			Check: func(*terraform.State) error {
				service, err := w.kubernetes.CoreV1().Services(namespace).Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
				if err != nil || service.Spec.Ports[1].TargetPort.IntValue() != 8443 {
					return fmt.Errorf("the Service is %v, %w", service.Spec.Ports, err)
				}
				_, err = w.kubernetes.CoreV1().ServiceAccounts(namespace).Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
				return err
			},
		},
		resource.TestStep{Config: body, PlanOnly: true},
	)
	w.gone(t, namespace)
}

// testReleaseIgnoreDrift leaves to others what is theirs.
func testReleaseIgnoreDrift(t *testing.T, w *releaseWorld, namespace string) {
	body := w.release(namespace, "values = { replicaCount = 1, env = { MODE = \"fast\" } }\nignore_drift = [\"Service/*\", \"Deployment/* spec.template.*.env\"]")
	runTerraform(t,
		resource.TestStep{Config: body},
		resource.TestStep{PreConfig: func() { w.patch(t, namespace) }, Config: body, PlanOnly: true},
	)
}

// driftFound checks what a plan says to have found.
type driftFound []string

func (want driftFound) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	var got []string
	for _, change := range req.Plan.ResourceChanges {
		before, _ := change.Change.Before.(map[string]any)
		lines, _ := before["drift"].([]any)
		for _, line := range lines {
			got = append(got, fmt.Sprint(line))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
		resp.Error = fmt.Errorf("the drift (-want +got):\n%s", diff)
	}
}

// setEnv is someone's kubectl set env.
func (w *releaseWorld) setEnv(t *testing.T, namespace, name, value string) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec": {"template": {"spec": {"containers": [{"name": "emissary-ingress", "env": [{"name": %q, "value": %q}]}]}}}}`, name, value)
	_, err := w.kubernetes.AppsV1().Deployments(namespace).Patch(t.Context(), "emissary-ingress", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// patch is someone's kubectl.
func (w *releaseWorld) patch(t *testing.T, namespace string) {
	t.Helper()
	_, err := w.kubernetes.CoreV1().Services(namespace).Patch(t.Context(), "emissary-ingress", types.StrategicMergePatchType,
		[]byte(`{"metadata": {"labels": {"added": "by-someone"}}, "spec": {"ports": [{"port": 443, "targetPort": 9443}]}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.setEnv(t, namespace, "MODE", "slow")
	w.setEnv(t, namespace, "EXTRA", "x")
}
