package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// folder writes a kustomization to disk; NAMESPACE stands for the test's
// namespace. A file without content is removed.
func (w *world) folder(dir string, files map[string]string) {
	w.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				w.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "NAMESPACE", w.namespace)), 0o644); err != nil {
			w.Fatal(err)
		}
	}
}

const kustomizationConfig = `
resource "emissary_kustomization" "test" {
  path = %q
  wait = false
  EXTRA
}
`

func kustomized(dir string, extra ...string) string {
	return strings.ReplaceAll(fmt.Sprintf(kustomizationConfig, dir), "EXTRA", strings.Join(extra, "\n  "))
}

// object reads an object of any kind in the test's namespace; nil when there is
// none.
func (w *world) object(gvr schema.GroupVersionResource, name string) *unstructured.Unstructured {
	w.Helper()
	object, err := w.dynamic.Resource(gvr).Namespace(w.namespace).Get(w.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.Fatal(err)
	}
	return object
}

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

// shop is a kustomization of several kinds.
var shop = map[string]string{
	"kustomization.yaml": `
namespace: NAMESPACE
resources: [deployment.yaml, mapping.yaml]
configMapGenerator:
- name: settings
  literals: [level=info]
  options: {disableNameSuffixHash: true}
secretGenerator:
- name: password
  literals: [password=correct-horse]
  options: {disableNameSuffixHash: true}
`,
	"deployment.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: quote}
spec:
  replicas: 2
  selector: {matchLabels: {app: quote}}
  template:
    metadata: {labels: {app: quote}}
    spec:
      containers:
      - name: quote
        image: quote:1
        resources: {requests: {cpu: 1000m}}
        ports: [{containerPort: 8080}]
`,
	"mapping.yaml": `
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: quote}
spec: {hostname: "*", prefix: /quote/, service: quote, timeout_ms: 3000}
`,
}

func change(files map[string]string, name, old, replacement string) map[string]string {
	return map[string]string{name: strings.Replace(files[name], old, replacement, 1)}
}

// inPlan checks an attribute of the kustomization in the plan.
func inPlan(attribute string, check knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue("emissary_kustomization.test", tfjsonpath.New(attribute), check)
}

func digest() knownvalue.Check {
	return knownvalue.StringRegexp(regexp.MustCompile(`^sha256:[0-9a-f]{12}$`))
}

// changesAre checks the changes in the plan, by object.
func changesAre(changes map[string][]string) knownvalue.Check {
	all := map[string]knownvalue.Check{}
	for id, lines := range changes {
		var list []knownvalue.Check
		for _, line := range lines {
			list = append(list, knownvalue.StringExact(line))
		}
		all[id] = knownvalue.ListExact(list)
	}
	return knownvalue.MapExact(all)
}

// TestKustomization creates, changes, prunes and destroys.
func TestKustomization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, shop)
	id := func(kind, name string) string { return kind + "/" + w.namespace + "/" + name }
	updated := func(check knownvalue.Check) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("emissary_kustomization.test", plancheck.ResourceActionUpdate),
				inPlan("changes", check),
			},
			PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		}
	}
	config := w.config(kustomized(dir))
	w.run(
		resource.TestStep{
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{
					inPlan("objects", knownvalue.MapExact(map[string]knownvalue.Check{
						id("ConfigMap", "settings"): digest(), id("Secret", "password"): digest(),
						id("apps/Deployment", "quote"): digest(), id("getambassador.io/Mapping", "quote"): digest(),
					})),
				},
				PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(state *terraform.State) error {
				if text := fmt.Sprint(state); strings.Contains(text, "correct-horse") || strings.Contains(text, "Y29ycmVjdC1ob3JzZQ") {
					return fmt.Errorf("the state has the password:\n%s", text)
				}
				return w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/quote/", "service": "quote", "timeout_ms": int64(3000)})(state)
			},
		},
		// A change of two objects shows their fields.
		resource.TestStep{
			PreConfig: func() {
				w.folder(dir, change(shop, "deployment.yaml", "quote:1", "quote:2"))
				w.folder(dir, change(shop, "mapping.yaml", ", timeout_ms: 3000", ", weight: 10"))
			},
			Config: config,
			ConfigPlanChecks: updated(changesAre(map[string][]string{
				id("apps/Deployment", "quote"):          {`spec.template.spec.containers[quote].image: "quote:1" -> "quote:2"`},
				id("getambassador.io/Mapping", "quote"): {`spec.timeout_ms: 3000 -> (none)`, `spec.weight: (none) -> 10`},
			})),
			Check: w.specIs("mappings", "quote", map[string]any{"hostname": "*", "prefix": "/quote/", "service": "quote", "weight": int64(10)}),
		},
		// Others change a field, also one in a list, and delete an object.
		resource.TestStep{
			PreConfig: func() {
				object := w.object(deployments, "quote")
				spec := object.Object["spec"].(map[string]any)
				spec["replicas"] = int64(3)
				pod := spec["template"].(map[string]any)["spec"].(map[string]any)
				pod["containers"].([]any)[0].(map[string]any)["image"] = "quote:3"
				if _, err := w.dynamic.Resource(deployments).Namespace(w.namespace).Update(t.Context(), object, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
					t.Fatal(err)
				}
				if err := w.dynamic.Resource(configMaps).Namespace(w.namespace).Delete(t.Context(), "settings", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			},
			Config: config,
			ConfigPlanChecks: updated(changesAre(map[string][]string{id("apps/Deployment", "quote"): {
				`spec.replicas: 3 -> 2`,
				`spec.template.spec.containers[name="quote"].image: "quote:3" -> "quote:2"`,
			}})),
			Check: func(*terraform.State) error {
				if w.object(configMaps, "settings") == nil {
					return fmt.Errorf("the ConfigMap was not made again")
				}
				if replicas := w.object(deployments, "quote").Object["spec"].(map[string]any)["replicas"]; replicas != int64(2) {
					return fmt.Errorf("replicas is %v", replicas)
				}
				return nil
			},
		},
		// What leaves the kustomization is deleted.
		resource.TestStep{
			PreConfig: func() { w.folder(dir, change(shop, "kustomization.yaml", ", mapping.yaml", "")) },
			Config:    config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{inPlan("objects", knownvalue.MapSizeExact(3)), inPlan("changes", knownvalue.Null())},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error {
				list, err := w.objects("mappings").List(t.Context(), metav1.ListOptions{})
				if err != nil || len(list.Items) > 0 {
					return fmt.Errorf("%d Mappings are left (%w)", len(list.Items), err)
				}
				return nil
			},
		},
	)
	for gvr, name := range map[schema.GroupVersionResource]string{configMaps: "settings", secrets: "password", deployments: "quote"} {
		if w.object(gvr, name) != nil {
			t.Errorf("%s %s is still there after the destroy", gvr.Resource, name)
		}
	}
}
