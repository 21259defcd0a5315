package provider_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/workspace"
)

// testMultipleInstalls applies examples/multiple-installs as it is: both releases are ready, and what they have in
// common with the cluster has names of its own.
func testMultipleInstalls(t *testing.T, w *releaseWorld, _ string) {
	example := filepath.Join(deps.Root(), "examples", "multiple-installs")
	body := readFile(t, filepath.Join(example, "variables.tf")) + readFile(t, filepath.Join(example, "main.tf"))
	terraform := workspace.New(t, w.provider()+body) // the plugin testing library knows no for_each
	terraform.Must("apply", "-auto-approve")
	terraform.NoChanges()
	if err := w.sideBySide(t, "emissary-public", "emissary-private"); err != nil {
		t.Error(err)
	}
	// The same IngressClass in both is refused by name.
	terraform.Write(w.provider() + strings.ReplaceAll(body, `ingressClassResource = { name = "emissary-${each.key}" }`,
		`ingressClassResource = { name = "emissary-public" }`))
	terraform.Fails(`Cannot upgrade release emissary-private/emissary-private on .*: IngressClass emissary-public: `+
		`it exists and does not belong to this release .* set take_ownership = true`, "apply", "-auto-approve")
	terraform.Must("destroy", "-auto-approve")
	w.gone(t, "emissary-public")
	w.gone(t, "emissary-private")
}

// sideBySide looks for what each of the releases has for itself.
func (w *releaseWorld) sideBySide(t *testing.T, names ...string) error {
	classes, err := w.kubernetes.NetworkingV1().IngressClasses().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	roles, err := w.kubernetes.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=Helm"})
	if err != nil {
		return err
	}
	for _, name := range names {
		deployment, err := w.kubernetes.AppsV1().Deployments(name).Get(t.Context(), name+"-emissary-ingress", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if deployment.Status.ReadyReplicas == 0 {
			return fmt.Errorf("%s has no ready pod", name)
		}
		id := strings.TrimPrefix(name, "emissary-")
		environment := deployment.Spec.Template.Spec.Containers[0].Env
		index := slices.IndexFunc(environment, func(v corev1.EnvVar) bool { return v.Name == "AMBASSADOR_ID" })
		if index < 0 || environment[index].Value != id {
			return fmt.Errorf("the pods of %s have the environment %v", name, environment)
		}
		count := 0
		for _, class := range classes.Items {
			if class.Name == name && class.Annotations["getambassador.io/ambassador-id"] == id {
				count++
			}
		}
		for _, role := range roles.Items {
			if role.Labels["app.kubernetes.io/instance"] == name {
				count++
			}
		}
		if count != 2 {
			return fmt.Errorf("%s has %d of an IngressClass and a ClusterRole of its own", name, count)
		}
	}
	return nil
}
