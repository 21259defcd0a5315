package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
	"terraform-provider-emissary/test/upstream"
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
// its address and the Deployment its selector, which cannot change. Their values
// stay as they are.
func testReleaseAdopt(t *testing.T, w *releaseWorld, namespace string) {
	for name, test := range map[string]struct {
		emissary                    *upstream.Release
		release, deployment, values string
	}{
		"defaults":                   {upstream.WithAgent, "emissary-ingress", "emissary-ingress", ""},
		"without agent":              {upstream.Newest, "emissary", "emissary-emissary-ingress", "replicaCount: 2\nservice: {type: ClusterIP}"},
		"name of the project":        {upstream.WithAgent, "ambassador", "ambassador", "service: {type: ClusterIP}"},
		"another name":               {upstream.WithAgent, "gateway", "gateway-emissary-ingress", "env: {AMBASSADOR_ID: gateway}\nservice: {type: NodePort}"},
		"name of the chart replaced": {upstream.Newest, "edge", "edge-ambassador", "nameOverride: ambassador\nadminService: {type: NodePort}"},
		"selector replaced": {upstream.WithAgent, "my-emissary-ingress", "my-emissary-ingress",
			"service: {selector: {service: ambassador}, loadBalancerIP: 192.0.2.10}\ncanary: {enabled: true, replicaCount: 1}"},
		"as its makers deploy it": {upstream.Newest, "deployed", "deployed-emissary-ingress",
			"deploymentTool: getambassador.io\ncontainerNameOverride: ambassador\nrestartPolicy: Always\nterminationGracePeriodSeconds: '0'\n" +
				"adminService: {type: NodePort}\ncreateDefaultListeners: true\nautoscaling: {enabled: true}\npodDisruptionBudget: {minAvailable: 1}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := namespace + "-" + test.release
			values, err := release.ParseValues(test.values + "\ningressClassResource: {enabled: false}")
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := loader.Load(test.emissary.ChartDir(t))
			if err != nil {
				t.Fatal(err)
			}
			w.helmInstall(t, namespace, test.release, theirs, values)
			before := w.identity(t, namespace, test.deployment)
			body := w.provider() + fmt.Sprintf(`
import {
  to = emissary_release.ingress
  id = "%[1]s/%[2]s"
}

resource "emissary_release" "ingress" {
  name      = %[2]q
  namespace = %[1]q
  wait      = false # No one gives addresses to load balancers here.
  values    = yamldecode(%[3]q)
}`, namespace, test.release, test.values+"\ningressClassResource: {enabled: false}")
			runTerraform(t, resource.TestStep{
				Config: body,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionUpdate),
						plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("chart_version"), knownvalue.StringExact("0.1.0")),
					},
					PostApplyPostRefresh: []plancheck.PlanCheck{onlyImports(0)},
				},
				Check: func(*terraform.State) error {
					if diff := cmp.Diff(before, w.identity(t, namespace, test.deployment)); diff != "" {
						return fmt.Errorf("changed by taking it over:\n%s", diff)
					}
					return w.bundledPods(t, namespace, test.deployment)
				},
			})
		})
	}
}

// bundledPods checks that the pods of a Deployment are those of the bundled chart,
// and that none of Emissary's agent are left.
func (w *releaseWorld) bundledPods(t *testing.T, namespace, name string) error {
	t.Helper()
	deployments, err := w.kubernetes.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, deployment := range deployments.Items {
		if base, _ := strings.CutSuffix(deployment.Name, "-canary"); base != name {
			return fmt.Errorf("the Deployment %s is left", deployment.Name)
		}
		container := deployment.Spec.Template.Spec.Containers[0]
		if len(container.Args) != 1 || container.Args[0] != "controller" || len(deployment.Spec.Template.Spec.Containers) != 1 {
			return fmt.Errorf("the pods of %s are not those of the bundled chart: %v", deployment.Name, deployment.Spec.Template.Spec)
		}
	}
	return nil
}

// testReleaseImportUpstream imports an install of Emissary's own chart as it is: with
// the chart named by where it was published, the plan has no change, and from a
// folder, the release none.
func testReleaseImportUpstream(t *testing.T, w *releaseWorld, namespace string) {
	dir := upstream.WithAgent.ChartDir(t)
	theirs, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.helmInstall(t, namespace, "imported", theirs, map[string]any{
		"replicaCount": 1, "ingressClassResource": disabled, "service": clusterIP,
		"env":   map[string]any{"AMBASSADOR_ID": namespace},
		"agent": map[string]any{"cloudConnectToken": "hunter2"},
	})
	body := func(chart string) string {
		return w.provider() + fmt.Sprintf(`
import {
  to = emissary_release.ingress
  id = "%[1]s/imported"
}

resource "emissary_release" "ingress" {
  name      = "imported"
  namespace = %[1]q
  %[2]s
  values = {
    replicaCount         = 1
    ingressClassResource = { enabled = false }
    service              = { type = "ClusterIP" }
    env                  = { AMBASSADOR_ID = %[1]q }
  }
  sensitive_values = { agent = { cloudConnectToken = "hunter2" } }
}`, namespace, chart)
	}
	published := fmt.Sprintf("chart = \"emissary-ingress\"\nrepository = \"https://app.getambassador.io\"\nversion = %q", upstream.WithAgent.Chart)
	folder := fmt.Sprintf("chart = %q", dir)
	runTerraform(t,
		resource.TestStep{
			Config:           body(published),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{onlyImports(1)}},
		},
		resource.TestStep{Config: body(published), PlanOnly: true},
		resource.TestStep{
			Config: body(folder),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(1))},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		},
	)
}

// identity is what clients and the API server hold on to.
type identity struct {
	Deployment            types.UID
	DeploymentPodSelector *metav1.LabelSelector
	Services              map[string]serviceIdentity // by name
}

type serviceIdentity struct {
	UID                 types.UID
	ClusterIP, Balancer string
	Ports               []corev1.ServicePort
	Sends               map[string]string
}

func (w *releaseWorld) identity(t *testing.T, namespace, name string) identity {
	t.Helper()
	deployment, err := w.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	i := identity{Deployment: deployment.UID, DeploymentPodSelector: deployment.Spec.Selector, Services: map[string]serviceIdentity{}}
	for _, name := range []string{name, name + "-admin"} {
		service, err := w.kubernetes.CoreV1().Services(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		i.Services[name] = serviceIdentity{
			UID: service.UID, ClusterIP: service.Spec.ClusterIP, Balancer: service.Spec.LoadBalancerIP,
			Ports: service.Spec.Ports, Sends: service.Spec.Selector,
		}
	}
	return i
}

// helmInstall is `helm install --create-namespace --wait`, as the command does it.
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
	install.Wait, install.Timeout = true, 3*time.Minute
	if _, err := install.RunWithContext(t.Context(), chart, values); err != nil {
		t.Fatal(err)
	}
}
