package provider_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/kube"
	"terraform-provider-emissary/internal/release"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
)

// TestRelease runs on a cluster of its own: its Deployments become ready.
func TestRelease(t *testing.T) {
	t.Parallel()
	deps.Terraform(t)
	c := cluster.ForTest(t, cluster.Options{Workloads: true})
	w := &releaseWorld{Cluster: c, kubernetes: kubernetes.NewForConfigOrDie(c.Config)}
	// The quickstart comes first: the others need the CRDs it installs.
	t.Run("Quickstart", func(t *testing.T) { testQuickstart(t, w) })
	// Emissary's chart makes a Role in the namespace of its conversion webhook.
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "emissary-system"}}
	if _, err := w.kubernetes.CoreV1().Namespaces().Create(t.Context(), system, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Run("Parts", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *releaseWorld, string){
			"Example":      testReleaseExample,
			"Update":       testReleaseUpdate,
			"Modified":     testReleaseModified,
			"FailedCreate": testReleaseFailedCreate,
			"FailedUpdate": testReleaseFailedUpdate,
			"LocalChart":   testReleaseLocalChart,
			"Several":      testMultipleInstalls,
			"Converted":    testConvertedRelease,
			"Import":       testReleaseImport,
			"ImportClean":  testReleaseImportClean,
			"ImportTheirs": testReleaseImportUpstream,
			"Adopt":        testReleaseAdopt,
			"Drift":        testReleaseDrift,
			"IgnoreDrift":  testReleaseIgnoreDrift,
			"TakeOver":     testReleaseTakeOver,
			"Kustomize":    testReleaseKustomize,
			"WriteOnly":    testReleaseWriteOnly,
			"Disappears":   testReleaseDisappears,
			"Faults":       testReleaseFaults,
			"Actions":      testActions,
			"Invoked":      testInvokedActions,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, w, "release-"+strings.ToLower(name))
			})
		}
	})
}

type releaseWorld struct {
	*cluster.Cluster
	kubernetes kubernetes.Interface
}

// client works on releases beside Terraform.
func (w *releaseWorld) client(t *testing.T) *release.Client {
	t.Helper()
	connection, err := kube.NewForConfig(rest.CopyConfig(w.Config), "test")
	if err != nil {
		t.Fatal(err)
	}
	return release.New(connection, nil)
}

// testQuickstart applies examples/quickstart as it is to an empty cluster.
func testQuickstart(t *testing.T, w *releaseWorld) {
	example := filepath.Join(deps.Root(), "examples", "quickstart")
	var files []string
	for _, name := range []string{"variables.tf", "main.tf"} {
		content, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(content))
	}
	body := strings.Join(files, "\n")
	for _, forbidden := range []string{"depends_on", "time_sleep"} {
		if strings.Contains(body, forbidden) {
			t.Errorf("the quickstart needs %s", forbidden)
		}
	}
	runTerraform(t, resource.TestStep{
		Config:          w.provider() + body,
		ConfigVariables: config.Variables{"service": config.StringVariable("web.default:80")},
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		},
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(1)),
			statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("status"), knownvalue.StringExact("deployed")),
			statecheck.ExpectKnownValue("emissary_mapping.nginx", tfjsonpath.New("service"), knownvalue.StringExact("web.default:80")),
		},
		Check: func(*terraform.State) error {
			deployment, err := w.kubernetes.AppsV1().Deployments("emissary").Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
			if err != nil {
				return err
			}
			if got := deployment.Spec.Template.Spec.Containers[0].Args; len(got) != 1 || got[0] != "controller" {
				return fmt.Errorf("the arguments are %q", got)
			}
			return nil
		},
	})
	w.gone(t, "emissary")
}

// testReleaseExample applies the example of the documentation.
func testReleaseExample(t *testing.T, w *releaseWorld, _ string) {
	text, err := os.ReadFile(filepath.Join(deps.Root(), "examples", "resources", "emissary_release", "resource.tf"))
	if err != nil {
		t.Fatal(err)
	}
	runTerraform(t, resource.TestStep{
		Config: w.provider() + string(text),
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		},
	}, resource.TestStep{
		ResourceName: "emissary_release.example", ImportState: true, ImportStateVerify: true,
		// Values are not read back: see ImportState.
		ImportStateVerifyIgnore: []string{"values", "chart_digest"},
	})
	w.gone(t, "emissary")
}

func testReleaseUpdate(t *testing.T, w *releaseWorld, namespace string) {
	revision := func(number int64) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(number))}
	}
	upgrade := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectUnknownValue(ingressRelease, tfjsonpath.New("revision")),
		plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("app_version"), knownvalue.NotNull()),
	}}
	noUpgrade := func(number int64) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(number)),
		}}
	}
	runTerraform(t,
		resource.TestStep{
			Config:            w.release(namespace, `values = { replicaCount = 1 }`),
			ConfigStateChecks: revision(1),
		},
		resource.TestStep{
			Config:           w.release(namespace, `values = { replicaCount = 2 }`),
			ConfigPlanChecks: upgrade, ConfigStateChecks: revision(2),
			Check: w.replicas(t, namespace, 2),
		},
		// How the release is applied is not part of it, nor is where a value is written.
		resource.TestStep{
			Config:           w.release(namespace, "values_yaml = [\"replicaCount: 1\", \"replicaCount: 2\"]\natomic = true\nmax_history = 3"),
			ConfigPlanChecks: noUpgrade(2), ConfigStateChecks: revision(2),
		},
		// Later wins: values over values_yaml, sensitive_values over both.
		resource.TestStep{
			Config:           w.release(namespace, "values_yaml = [\"replicaCount: 1\"]\nvalues = { replicaCount = 2 }\nsensitive_values = { replicaCount = 3 }"),
			ConfigPlanChecks: upgrade, ConfigStateChecks: revision(3),
			Check: w.replicas(t, namespace, 3),
		},
	)
	w.gone(t, namespace)
}

// testReleaseModified has someone else upgrade the release.
func testReleaseModified(t *testing.T, w *releaseWorld, namespace string) {
	body := w.release(namespace, `values = { replicaCount = 1 }`)
	runTerraform(t,
		resource.TestStep{Config: body},
		resource.TestStep{
			PreConfig: func() {
				w.apply(t, namespace, map[string]any{"replicaCount": 5, "ingressClassResource": disabled, "service": clusterIP})
			},
			Config: body,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionUpdate),
			}},
			Check: w.replicas(t, namespace, 1),
		},
		// The same values by another hand are no change.
		resource.TestStep{
			PreConfig: func() {
				w.apply(t, namespace, map[string]any{"replicaCount": 1, "ingressClassResource": disabled, "service": clusterIP})
			},
			Config:   body,
			PlanOnly: true,
		},
	)
}

func testReleaseFailedCreate(t *testing.T, w *releaseWorld, namespace string) {
	runTerraform(t,
		resource.TestStep{
			Config:      w.release(namespace, "values = { nodeSelector = { pool = \"none\" } }\ntimeouts {\n create = \"8s\"\n}"),
			ExpectError: regexp.MustCompile(`(?s)Cannot apply the release.*Deployment\s+` + namespace + `/emissary-ingress.*0 of 3\s+pods\s+are\s+ready`),
		},
		resource.TestStep{
			Config: w.release(namespace, ``),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("status"), knownvalue.StringExact("deployed")),
			},
		},
	)
	w.gone(t, namespace)
}

func testReleaseFailedUpdate(t *testing.T, w *releaseWorld, namespace string) {
	good := w.release(namespace, `values = { replicaCount = 1 }`)
	bad := "values = { replicaCount = 2, nodeSelector = { pool = \"none\" } }\ntimeouts {\n update = \"8s\"\n}\n"
	runTerraform(t,
		resource.TestStep{Config: good},
		resource.TestStep{
			Config:      w.release(namespace, bad),
			ExpectError: regexp.MustCompile(`(?s)Cannot apply the release.*Deployment\s+` + namespace + `/emissary-ingress`),
		},
		// The state knows that the release is not what it was.
		resource.TestStep{
			Config: good,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionUpdate),
			}},
			Check: w.replicas(t, namespace, 1),
		},
		resource.TestStep{
			Config:      w.release(namespace, bad+"atomic = true"),
			ExpectError: regexp.MustCompile(`(?s)rolled\s+back\s+to\s+revision\s+3`),
		},
		// It was rolled back: the failed change shows again, and what the good
		// configuration says is there.
		resource.TestStep{
			Config: w.release(namespace, bad+"atomic = true"), PlanOnly: true, ExpectNonEmptyPlan: true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(ingressRelease, tfjsonpath.New("revision")),
			}},
		},
		resource.TestStep{Config: good, PlanOnly: true},
	)
}

// testReleaseLocalChart: a change of a chart's files is a change of the release.
func testReleaseLocalChart(t *testing.T, w *releaseWorld, namespace string) {
	chart := filepath.Join(t.TempDir(), "mine")
	write := func(text string) {
		for name, content := range map[string]string{
			"Chart.yaml":        "apiVersion: v2\nname: mine\nversion: 1.0.0\nappVersion: \"7\"\n",
			"templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\ndata:\n  text: " + text + "\n  million: {{ .Values.million | quote }}\n",
		} {
			path := filepath.Join(chart, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("one")
	body := w.provider() + fmt.Sprintf(`
resource "emissary_release" "ingress" {
  name      = "mine"
  namespace = %q
  chart     = %q
  values    = { million = 1000000 }
}`, namespace, chart)
	text := func(want string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			object, err := w.kubernetes.CoreV1().ConfigMaps(namespace).Get(t.Context(), "mine", metav1.GetOptions{})
			if err != nil || object.Data["text"] != want || object.Data["million"] != "1000000" {
				return fmt.Errorf("the ConfigMap has %v: %w", object.Data, err)
			}
			return nil
		}
	}
	runTerraform(t,
		resource.TestStep{Config: body, Check: text("one"), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("app_version"), knownvalue.StringExact("7")),
		}},
		resource.TestStep{PreConfig: func() { write("two") }, Config: body, Check: text("two")},
	)
	w.gone(t, namespace)
}

func testReleaseImport(t *testing.T, w *releaseWorld, namespace string) {
	w.apply(t, namespace, map[string]any{"replicaCount": 1, "ingressClassResource": disabled, "service": clusterIP})
	body := w.release(namespace, `values = { replicaCount = 1 }`)
	runTerraform(t,
		resource.TestStep{
			Config: body, ResourceName: ingressRelease, ImportState: true, ImportStateId: namespace + "/other",
			ExpectError: regexp.MustCompile(`(?s)[Tt]here\s+is\s+no\s+release\s+` + namespace + `/other`),
		},
		resource.TestStep{
			Config: body, ResourceName: ingressRelease, ImportState: true, ImportStateId: "emissary-ingress",
			ExpectError: regexp.MustCompile(`must\s+be\s+namespace/name`),
		},
		resource.TestStep{
			Config: body, ResourceName: ingressRelease, ImportState: true, ImportStateId: namespace + "/emissary-ingress", ImportStatePersist: true,
		},
		resource.TestStep{
			Config: body,
			ConfigStateChecks: []statecheck.StateCheck{
				// Where a value is written is no change of the release.
				statecheck.ExpectKnownValue(ingressRelease, tfjsonpath.New("revision"), knownvalue.Int64Exact(1)),
			},
		},
	)
}

// testReleaseDisappears has someone else uninstall the release.
func testReleaseDisappears(t *testing.T, w *releaseWorld, namespace string) {
	body := w.release(namespace, ``)
	runTerraform(t,
		resource.TestStep{Config: body},
		resource.TestStep{
			PreConfig: func() {
				ref := release.Ref{Namespace: namespace, Name: "emissary-ingress"}
				if _, err := w.client(t).Delete(t.Context(), ref, release.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			},
			Config: body,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(ingressRelease, plancheck.ResourceActionCreate),
			}},
		},
	)
	w.gone(t, namespace)
}

// Values with which several installs of one cluster do not get into each other's
// way.
var (
	disabled  = map[string]any{"enabled": false}
	clusterIP = map[string]any{"type": "ClusterIP"}
)

func (w *releaseWorld) provider() string {
	return fmt.Sprintf("provider \"emissary\" {\n  config_path = %q\n}\n", w.Kubeconfig)
}

// release is an install of the bundled chart; body is more configuration of it.
func (w *releaseWorld) release(namespace, body string) string {
	shared := `"ingressClassResource: {enabled: false}", "service: {type: ClusterIP}"`
	if strings.Contains(body, "values_yaml = [") {
		body = strings.Replace(body, "values_yaml = [", "values_yaml = ["+shared+", ", 1)
	} else {
		body += "\nvalues_yaml = [" + shared + "]"
	}
	return w.provider() + fmt.Sprintf("resource \"emissary_release\" \"ingress\" {\n  name = \"emissary-ingress\"\n  namespace = %q\n%s\n}", namespace, body)
}

// apply is `helm upgrade --install` by someone else.
func (w *releaseWorld) apply(t *testing.T, namespace string, values map[string]any) {
	t.Helper()
	chart, err := charts.Load(charts.Ingress)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	spec := release.Spec{Name: "emissary-ingress", Namespace: namespace, Chart: chart, Values: values, CreateNamespace: true}
	if _, err := w.client(t).Apply(ctx, spec); err != nil {
		t.Fatal(err)
	}
}

func (w *releaseWorld) replicas(t *testing.T, namespace string, want int32) resource.TestCheckFunc {
	return func(*terraform.State) error {
		deployment, err := w.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got := *deployment.Spec.Replicas; got != want {
			return fmt.Errorf("the Deployment has %d replicas, want %d", got, want)
		}
		return nil
	}
}

// gone checks that nothing of a release is left, its namespace included.
func (w *releaseWorld) gone(t *testing.T, namespace string) {
	t.Helper()
	left, err := w.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the namespace %s is still there: %v, %v", namespace, left.Status, err)
	}
}
