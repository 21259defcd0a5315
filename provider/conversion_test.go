package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/provider/conversion"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/upstream"
)

// TestConvertedImports puts one object of each kind into the cluster as kubectl does, converts what kubectl would
// print of them, and imports all of it: the plan shows the imports and no change.
func TestConvertedImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	applied := w.applyManifests(readFile(t, "conversion/testdata/every-kind.in.yaml"))
	if applied != len(crds.Kinds()) {
		t.Fatalf("%d objects were applied, there are %d kinds", applied, len(crds.Kinds()))
	}
	configuration := converted(t, w.printed(slices.Collect(maps.Values(plurals()))...))
	w.run(resource.TestStep{
		Config: w.config(configuration),
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply:             []plancheck.PlanCheck{onlyImports(applied)},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		},
	})
}

// TestConvertedOlderVersions does the same with objects that were written in v2 and that the conversion webhook, with
// the traces it leaves, has put into the cluster.
func TestConvertedOlderVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var documents []string
	for document := range strings.SplitSeq(readFile(t, "conversion/testdata/older-versions.out.yaml"), "---\n") {
		if !strings.Contains(document, "name: broken") {
			documents = append(documents, document)
		}
	}
	applied := w.applyManifests(strings.Join(documents, "---\n"))
	configuration := converted(t, w.printed(slices.Collect(maps.Values(plurals()))...))
	w.run(resource.TestStep{
		Config:           w.config(configuration),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{onlyImports(applied)}},
	})
}

// testConvertedRelease converts what `helm install` made, of the bundled chart and of Emissary's, with all that belongs
// to it and the CRDs: the release and the CRDs are imported as wholes, and nothing changes.
func testConvertedRelease(t *testing.T, w *releaseWorld, namespace string) {
	bundled, err := charts.Load(charts.Ingress)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := loader.Load(upstream.WithAgent.ChartDir(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, chart := range map[string]*chart.Chart{"edge": bundled, "theirs": theirs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := namespace + "-" + name
			w.helmInstall(t, namespace, name, chart, map[string]any{
				"replicaCount": 1, "service": clusterIP, "ingressClassResource": map[string]any{"name": namespace},
				"env":       map[string]any{"AMBASSADOR_ID": namespace, "REDIS_PASSWORD": "${hunter2}"},
				"resources": map[string]any{"limits": map[string]any{"cpu": 0.5, "memory": "600Mi"}},
				"module":    map[string]any{"diagnostics": map[string]any{"enabled": false}},
			})
			runTerraform(t, resource.TestStep{
				Config: w.provider() + converted(t, w.printedAll(t, namespace)),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{onlyImports(2)},
					PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				},
			})
		})
	}
}

// printedAll is what kubectl prints of a namespace, and of the CRDs.
func (w *releaseWorld) printedAll(t *testing.T, namespace string) string {
	t.Helper()
	client := dynamic.NewForConfigOrDie(w.Config)
	var items []any
	for _, from := range []struct{ group, version, resource, namespace string }{
		{"", "v1", "secrets", namespace}, {"", "v1", "services", namespace}, {"apps", "v1", "deployments", namespace},
		{"getambassador.io", "v3alpha1", "modules", namespace}, {"apiextensions.k8s.io", "v1", "customresourcedefinitions", ""},
	} {
		found, err := client.Resource(schema.GroupVersionResource{Group: from.group, Version: from.version, Resource: from.resource}).
			Namespace(from.namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(found.Items) == 0 {
			t.Fatalf("%d %s: %v", len(found.Items), from.resource, err)
		}
		for _, item := range found.Items {
			items = append(items, item.Object)
		}
	}
	return printedList(t, items)
}

// applyManifests creates objects in the test's namespace as kubectl apply does, and counts them.
func (w *world) applyManifests(manifests string) (count int) {
	w.Helper()
	for document := range strings.SplitSeq(manifests, "---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			w.Fatal(err)
		}
		items, isList := content["items"].([]any)
		if !isList {
			items = []any{content}
		}
		for _, item := range items {
			object := &unstructured.Unstructured{Object: throughYAML(w.T, item)}
			delete(object.Object, "status")
			object.Object["metadata"] = kept(object.Object["metadata"].(map[string]any), "name", "labels", "annotations")
			object.SetNamespace(w.namespace)
			last, err := json.Marshal(object)
			if err != nil {
				w.Fatal(err)
			}
			annotations := object.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(last)
			object.SetAnnotations(annotations)
			if _, err := w.objects(plurals()[object.GetKind()]).Create(w.Context(), object, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
				w.Fatal(err)
			}
			count++
		}
	}
	return count
}

// printed is what `kubectl get … -o yaml` prints of the test's namespace.
func (w *world) printed(resources ...string) string {
	w.Helper()
	var items []any
	for _, resource := range resources {
		found, err := w.objects(resource).List(w.Context(), metav1.ListOptions{})
		if err != nil {
			w.Fatal(err)
		}
		for _, item := range found.Items {
			items = append(items, item.Object)
		}
	}
	return printedList(w.T, items)
}

// printedList is how kubectl prints several objects.
func printedList(t *testing.T, items []any) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// converted is the configuration for the objects, which must be complete and formatted.
func converted(t *testing.T, manifests string) string {
	t.Helper()
	result, err := conversion.Convert([]conversion.Source{{Name: "kubectl", Data: []byte(manifests)}}, conversion.Options{To: conversion.HCL, Imports: true})
	if err != nil {
		t.Fatal(err)
	}
	if !result.Complete() {
		t.Errorf("something is lost: %v", result.Messages)
	}
	file := filepath.Join(t.TempDir(), "converted.tf")
	if err := os.WriteFile(file, result.Text, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), deps.Terraform(t), "fmt", "-check", "-diff", file).CombinedOutput(); err != nil {
		t.Errorf("the configuration is not formatted: %v\n%s", err, output)
	}
	return string(result.Text)
}

// onlyImports wants a plan that imports this many resources and changes nothing.
type onlyImports int

func (want onlyImports) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	var problems bytes.Buffer
	imports := 0
	for _, change := range req.Plan.ResourceChanges {
		if change.Change.Importing != nil {
			imports++
		}
		if !change.Change.Actions.NoOp() {
			before, _ := json.Marshal(change.Change.Before)
			after, _ := json.Marshal(change.Change.After)
			fmt.Fprintf(&problems, "%s: %v\n  before: %s\n  after:  %s\n", change.Address, change.Change.Actions, before, after)
		}
	}
	if imports != int(want) {
		fmt.Fprintf(&problems, "%d of %d objects are imported\n", imports, want)
	}
	if problems.Len() > 0 {
		resp.Error = fmt.Errorf("the plan is not imports alone:\n%s", &problems)
	}
}

func plurals() map[string]string {
	plurals := map[string]string{}
	for _, kind := range crds.Kinds() {
		plurals[kind.Kind] = kind.Plural
	}
	return plurals
}

// throughYAML is a value with the number types that the API machinery wants.
func throughYAML(t *testing.T, value any) map[string]any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	return object.Object
}

func kept(metadata map[string]any, names ...string) map[string]any {
	kept := map[string]any{}
	for _, name := range names {
		if value, ok := metadata[name]; ok {
			kept[name] = value
		}
	}
	return kept
}
