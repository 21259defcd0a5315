package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"terraform-provider-emissary/controller/diag"
	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/test/faultproxy"
)

// testActions speaks the plugin protocol, for any engine. The install is a
// Deployment with the labels of a release.
func testActions(t *testing.T, w *releaseWorld, namespace string) {
	w.deployment(t, namespace, "edge", 2)
	before := w.pods(t, namespace)

	said, failure := invoke(t, w.Kubeconfig, "restart", map[string]string{"name": "edge", "namespace": namespace})
	if failure != "" || !strings.Contains(said, "Deployment "+namespace+"/edge: ") {
		t.Fatalf("restart says %q and fails with %q", said, failure)
	}
	restarted := w.pods(t, namespace)
	for name := range restarted {
		if before[name] != "" || len(restarted) != 2 {
			t.Errorf("after the restart there are %v, before there were %v", restarted, before)
		}
	}

	var node string
	for _, node = range restarted {
		break
	}
	said, failure = invoke(t, w.Kubeconfig, "drain", map[string]string{"name": "edge", "namespace": namespace, "node": node})
	if failure != "" || !strings.Contains(said, "evicted 2 pods from node "+node) {
		t.Fatalf("drain says %q and fails with %q", said, failure)
	}
	drained := w.pods(t, namespace)
	for name := range drained {
		if restarted[name] != "" || len(drained) != 2 {
			t.Errorf("after the drain there are %v, before there were %v", drained, restarted)
		}
	}

	said, failure = invoke(t, w.Kubeconfig, "drain", map[string]string{"name": "edge", "namespace": namespace, "node": "another"})
	if failure != "" || !strings.Contains(said, "evicted 0 pods") {
		t.Errorf("drain of another node says %q and fails with %q", said, failure)
	}
	testPaused(t, w, namespace)
	testDiagnostics(t, w, namespace)
}

// testPaused does nothing to an install whose rollout somebody has stopped.
func testPaused(t *testing.T, w *releaseWorld, namespace string) {
	pause := func(paused bool) {
		patch := fmt.Appendf(nil, `{"spec":{"paused":%t}}`, paused)
		if _, err := w.kubernetes.AppsV1().Deployments(namespace).Patch(t.Context(), "edge", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pause(true)
	before := w.pods(t, namespace)
	arguments := map[string]string{"name": "edge", "namespace": namespace}
	for _, action := range []string{"restart", "drain"} {
		if action == "drain" {
			arguments["node"] = slices.Collect(maps.Values(before))[0]
		}
		_, failure := invoke(t, w.Kubeconfig, action, arguments)
		if !strings.Contains(failure, "is paused: resume it first, with kubectl rollout resume deployment/edge --namespace "+namespace) {
			t.Errorf("%s of a paused Deployment fails with %q", action, failure)
		}
	}
	if after := w.pods(t, namespace); !maps.Equal(before, after) {
		t.Errorf("the pods of a paused Deployment were %v and are %v", before, after)
	}
	pause(false)
}

// testDiagnostics asks the pods before and after they may answer.
func testDiagnostics(t *testing.T, w *releaseWorld, namespace string) {
	kubeconfig, public := w.diagnostics(t)
	file := filepath.Join(t.TempDir(), "diagnostics.json")
	arguments := map[string]string{"name": "edge", "namespace": namespace, "path": file}

	if _, failure := invoke(t, kubeconfig, "diagnostics", arguments); !strings.Contains(failure, "diagnostics.enabled") {
		t.Errorf("diagnostics that are not public fail with %q", failure)
	}
	public.Store(true)
	said, failure := invoke(t, kubeconfig, "diagnostics", arguments)
	if failure != "" || !strings.Contains(said, "wrote the diagnostics of 2 pods to "+file) {
		t.Fatalf("diagnostics says %q and fails with %q", said, failure)
	}
	dumped(t, file, namespace+"/edge", 2)
}

// diagnostics is the cluster with pods that say something. A proxy puts the pages
// of a real handler where they would answer: the API server connects to no pod on
// loopback.
func (w *releaseWorld) diagnostics(t *testing.T) (kubeconfig string, public *atomic.Bool) {
	t.Helper()
	public = &atomic.Bool{}
	page := diag.Handler(diag.Options{
		Public:      public.Load,
		Diagnostics: func(context.Context) (any, error) { return map[string]string{"ambassador_id": "default"}, nil },
		Log:         slog.New(slog.DiscardHandler),
	})
	p := faultproxy.Start(t, w.Config)
	p.Break(0, func(r *http.Request) bool { return strings.Contains(r.URL.Path, ":8877/proxy/") }, func(response http.ResponseWriter, request *http.Request, _ http.Handler) {
		_, request.URL.Path, _ = strings.Cut(request.URL.Path, "/proxy")
		request.Header.Set("X-Forwarded-For", "192.0.2.1") // as the API server does
		page.ServeHTTP(response, request)
	})
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(p.Kubeconfig("")), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig, public
}

// dumped checks a file of diagnostics: of the release, with so many pods.
func dumped(t *testing.T, file, release string, pods int) {
	t.Helper()
	var dump struct {
		Release string `json:"release"`
		Pods    []struct {
			Pod         string            `json:"pod"`
			Ready       bool              `json:"ready"`
			Diagnostics map[string]string `json:"diagnostics"`
		} `json:"pods"`
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &dump)
	}
	if err != nil {
		t.Fatal(err)
	}
	if dump.Release != release || len(dump.Pods) != pods || !dump.Pods[0].Ready || dump.Pods[pods-1].Diagnostics["ambassador_id"] != "default" {
		t.Errorf("the dump is %s", data)
	}
}

// TestActionsSayWhatIsWrong: a timeout that is none, no release, no cluster.
func TestActionsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nothing := map[string]string{"name": "nothing", "namespace": w.namespace, "timeout": "20s"}
	if _, failure := invoke(t, w.Kubeconfig, "restart", nothing); !strings.Contains(failure, "There is no release "+w.namespace+"/nothing") {
		t.Errorf("without a release it fails with %q", failure)
	}
	if _, failure := invoke(t, "", "restart", nothing); !strings.Contains(failure, "The action restart of "+w.namespace+"/nothing failed") {
		t.Errorf("without a cluster it fails with %q", failure)
	}
	server, actions, schema := actionServer(t, w.Kubeconfig, "restart")
	nothing["timeout"] = "soon"
	validated, err := actions.ValidateActionConfig(t.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: "emissary_restart", Config: actionConfig(t, schema, nothing)})
	if err != nil || len(validated.Diagnostics) != 1 || !strings.Contains(validated.Diagnostics[0].Detail, `timeout is "soon": a duration above zero is wanted`) {
		t.Errorf("%T: %v, %+v", server, err, validated.Diagnostics)
	}
}

// invoke runs an action and returns its progress and what it failed with.
func invoke(t *testing.T, kubeconfig, action string, arguments map[string]string) (said, failure string) {
	t.Helper()
	_, actions, schema := actionServer(t, kubeconfig, action)
	stream, err := actions.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{ActionType: "emissary_" + action, Config: actionConfig(t, schema, arguments)})
	if err != nil {
		t.Fatal(err)
	}
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			said += event.Message + "\n"
		case tfprotov6.CompletedInvokeActionEventType:
			for _, d := range event.Diagnostics {
				failure += d.Summary + ": " + d.Detail + "\n"
			}
		}
	}
	return said, failure
}

// actionServer is a configured server, and the type of an action's configuration.
func actionServer(t *testing.T, kubeconfig, action string) (tfprotov6.ProviderServer, tfprotov6.ActionServer, tftypes.Type) {
	t.Helper()
	server := provider.NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	configType := schemas.Provider.ValueType()
	config := nullObject(configType)
	if kubeconfig != "" {
		config["config_path"] = tftypes.NewValue(tftypes.String, kubeconfig)
	} else {
		config["host"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	}
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamicValue(t, configType, config)})
	if err != nil || len(configured.Diagnostics) > 0 {
		t.Fatalf("configure: %v %v", err, configured.Diagnostics)
	}
	schema := schemas.ActionSchemas["emissary_"+action]
	if schema == nil {
		t.Fatalf("there is no action emissary_%s", action)
	}
	return server, server.(tfprotov6.ActionServer), schema.Schema.ValueType()
}

func actionConfig(t *testing.T, schema tftypes.Type, arguments map[string]string) *tfprotov6.DynamicValue {
	t.Helper()
	values := nullObject(schema)
	for name, value := range arguments {
		values[name] = tftypes.NewValue(tftypes.String, value)
	}
	return dynamicValue(t, schema, values)
}

// deployment makes what a release has, and waits until it is available.
func (w *releaseWorld) deployment(t *testing.T, namespace, release string, replicas int32) {
	t.Helper()
	if _, err := w.kubernetes.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app.kubernetes.io/instance": release}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: release, Labels: labels}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "ambassador", Image: "ambassador", Ports: []corev1.ContainerPort{{Name: "admin", ContainerPort: 8877}}}}}},
	}}
	if _, err := w.kubernetes.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pods are available", func() bool {
		now, err := w.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), release, metav1.GetOptions{})
		return err == nil && now.Status.AvailableReplicas == replicas
	})
}

// pods are those that stay, each with its node.
func (w *releaseWorld) pods(t *testing.T, namespace string) map[string]string {
	t.Helper()
	list, err := w.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	nodes := map[string]string{}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			nodes[pod.Name] = pod.Spec.NodeName
		}
	}
	return nodes
}

// TestActionExamples: each example sets what its action has, and all that it needs.
func TestActionExamples(t *testing.T) {
	t.Parallel()
	schemas, err := provider.NewServer("test").GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range schemas.ActionSchemas {
		file := "../examples/actions/" + name + "/action.tf"
		parsed, diags := hclparse.NewParser().ParseHCLFile(file)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		config := configOf(t, parsed.Body.(*hclsyntax.Body), name)
		for _, attribute := range schema.Schema.Block.Attributes {
			if attribute.Required && config[attribute.Name] == nil {
				t.Errorf("%s does not set %s", file, attribute.Name)
			}
			delete(config, attribute.Name)
		}
		for unknown := range config {
			t.Errorf("%s sets %s, which the action does not have", file, unknown)
		}
	}
}

// configOf is the config block of the action of that type.
func configOf(t *testing.T, body *hclsyntax.Body, action string) hclsyntax.Attributes {
	t.Helper()
	for _, block := range body.Blocks {
		if block.Type == "action" && block.Labels[0] == action {
			return block.Body.Blocks[0].Body.Attributes
		}
	}
	t.Fatalf("there is no action %s", action)
	return nil
}
