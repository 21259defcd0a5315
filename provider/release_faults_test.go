package provider_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/test/faultproxy"
	"terraform-provider-emissary/test/workspace"
)

// testReleaseFaults breaks the writes of an install, of upgrades and of the
// uninstall. What Helm does not get over fails, and the next apply converges: no
// release is stuck, and nothing is left in the end.
func testReleaseFaults(t *testing.T, w *releaseWorld, namespace string) {
	p := faultproxy.Start(t, w.Config)
	config := func(replicas int) string {
		body := w.release(namespace, fmt.Sprintf("values = { replicaCount = %d }", replicas))
		return p.Provider() + strings.TrimPrefix(body, w.provider())
	}
	terraform := workspace.New(t, "")
	converge := func(fault, subcommand string) {
		t.Helper()
		rule := p.Break(2, faultproxy.Writes, passing[fault])
		code, output := terraform.Start(subcommand, "-auto-approve").End()
		if rule.Met() == 0 {
			t.Errorf("%s: the fault was not met", fault)
		}
		rule.Heal()
		if code != 0 {
			t.Logf("%s fails once with %s: %s", subcommand, fault, output)
			terraform.Must(subcommand, "-auto-approve")
		}
	}
	for i, fault := range []string{"unavailable", "too many requests", "admission webhook", "cut after", "cut in the answer"} {
		terraform.Write(config(1 + i%2))
		converge(fault, "apply")
		terraform.NoChanges()
		if err := w.replicas(t, namespace, int32(1+i%2))(nil); err != nil {
			t.Errorf("after %s: %v", fault, err)
		}
	}
	converge("cut after", "destroy")
	if secrets, err := w.kubernetes.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(secrets.Items) > 0 {
		t.Errorf("after the destroy: %d Secrets, %v", len(secrets.Items), err)
	}
}
