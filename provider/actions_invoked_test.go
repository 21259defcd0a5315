package provider_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// testInvokedActions has the real Terraform invoke the examples of the actions, by
// hand and when a resource changes, on the release that one of them has.
func testInvokedActions(t *testing.T, w *releaseWorld, namespace string) {
	engineHas(t, "actions", "1.14", never)
	kubeconfig, public := w.diagnostics(t)
	written := t.TempDir()
	f := newFolder(t, map[string]string{
		"provider.tf": fmt.Sprintf("provider \"emissary\" {\n  config_path = %q\n}\n", kubeconfig),
		"main.tf":     actionExamples(t, namespace, written, 2),
	})
	f.set("node", "none")
	f.set("environment_revision", "1")
	apply := func(arguments ...string) string {
		t.Helper()
		return f.run(append([]string{"apply", "-input=false", "-no-color", "-auto-approve"}, arguments...)...)
	}
	said := func(output string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(output, want) {
				t.Errorf("%q is wanted:\n%s", want, output)
			}
		}
	}
	before := w.pods(t, namespace)
	replaced := func(pods int) {
		t.Helper()
		now := w.pods(t, namespace)
		if len(now) != pods {
			t.Errorf("there are %v, %d pods are wanted", now, pods)
		}
		for name := range now {
			if before[name] != "" {
				t.Errorf("there are %v, before there were %v", now, before)
			}
		}
		before = now
	}

	// Nothing triggers an action when all is made.
	said(apply(), "Apply complete! Resources: 2 added")
	replaced(2)

	said(apply("-invoke=action.emissary_restart.ingress"), "Deployment "+namespace+"/emissary-ingress: ", "Actions: 1 invoked")
	replaced(2)

	for node := range maps.Values(before) {
		f.set("node", node)
	}
	said(apply("-invoke=action.emissary_drain.node"), "evicted 2 pods", "Actions: 1 invoked")
	replaced(2)

	output, err := f.try("apply", "-input=false", "-no-color", "-auto-approve", "-invoke=action.emissary_diagnostics.ingress")
	if err == nil {
		t.Error("diagnostics that nobody may read are written")
	}
	said(output, "diagnostics.enabled")
	public.Store(true)
	said(apply("-invoke=action.emissary_diagnostics.ingress"), "wrote the diagnostics of 2 pods")
	dumped(t, filepath.Join(written, "diagnostics.json"), namespace+"/emissary-ingress", 2)

	// What was is written down before the release changes, and its pods restart
	// after what they read has changed.
	f.write("main.tf", actionExamples(t, namespace, written, 1))
	f.set("environment_revision", "2")
	said(apply(), "0 added, 2 changed, 0 destroyed. Actions: 2 invoked.")
	dumped(t, filepath.Join(written, "before-upgrade.json"), namespace+"/emissary-ingress", 2)
	replaced(1)
	f.run("plan", "-input=false", "-no-color", "-detailed-exitcode")
}

// actionExamples are the examples of all actions, in a namespace and with so many
// pods, writing to a folder: the provider's own is not Terraform's here. The cluster
// is shared, so that what belongs to all of it is left out.
func actionExamples(t *testing.T, namespace, folder string, pods int) string {
	t.Helper()
	files, err := filepath.Glob("../examples/actions/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		all.WriteString(readFile(t, file))
	}
	return strings.NewReplacer(
		"${path.module}", folder,
		`"emissary"`, fmt.Sprintf("%q", namespace),
		"replicaCount = 2", fmt.Sprintf("replicaCount = %d\ningressClassResource = { enabled = false }\nservice = { type = \"ClusterIP\" }", pods),
	).Replace(all.String())
}
