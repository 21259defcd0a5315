package random

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/provider/conversion"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/workspace"
)

// most is how many configurations are applied together at most, in one run.
const most = 50

func TestMain(m *testing.M) {
	workspace.Serve()
	os.Exit(m.Run())
}

// TestRandomConfigurations applies, changes and destroys random configurations.
// The engines take turns. RANDOM is how many, RANDOM_FIRST the number of the first
// one.
func TestRandomConfigurations(t *testing.T) {
	t.Parallel()
	engines := deps.Engines(t)
	n, first := fromEnvironment(t, "RANDOM", len(engines)*len(crds.Definitions())), fromEnvironment(t, "RANDOM_FIRST", 0)
	batch := min(most, (n+len(engines)-1)/len(engines))
	w := newWorld(t)
	for turn, from := 0, first; from < first+n; turn, from = turn+1, from+batch {
		engine, to := engines[turn%len(engines)], min(from+batch, first+n)
		t.Run(fmt.Sprintf("%d-%d-%s", from, to-1, filepath.Base(engine)), func(t *testing.T) { w.run(t, engine, from, to) })
	}
}

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q; it must be a whole number", name, text)
	}
	return n
}

type world struct {
	*cluster.Cluster
	objects dynamic.Interface
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := cluster.ForTest(t, cluster.Options{})
	var definitions []*apiextensionsv1.CustomResourceDefinition
	for _, definition := range crds.Definitions() {
		definitions = append(definitions, definition.DeepCopy())
	}
	if _, err := envtest.InstallCRDs(c.Config, envtest.CRDInstallOptions{CRDs: definitions}); err != nil {
		t.Fatal(err)
	}
	unlimited := rest.CopyConfig(c.Config)
	unlimited.QPS = -1
	return &world{Cluster: c, objects: dynamic.NewForConfigOrDie(unlimited)}
}

// run is the life of the configurations of these numbers.
func (w *world) run(t *testing.T, engine string, from, to int) {
	var generators []*generator
	var configurations [][]map[string]any
	for number := from; number < to; number++ {
		g := newGenerator(t, number)
		generators, configurations = append(generators, g), append(configurations, g.configuration())
		w.createNamespace(t, namespace(number))
	}
	terraform := workspace.On(t, engine, w.text(t, configurations))
	terraform.Must("apply", "-auto-approve")
	terraform.NoChanges()
	w.has(t, configurations, from, to)

	for i, g := range generators {
		configurations[i] = g.change(configurations[i])
	}
	terraform.Write(w.text(t, configurations))
	terraform.Must("apply", "-auto-approve")
	terraform.NoChanges()
	w.has(t, configurations, from, to)

	terraform.Must("destroy", "-auto-approve")
	w.has(t, nil, from, to)
}

// text is the configurations as Terraform reads them.
func (w *world) text(t *testing.T, configurations [][]map[string]any) string {
	t.Helper()
	var sources []conversion.Source
	for i, objects := range configurations {
		var manifests bytes.Buffer
		for _, object := range objects {
			text, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&manifests, "---\n%s\n", text)
		}
		if len(objects) > 0 {
			sources = append(sources, conversion.Source{Name: fmt.Sprint(i), Data: manifests.Bytes()})
		}
	}
	result, err := conversion.Convert(sources, conversion.Options{To: conversion.HCL})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range result.Messages {
		if message.Severity != conversion.Note {
			t.Errorf("to configuration: %s", message)
		}
	}
	return fmt.Sprintf("provider \"emissary\" {\n  config_path = %q\n}\n", w.Kubeconfig) + string(result.Text)
}

func (w *world) createNamespace(t *testing.T, name string) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	if _, err := w.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Create(context.Background(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// has compares what is in the namespaces of the configurations with what should be
// there, to the last field.
func (w *world) has(t *testing.T, configurations [][]map[string]any, from, to int) {
	t.Helper()
	wanted, found := map[string]any{}, map[string]any{}
	for _, objects := range configurations {
		for _, object := range objects {
			put(wanted, &unstructured.Unstructured{Object: object})
		}
	}
	ours := map[string]bool{}
	for number := from; number < to; number++ {
		ours[namespace(number)] = true
	}
	for _, definition := range crds.Definitions() {
		list, err := w.objects.Resource(schema.GroupVersionResource{Group: definition.Spec.Group, Version: "v3alpha1", Resource: definition.Spec.Names.Plural}).
			List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			if ours[list.Items[i].GetNamespace()] {
				put(found, &list.Items[i])
			}
		}
	}
	if diff := cmp.Diff(wanted, found); diff != "" {
		t.Errorf("the cluster does not have what was configured (-configured +cluster):\n%s", diff)
	}
}

// put adds what is compared of an object.
func put(all map[string]any, object *unstructured.Unstructured) {
	all[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = map[string]any{
		"labels": object.GetLabels(), "annotations": object.GetAnnotations(), "spec": object.Object["spec"]}
}
