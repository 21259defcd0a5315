package controller_test

import (
	"fmt"
	"net/http"
	"testing"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
)

// TestClusterIsServedByEnvoy runs the controller against a real API server: started before the definitions exist, it
// serves what appears, and what its conditions say is true when they say it.
func TestClusterIsServedByEnvoy(t *testing.T) {
	t.Parallel()
	command := deps.Envoy(t)
	c := cluster.ForTest(t, cluster.Options{})
	client := dynamic.NewForConfigOrDie(c.Config)
	ports := loopback.Ports(t, 4)
	s := &site{http: ports[0], health: fmt.Sprintf("http://127.0.0.1:%d/ambassador/v0/", ports[1]), log: &buffer{}, backend: backend(t)}
	s.run(t, controller.Options{Kubeconfig: c.Kubeconfig}, command, ports[1:])
	s.ready(t) // with no definition installed there is nothing to wait for

	definitions := apiextensions.NewForConfigOrDie(c.Config).ApiextensionsV1().CustomResourceDefinitions()
	for _, definition := range crds.Definitions() {
		if _, err := definitions.Create(t.Context(), definition, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	apply := func(resource schema.GroupVersionResource, kind, name string, spec map[string]any) {
		t.Helper()
		object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
		object.SetAPIVersion(resource.GroupVersion().String())
		object.SetKind(kind)
		object.SetName(name)
		s.await(t, "the API server taking "+kind+" "+name, func() error { // a new definition takes a moment to be served
			_, err := client.Resource(resource).Namespace("default").Apply(t.Context(), name, object, metav1.ApplyOptions{FieldManager: "test"})
			return err
		})
	}
	custom := v3alpha1.GroupVersion.WithResource
	mapping := func(prefix string) map[string]any {
		return map[string]any{"hostname": "*", "prefix": prefix, "service": fmt.Sprintf("app:%d", s.backend.Port)}
	}
	apply(schema.GroupVersionResource{Version: "v1", Resource: "services"}, "Service", "app", map[string]any{"type": "ExternalName", "externalName": "localhost"})
	apply(custom("listeners"), "Listener", "http", map[string]any{
		"port": int64(s.http), "protocol": "HTTP", "securityModel": "XFP", "hostBinding": map[string]any{"namespace": map[string]any{"from": "ALL"}},
	})
	apply(custom("hosts"), "Host", "all", map[string]any{"hostname": "*", "requestPolicy": map[string]any{"insecure": map[string]any{"action": "Route"}}})
	apply(custom("mappings"), "Mapping", "app", mapping("/one/"))

	condition := func(generation int64, kind string) *metav1.Condition {
		t.Helper()
		var found *metav1.Condition
		s.await(t, fmt.Sprintf("condition %s of generation %d", kind, generation), func() error {
			object, err := client.Resource(custom("mappings")).Namespace("default").Get(t.Context(), "app", metav1.GetOptions{})
			if err != nil {
				return err
			}
			var typed v3alpha1.Mapping
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
				return err
			}
			found = meta.FindStatusCondition(typed.Status.Conditions, kind)
			if found == nil || found.ObservedGeneration < generation {
				return fmt.Errorf("conditions: %+v", typed.Status.Conditions)
			}
			return nil
		})
		return found
	}
	// Envoy may have acknowledged the Mapping before its Listener came; from the moment all are programmed it answers.
	s.await(t, "the Mapping being served", func() error { return s.is("/one/", http.StatusOK) })
	if programmed := condition(1, v3alpha1.ConditionProgrammed); programmed.Status != metav1.ConditionTrue {
		t.Errorf("served, and %+v", programmed)
	}

	apply(custom("mappings"), "Mapping", "app", mapping("/two/"))
	if programmed := condition(2, v3alpha1.ConditionProgrammed); programmed.Status != metav1.ConditionTrue {
		t.Errorf("after the change: %+v", programmed)
	}
	if err := s.is("/two/", http.StatusOK); err != nil {
		t.Errorf("Programmed, and not served: %v", err)
	}

	apply(custom("mappings"), "Mapping", "app", map[string]any{
		"hostname": "*", "prefix": "([", "prefix_regex": true, "service": "app",
	})
	if accepted := condition(3, v3alpha1.ConditionAccepted); accepted.Status != metav1.ConditionFalse || accepted.Message == "" {
		t.Errorf("after a bad regular expression: %+v", accepted)
	}
	if err := s.is("/two/", http.StatusOK); err != nil {
		t.Errorf("a bad edit took down what was served: %v", err)
	}

	lease, err := kubernetes.NewForConfigOrDie(c.Config).CoordinationV1().Leases("default").Get(t.Context(), "emissary-default", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if lease.Labels[status.LabelAmbassadorID] != "default" || lease.Spec.RenewTime == nil {
		t.Errorf("the Lease that Terraform's wait looks for is %+v", lease)
	}
}
