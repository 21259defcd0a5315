package provider_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testReleaseWriteOnly: write-only values are in the release, and in no file that
// Terraform writes.
func testReleaseWriteOnly(t *testing.T, w *releaseWorld, namespace string) {
	body := func(revision int) string {
		return "variable \"token\" {\n  ephemeral = true\n}\n" +
			w.release(namespace, fmt.Sprintf("values = { replicaCount = 1, env = { MODE = \"fast\" } }\nvalues_wo = { env = { TOKEN = var.token } }\nvalues_wo_revision = %d", revision))
	}
	f := newFolder(t, map[string]string{"main.tf": body(1)})
	f.set("token", "hunter2")
	environment := func(want string) {
		t.Helper()
		deployment, err := w.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
			if variable.Name == "TOKEN" {
				if variable.Value != want {
					t.Errorf("the Deployment has %q, want %q", variable.Value, want)
				}
				return
			}
		}
		t.Error("the Deployment has no TOKEN")
	}
	apply := func() {
		t.Helper()
		f.run("plan", "-input=false", "-no-color", "-out=plan")
		output := f.run("apply", "-input=false", "-no-color", "plan")
		for name, text := range map[string]string{"the plan": f.contents("plan"), "the state": f.contents("terraform.tfstate"), "the output": output} {
			for _, secret := range []string{"hunter2", "swordfish"} {
				if strings.Contains(text, secret) {
					t.Errorf("the secret is in %s", name)
				}
			}
		}
	}
	apply()
	environment("hunter2")

	// Terraform does not see a write-only value change, and says nothing of it.
	f.set("token", "swordfish")
	f.run("plan", "-input=false", "-no-color", "-detailed-exitcode")
	f.write("main.tf", body(2))
	apply()
	environment("swordfish")

	// Someone else's change of another value is seen, and of the secret, as drift,
	// without showing it.
	w.setEnv(t, namespace, "TOKEN", "stolen")
	output, err := f.try("plan", "-input=false", "-no-color", "-detailed-exitcode", "-out=plan")
	if err == nil || !strings.Contains(output, "env[TOKEN].value: changed") || strings.Contains(output+f.contents("plan"), "swordfish") {
		t.Errorf("%v:\n%s", err, output)
	}
	f.run("apply", "-input=false", "-no-color", "plan")
	environment("swordfish")
	f.run("plan", "-input=false", "-no-color", "-detailed-exitcode")
	f.run("destroy", "-input=false", "-no-color", "-auto-approve")
	w.gone(t, namespace)
}
