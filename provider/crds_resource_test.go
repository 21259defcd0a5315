package provider_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
)

const crdsConfig = `
resource "emissary_crds" "this" {
  EXTRA
}
`

func installCRDs(extra ...string) string {
	return strings.ReplaceAll(crdsConfig, "EXTRA", strings.Join(extra, "\n  "))
}

// TestCRDs is about CRDs that come, change and go.
func TestCRDs(t *testing.T) {
	t.Parallel()
	testCRDs(t, []crdPart{
		{"OneApply", testCRDsOneApply},
		{"Drift", testCRDsDrift},
		{"Adopt", testCRDsAdopt},
		{"HelmOwner", testCRDsHelmOwner},
		{"GitOpsOwners", testCRDsGitOpsOwners},
		{"Changes", testCRDsChanges},
		{"NamesTaken", testCRDsNamesTaken},
		{"Forbidden", testCRDsForbidden},
		{"DeleteIfEmpty", testCRDsDeleteIfEmpty},
		{"Delete", testCRDsDelete},
		{"Faults", testCRDsFaults},
	})
}

// TestCRDsInUse is about CRDs whose objects have to stay what they are.
func TestCRDsInUse(t *testing.T) {
	t.Parallel()
	testCRDs(t, []crdPart{
		{"Narrowing", testCRDsNarrowing},
		{"Tightening", testCRDsTightening},
		{"Clients", testCRDsClients},
		{"Migration", testCRDsMigration},
		{"MigrationWebhook", testCRDsMigrationWebhook},
		{"MigrationResumed", testCRDsMigrationResumed},
		{"MigrationFails", testCRDsMigrationFails},
		{"Upstream", testCRDsUpstream},
		{"UpstreamGone", testCRDsUpstreamGone},
	})
}

type crdPart struct {
	name string
	run  func(*crdWorld)
}

// testCRDs runs parts on an API server of their own, because a cluster has these
// CRDs once: one part after the other, each from a cluster without them.
func testCRDs(t *testing.T, parts []crdPart) {
	deps.Terraform(t)
	c := cluster.ForTest(t, cluster.Options{})
	c.Config.QPS = -1 // as fast as the API server answers
	api := apiextensionsclient.NewForConfigOrDie(c.Config).CustomResourceDefinitions()
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			w := &crdWorld{api: api, world: &world{T: t, Cluster: c, dynamic: dynamic.NewForConfigOrDie(c.Config)}}
			w.namespace = strings.ToLower(part.name)
			w.createNamespace(w.namespace)
			w.removeAll()
			part.run(w)
		})
	}
}

// crdWorld is a cluster whose CRDs a test may do with as it likes.
type crdWorld struct {
	*world
	api apiextensionsclient.CustomResourceDefinitionInterface
}

// testCRDsOneApply installs the CRDs and makes an object of one of them in the
// same apply, without depends_on; a destroy leaves the CRDs where they are.
func testCRDsOneApply(w *crdWorld) {
	example, err := os.ReadFile("../examples/resources/emissary_crds/resource.tf")
	if err != nil {
		w.Fatal(err)
	}
	w.run(resource.TestStep{
		Config: w.config(string(example) + quote()),
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue("emissary_crds.example", tfjsonpath.New("id"), knownvalue.StringExact("getambassador.io")),
				plancheck.ExpectKnownValue("emissary_crds.example", tfjsonpath.New("kinds"), knownvalue.MapSizeExact(len(crds.Kinds()))),
			},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		},
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("emissary_crds.example", tfjsonpath.New("kinds").AtMapKey("Mapping"),
				knownvalue.StringRegexp(regexp.MustCompile(`^v3alpha1 sha256:[0-9a-f]{12}$`))),
		},
		Check: func(*terraform.State) error {
			for _, crd := range w.list() {
				for _, condition := range []apiextensionsv1.CustomResourceDefinitionConditionType{apiextensionsv1.Established, apiextensionsv1.NamesAccepted} {
					if !hasCondition(crd, condition) {
						return fmt.Errorf("%s is not %s", crd.Name, condition)
					}
				}
				if crd.Labels["app.kubernetes.io/part-of"] != "emissary-ingress" {
					return fmt.Errorf("%s has the labels %v", crd.Name, crd.Labels)
				}
			}
			return w.has(len(crds.Kinds()))
		},
	}, resource.TestStep{
		ResourceName: "emissary_crds.example", ImportState: true, ImportStateId: "getambassador.io", ImportStateVerify: true, ImportStateVerifyIgnore: []string{"timeouts", "changes"},
	}, resource.TestStep{
		ResourceName: "emissary_crds.example", ImportState: true, ImportStateId: "mappings",
		ExpectError: regexp.MustCompile(`"mappings" must be getambassador.io`),
	})
	if err := w.has(len(crds.Kinds())); err != nil {
		w.Errorf("after destroy: %v", err)
	}
}

// testCRDsDrift changes one CRD, deletes another, and has both repaired.
func testCRDsDrift(w *crdWorld) {
	repaired := func(before func()) resource.TestStep {
		return resource.TestStep{
			PreConfig: before,
			Config:    w.config(installCRDs()),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction("emissary_crds.this", plancheck.ResourceActionUpdate)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: func(*terraform.State) error { return w.same() },
		}
	}
	w.run(
		resource.TestStep{Config: w.config(installCRDs())},
		repaired(func() {
			w.change("mappings.getambassador.io", func(crd *apiextensionsv1.CustomResourceDefinition) {
				spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
				delete(spec.Properties, "timeout_ms")
			})
		}),
		repaired(func() {
			w.change("hosts.getambassador.io", func(crd *apiextensionsv1.CustomResourceDefinition) {
				crd.Spec.Versions[0].AdditionalPrinterColumns = nil
			})
			w.remove("listeners.getambassador.io")
		}),
		// What others may well set is no drift.
		resource.TestStep{
			PreConfig: func() {
				w.change("mappings.getambassador.io", func(crd *apiextensionsv1.CustomResourceDefinition) {
					crd.Spec.Names.ShortNames = []string{"mpg"}
					crd.Annotations["example.com/note"] = "ours"
				})
			},
			Config:   w.config(installCRDs()),
			PlanOnly: true,
		},
		// All gone: made again.
		resource.TestStep{
			PreConfig: w.removeAll,
			Config:    w.config(installCRDs()),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("emissary_crds.this", plancheck.ResourceActionCreate)},
			},
			Check: func(*terraform.State) error { return w.same() },
		},
	)
}

// testCRDsAdopt takes over CRDs that another tool has made, and leaves their
// conversion webhook to it.
func testCRDsAdopt(w *crdWorld) {
	for _, definition := range definitions() {
		definition.Labels = map[string]string{"app.kubernetes.io/managed-by": "Helm"}
		definition.Spec.Versions[0].AdditionalPrinterColumns = nil
		definition.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{
			Strategy: apiextensionsv1.WebhookConverter,
			Webhook: &apiextensionsv1.WebhookConversion{
				ClientConfig:             &apiextensionsv1.WebhookClientConfig{Service: &apiextensionsv1.ServiceReference{Namespace: "emissary-system", Name: "emissary-apiext"}},
				ConversionReviewVersions: []string{"v1"},
			},
		}
		if _, err := w.api.Create(w.Context(), definition, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
			w.Fatal(err)
		}
	}
	w.run(resource.TestStep{
		Config: w.config(installCRDs()),
		Check: func(*terraform.State) error {
			for _, crd := range w.list() {
				if crd.Spec.Conversion == nil || crd.Spec.Conversion.Strategy != apiextensionsv1.WebhookConverter {
					return fmt.Errorf("%s lost its conversion webhook", crd.Name)
				}
				if crd.Labels["app.kubernetes.io/managed-by"] != "Helm" {
					return fmt.Errorf("%s lost the labels of its maker: %v", crd.Name, crd.Labels)
				}
			}
			return w.same()
		},
	})
}

// testCRDsNamesTaken has a name taken by a CRD of someone else: the wait ends
// with the timeout, and the error has the API server's reason.
func testCRDsNamesTaken(w *crdWorld) {
	taken := definitions()[slices.IndexFunc(crds.Kinds(), func(k crds.Kind) bool { return k.Kind == "Mapping" })]
	taken.Name = "routes.getambassador.io"
	taken.Spec.Names.Plural, taken.Spec.Names.Singular = "routes", "route"
	if _, err := w.api.Create(w.Context(), taken, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	eventually(w.T, "the name is taken", func() bool {
		crd, err := w.api.Get(w.Context(), taken.Name, metav1.GetOptions{})
		return err == nil && hasCondition(*crd, apiextensionsv1.NamesAccepted)
	})
	w.run(
		resource.TestStep{
			Config:      w.config(installCRDs("timeouts {\n create = \"3s\"\n}")),
			ExpectError: regexp.MustCompile(`(?s)mappings.getambassador.io.*NamesAccepted\s+is\s+False.*already\s+in\s+use`),
		},
		// The next apply finishes what the failed one has begun.
		resource.TestStep{
			PreConfig: func() { w.remove(taken.Name) },
			Config:    w.config(installCRDs()),
			Check:     func(*terraform.State) error { return w.same() },
		},
	)
}

// testCRDsForbidden applies without the right to: one error names the server,
// the verb and the object.
func testCRDsForbidden(w *crdWorld) {
	kubeconfig, err := w.User("crds-nobody")
	if err != nil {
		w.Fatal(err)
	}
	config := fmt.Sprintf("provider \"emissary\" {\n  config_raw = %q\n}\n", kubeconfig)
	w.run(resource.TestStep{
		Config:      config + installCRDs(),
		ExpectError: regexp.MustCompile(`(?s)Cannot\s+read\s+CustomResourceDefinition\s+authservices.getambassador.io\s+on\s+https://127.0.0.1.*crds-nobody`),
	})
}

// testCRDsDeleteIfEmpty keeps CRDs that are in use and deletes unused ones,
// waiting for objects that the same destroy deletes.
func testCRDsDeleteIfEmpty(w *crdWorld) {
	config := w.config(installCRDs(`deletion_policy = "delete_if_empty"`) + quote())
	w.run(resource.TestStep{
		Config: config,
		Check: func(*terraform.State) error {
			_, err := w.objects("listeners").Create(w.Context(), otherListener(), metav1.CreateOptions{})
			return err
		},
	})
	if err := w.has(len(crds.Kinds())); err != nil {
		w.Fatalf("with a Listener left: %v", err)
	}
	if err := w.objects("listeners").Delete(w.Context(), "other", metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
	w.run(resource.TestStep{Config: config})
	if err := w.has(0); err != nil {
		w.Errorf("with nothing left: %v", err)
	}
}

// testCRDsDelete deletes CRDs in use, once that has been confirmed.
func testCRDsDelete(w *crdWorld) {
	w.run(resource.TestStep{
		Config: w.config(installCRDs(`deletion_policy = "delete"`, `confirm_data_loss = true`)),
		Check: func(*terraform.State) error {
			_, err := w.objects("listeners").Create(w.Context(), otherListener(), metav1.CreateOptions{})
			return err
		},
	})
	if err := w.has(0); err != nil {
		w.Error(err)
	}
}

// TestCRDsPlan plans against an address where nothing listens: everything is
// known, and what is wrong is said.
func TestCRDsPlan(t *testing.T) {
	t.Parallel()
	const nowhere = "provider \"emissary\" {\n  host = \"https://127.0.0.1:1\"\n}\n"
	runTerraform(t,
		resource.TestStep{
			Config:      nowhere + installCRDs(`deletion_policy = "delete"`),
			ExpectError: regexp.MustCompile(`(?s)deletion_policy.*Deleting the CRDs must be confirmed|Deleting the CRDs must be confirmed.*deletion_policy`),
		},
		resource.TestStep{
			Config:      nowhere + installCRDs(`deletion_policy = "delete"`, `confirm_data_loss = false`),
			ExpectError: regexp.MustCompile(`confirm_data_loss = true`),
		},
		resource.TestStep{
			Config:      nowhere + installCRDs(`deletion_policy = "keep"`),
			ExpectError: regexp.MustCompile(`(?s)deletion_policy.*"retain".*"delete_if_empty".*"delete"`),
		},
		resource.TestStep{
			Config:             nowhere + installCRDs(),
			PlanOnly:           true,
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			Config:      nowhere + installCRDs("timeouts {\n create = \"1s\"\n}"),
			ExpectError: regexp.MustCompile(`(?s)Cannot install the CRDs.*https://127.0.0.1:1.*cannot be\s+reached`),
		},
	)
}

func otherListener() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Listener", "metadata": map[string]any{"name": "other"},
		"spec": map[string]any{"port": int64(8080), "protocol": "HTTP", "securityModel": "XFP", "hostBinding": map[string]any{}},
	}}
}

func hasCondition(crd apiextensionsv1.CustomResourceDefinition, condition apiextensionsv1.CustomResourceDefinitionConditionType) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == condition && c.Status == apiextensionsv1.ConditionTrue
	})
}

// list returns the CRDs of the product's group.
func (w *crdWorld) list() []apiextensionsv1.CustomResourceDefinition {
	w.Helper()
	list, err := w.api.List(w.Context(), metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(crd apiextensionsv1.CustomResourceDefinition) bool { return crd.Spec.Group != "getambassador.io" })
}

// has checks how many CRDs there are.
func (w *crdWorld) has(count int) error {
	w.Helper()
	if list := w.list(); len(list) != count {
		return fmt.Errorf("the cluster has %d CRDs, want %d", len(list), count)
	}
	return nil
}

// same checks that the cluster has the CRDs as they are embedded.
func (w *crdWorld) same() error {
	w.Helper()
	list := w.list()
	if len(list) != len(crds.Kinds()) {
		return fmt.Errorf("the cluster has %d CRDs, want %d", len(list), len(crds.Kinds()))
	}
	for i, definition := range crds.Definitions() {
		if got, want := crds.Summary(&list[i]), crds.Summary(definition); got != want {
			return fmt.Errorf("%s is %s, want %s", definition.Name, got, want)
		}
	}
	return nil
}

// change updates a CRD as kubectl edit does.
func (w *crdWorld) change(name string, change func(*apiextensionsv1.CustomResourceDefinition)) {
	w.Helper()
	crd, err := w.api.Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	change(crd)
	if _, err := w.api.Update(w.Context(), crd, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
		w.Fatal(err)
	}
}

func (w *crdWorld) remove(name string) {
	w.Helper()
	if err := w.api.Delete(w.Context(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
	eventually(w.T, name+" is gone", func() bool {
		_, err := w.api.Get(w.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func (w *crdWorld) removeAll() {
	w.Helper()
	// Deleted as a collection they go at once, but leave their objects behind.
	// Only those of the kinds that most tests use: a kind costs the API server half
	// a second when it is first asked for.
	w.removeObjects(slices.DeleteFunc(w.list(), func(crd apiextensionsv1.CustomResourceDefinition) bool {
		return crd.Spec.Names.Plural != "mappings" && crd.Spec.Names.Plural != "listeners"
	})...)
	if err := w.api.DeleteCollection(w.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		w.Fatal(err)
	}
	eventually(w.T, "all CRDs are gone", func() bool { return len(w.list()) == 0 })
}

// removeObjects deletes what there is of some kinds, in the version that is
// stored: nothing has to be converted for that.
func (w *crdWorld) removeObjects(all ...apiextensionsv1.CustomResourceDefinition) {
	w.Helper()
	for _, crd := range all {
		stored := crd.Spec.Versions[slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Storage })]
		objects := w.dynamic.Resource(schema.GroupVersionResource{Group: crd.Spec.Group, Version: stored.Name, Resource: crd.Spec.Names.Plural})
		list, err := objects.List(w.Context(), metav1.ListOptions{})
		if apierrors.IsNotFound(err) { // the CRD is not served
			continue
		}
		if err != nil {
			w.Fatal(err)
		}
		for _, object := range list.Items {
			if err := objects.Namespace(object.GetNamespace()).Delete(w.Context(), object.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				w.Fatal(err)
			}
		}
	}
}
