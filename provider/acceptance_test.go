package provider_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/workspace"
)

// TestMain lets the acceptance tests run under plain go test: they use the real
// Terraform and one real API server, which the first test that needs it starts.
// Without these programs they skip. Where Terraform starts the test's binary, it is
// the provider.
func TestMain(m *testing.M) {
	workspace.Serve()
	os.Setenv("TF_ACC", "1")
	os.Setenv("CHECKPOINT_DISABLE", "1")
	if path, err := deps.TerraformPath(); err == nil {
		useEngine(path)
	}
	// The developer's own clusters and settings are none of the tests' business.
	os.Unsetenv("TF_CLI_CONFIG_FILE")
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "KUBE") {
			os.Unsetenv(name)
		}
	}
	code := m.Run()
	if started != nil {
		if err := started.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the test cluster:", err)
		}
	}
	os.Exit(code)
}

// useEngine makes the tests run this Terraform or OpenTofu, whose default
// registries differ.
func useEngine(path string) {
	os.Setenv("TF_ACC_TERRAFORM_PATH", path)
	if filepath.Base(path) == "tofu" {
		os.Setenv("TF_ACC_PROVIDER_HOST", "registry.opentofu.org")
		os.Setenv("TF_ACC_PROVIDER_NAMESPACE", "hashicorp")
	}
}

var (
	started *cluster.Cluster
	start   = sync.OnceValue(func() error {
		var err error
		if started, err = cluster.Start(context.Background(), cluster.Options{}); err != nil {
			return err
		}
		_, err = envtest.InstallCRDs(started.Config, envtest.CRDInstallOptions{CRDs: definitions()})
		return err
	})
)

// world is one test's corner of the shared cluster: a namespace of its own.
type world struct {
	*testing.T
	*cluster.Cluster
	namespace string
	dynamic   dynamic.Interface
}

// newWorld starts the cluster if need be and makes the namespace.
func newWorld(t *testing.T) *world {
	t.Helper()
	deps.Terraform(t)
	deps.Kubernetes(t)
	if err := start(); err != nil {
		t.Fatalf("start the test cluster: %v", err)
	}
	w := &world{T: t, Cluster: started, dynamic: dynamic.NewForConfigOrDie(started.Config)}
	w.namespace = strings.ToLower(strings.NewReplacer("_", "-", "/", "-").Replace(t.Name()))
	w.createNamespace(w.namespace)
	return w
}

func (w *world) createNamespace(name string) {
	w.Helper()
	namespaces := schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	if _, err := w.dynamic.Resource(namespaces).Create(w.Context(), object, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// objects gives access to the objects of a kind in the test's namespace.
func (w *world) objects(plural string) dynamic.ResourceInterface {
	return w.dynamic.Resource(schema.GroupVersionResource{Group: "getambassador.io", Version: "v3alpha1", Resource: plural}).Namespace(w.namespace)
}

// get reads one object of the test's namespace.
func (w *world) get(plural, name string) *unstructured.Unstructured {
	w.Helper()
	object, err := w.objects(plural).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return object
}

// edit changes an object as kubectl edit does.
func (w *world) edit(plural, name string, change func(spec map[string]any)) {
	w.Helper()
	object := w.get(plural, name)
	change(object.Object["spec"].(map[string]any))
	if _, err := w.objects(plural).Update(w.Context(), object, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
		w.Fatal(err)
	}
}

// config is Terraform configuration against the test's cluster. NAMESPACE in it
// stands for the test's namespace.
func (w *world) config(body string) string {
	return fmt.Sprintf("provider \"emissary\" {\n  config_path = %q\n}\n", w.Kubeconfig) +
		strings.ReplaceAll(body, "NAMESPACE", w.namespace)
}

// run is a test of the steps with the real Terraform.
func (w *world) run(steps ...resource.TestStep) {
	w.Helper()
	runTerraform(w.T, steps...)
}

func runTerraform(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	deps.Terraform(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"emissary": func() (tfprotov6.ProviderServer, error) { return provider.NewServer("test"), nil },
		},
		Steps: steps,
	})
}

func definitions() []*apiextensionsv1.CustomResourceDefinition {
	var copies []*apiextensionsv1.CustomResourceDefinition
	for _, crd := range crds.Definitions() {
		copies = append(copies, crd.DeepCopy())
	}
	return copies
}

// eventually repeats the check until it holds or three minutes have passed: a
// busy machine is slow.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !check() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// specIs checks the spec of an object in the API, exactly.
func (w *world) specIs(plural, name string, want map[string]any) resource.TestCheckFunc {
	return func(*terraform.State) error {
		got := w.get(plural, name).Object["spec"]
		if diff := cmp.Diff(any(want), got); diff != "" {
			return fmt.Errorf("spec of %s %s (-want +got):\n%s", plural, name, diff)
		}
		return nil
	}
}
