package controller_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
)

// TestTheStatusOfAPoisonIsTheMemory restarts the controller with a Mapping of which its status says that Envoy refuses
// it: it is not part of the first configuration, so that no Envoy ever refuses anything. Another Envoy may take it.
func TestTheStatusOfAPoisonIsTheMemory(t *testing.T) {
	t.Parallel()
	p := newPoisoned(t)
	c := cluster.ForTest(t, cluster.Options{})
	client := dynamic.NewForConfigOrDie(c.Config)
	definitions := apiextensions.NewForConfigOrDie(c.Config).ApiextensionsV1().CustomResourceDefinitions()
	for _, definition := range crds.Definitions() {
		if _, err := definitions.Create(t.Context(), definition, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	apply := func(manifests string) {
		t.Helper()
		for document := range strings.SplitSeq(strings.TrimPrefix(manifests, "---\n"), "---\n") {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), object); err != nil || object.Object == nil {
				t.Fatalf("%v: %s", err, document)
			}
			p.await(t, "the API server taking "+object.GetName(), func() error { // a new definition takes a moment to be served
				_, err := client.Resource(resourceOf(object)).Namespace("default").
					Apply(t.Context(), object.GetName(), object, metav1.ApplyOptions{FieldManager: "test", Force: true})
				return err
			})
		}
	}
	// programmed waits for the verdict on a generation of a Mapping.
	programmed := func(name string, generation int64, reason string, parts ...string) {
		t.Helper()
		p.await(t, fmt.Sprintf("%s of generation %d of Mapping %s", reason, generation, name), func() error {
			condition, err := programmedCondition(t.Context(), client, name)
			switch {
			case err != nil:
				return err
			case condition == nil || condition.ObservedGeneration != generation || condition.Reason != reason:
				return fmt.Errorf("condition %+v", condition)
			}
			for _, part := range parts {
				if !strings.Contains(condition.Message, part) {
					return fmt.Errorf("message %q has no %q", condition.Message, part)
				}
			}
			return nil
		})
	}
	restart := func(command string) (stop func()) {
		p.log = &buffer{}
		stop = p.start(t, controller.Options{Kubeconfig: c.Kubeconfig}, command, p.ports)
		p.ready(t)
		return stop
	}
	const served = v3alpha1.ConditionProgrammed

	apply(p.manifests + p.mapping("more", "h1.example.com", "/more/"))
	stop := restart(p.command)
	p.await(t, "the 50", p.allServed)
	programmed("more", 1, served)
	p.watched(t, func() {
		apply(p.mapping("poison", "h1.example.com", poisonPath) + p.mapping("more", "h1.example.com", poisonPath))
		programmed("poison", 1, status.ReasonRejectedByEnvoy, "program size")
		programmed("more", 2, status.ReasonRejectedByEnvoy, "program size", "(generation 1 is still served)")
		if err := p.ask("h1.example.com", "/more/", http.StatusOK); err != nil {
			t.Errorf("the version before is not served: %v", err)
		}
	})

	stop()
	stop = restart(p.command)
	p.watched(t, func() {
		programmed("poison", 1, status.ReasonRejectedByEnvoy, "program size")
		apply(p.mapping("more", "h1.example.com", "/again/"))
		programmed("more", 3, served)
		if err := p.ask("h1.example.com", "/again/", http.StatusOK); err != nil {
			t.Errorf("Programmed, and not served: %v", err)
		}
	})
	if strings.Contains(p.log.String(), "Envoy rejects a resource") {
		t.Error("Envoy was asked to serve what it is known to refuse")
	}

	stop()
	restart(deps.Envoy(t)) // one that takes it
	p.watched(t, func() {
		programmed("poison", 1, served)
		if err := p.ask("h1.example.com", "/poison/"+strings.Repeat("a", 60), http.StatusOK); err != nil {
			t.Errorf("Programmed, and not served: %v", err)
		}
	})
}

func resourceOf(object *unstructured.Unstructured) schema.GroupVersionResource {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	return resource
}

// programmedCondition reads the condition from the API server; nil when there is none yet.
func programmedCondition(ctx context.Context, client dynamic.Interface, mapping string) (*metav1.Condition, error) {
	object, err := client.Resource(v3alpha1.GroupVersion.WithResource("mappings")).Namespace("default").Get(ctx, mapping, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var typed v3alpha1.Mapping
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		return nil, err
	}
	return meta.FindStatusCondition(typed.Status.Conditions, v3alpha1.ConditionProgrammed), nil
}
