package provider_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

// testReleaseImportClean imports what `helm install` made: a configuration that
// says the same has nothing to change, and the secrets stay secret.
func testReleaseImportClean(t *testing.T, w *releaseWorld, namespace string) {
	bundled, err := charts.Load(charts.Ingress)
	if err != nil {
		t.Fatal(err)
	}
	w.helmInstall(t, namespace, "emissary-ingress", bundled, map[string]any{
		"replicaCount": 1, "ingressClassResource": disabled, "service": clusterIP,
		"resources": map[string]any{"limits": map[string]any{"cpu": 0.5}},
		"env":       map[string]any{"AMBASSADOR_ID": "x", "REDIS_PASSWORD": "hunter2"},
	})
	body := w.provider() + fmt.Sprintf(`
import {
  to = emissary_release.ingress
  id = "%[1]s/emissary-ingress"
}

resource "emissary_release" "ingress" {
  name      = "emissary-ingress"
  namespace = %[1]q
  values = {
    replicaCount         = 1
    ingressClassResource = { enabled = false }
    service              = { type = "ClusterIP" }
    resources            = { limits = { cpu = 0.5 } }
    env                  = { AMBASSADOR_ID = "x" }
  }
  sensitive_values = { env = { REDIS_PASSWORD = "hunter2" } }
}`, namespace)
	runTerraform(t,
		resource.TestStep{
			Config: body,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionNoop),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(1)),
				statecheck.ExpectSensitiveValue(ingressRelease, tfjsonpath.New("sensitive_values")),
			},
		},
		resource.TestStep{Config: body, PlanOnly: true},
	)
}

// testReleaseAdopt takes over installs of Emissary's own chart: the Service keeps
// its address and the Deployment its selector, which cannot change.
func testReleaseAdopt(t *testing.T, w *releaseWorld, namespace string) {
	upstream, err := loader.Load("testdata/emissary-ingress-8")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ release, deployment, values, hcl string }{
		"defaults": {"emissary-ingress", "emissary-ingress", "", ""},
		"another name": {"gateway", "gateway-emissary-ingress", "env: {AMBASSADOR_ID: gateway}\nservice: {type: NodePort}",
			`env = { AMBASSADOR_ID = "gateway" }, service = { type = "NodePort" }`},
		"name of the chart replaced": {"edge", "edge-ambassador", "nameOverride: ambassador", `nameOverride = "ambassador"`},
		"selector replaced": {"my-emissary-ingress", "my-emissary-ingress", "service: {selector: {service: ambassador}, loadBalancerIP: 192.0.2.10}",
			`service = { selector = { service = "ambassador" }, loadBalancerIP = "192.0.2.10" }`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := namespace + "-" + test.release
			values, err := release.ParseValues(test.values)
			if err != nil {
				t.Fatal(err)
			}
			w.helmInstall(t, namespace, test.release, upstream, values)
			before := w.identity(t, namespace, test.deployment)
			runTerraform(t, resource.TestStep{
				Config: w.provider() + fmt.Sprintf(`
import {
  to = emissary_release.ingress
  id = "%[1]s/%[2]s"
}

resource "emissary_release" "ingress" {
  name      = %[2]q
  namespace = %[1]q
  wait      = false # No one gives addresses to load balancers here.
  values    = { %[3]s }
  values_yaml = ["ingressClassResource: {enabled: false}"]
}`, namespace, test.release, test.hcl),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("chart_version"), knownvalue.StringExact("0.1.0")),
				}},
				Check: func(*terraform.State) error {
					if diff := cmp.Diff(before, w.identity(t, namespace, test.deployment)); diff != "" {
						return fmt.Errorf("changed by taking it over:\n%s", diff)
					}
					deployment, err := w.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), test.deployment, metav1.GetOptions{})
					if err != nil {
						return err
					}
					container := deployment.Spec.Template.Spec.Containers[0]
					if len(container.Args) != 1 || container.Args[0] != "controller" || len(deployment.Spec.Template.Spec.Containers) != 1 {
						return fmt.Errorf("the pods are not those of the bundled chart: %v", deployment.Spec.Template.Spec)
					}
					return nil
				},
			})
		})
	}
}

// identity is what clients and the API server hold on to.
type identity struct {
	Service, Deployment   string // UIDs
	ClusterIP, Balancer   string
	Ports                 []corev1.ServicePort
	Sends                 map[string]string
	DeploymentPodSelector *metav1.LabelSelector
}

func (w *releaseWorld) identity(t *testing.T, namespace, name string) identity {
	t.Helper()
	service, err := w.kubernetes.CoreV1().Services(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var deployment *appsv1.Deployment
	if deployment, err = w.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	return identity{
		Service: string(service.UID), Deployment: string(deployment.UID),
		ClusterIP: service.Spec.ClusterIP, Balancer: service.Spec.LoadBalancerIP, Ports: service.Spec.Ports,
		Sends: service.Spec.Selector, DeploymentPodSelector: deployment.Spec.Selector,
	}
}

// helmInstall is `helm install --create-namespace`, as the command does it.
func (w *releaseWorld) helmInstall(t *testing.T, namespace, name string, chart *chart.Chart, values map[string]any) {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace = &w.Kubeconfig, &namespace
	actions := new(action.Configuration)
	if err := actions.Init(flags, namespace, "secret", t.Logf); err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(actions)
	install.ReleaseName, install.Namespace, install.CreateNamespace = name, namespace, true
	if _, err := install.RunWithContext(t.Context(), chart, values); err != nil {
		t.Fatal(err)
	}
}
