package release_test

import (
	"fmt"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/internal/release"
)

// testAggregatedRoles: a ClusterRole that is gathered from others, as Emissary's
// chart has them, is deleted for good, with the release and by an upgrade that
// drops it.
func testAggregatedRoles(t *testing.T, e *env) {
	const aggregated = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: aggregated-all, labels: {test: aggregated}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {aggregated: all}}]}
rules: []
`
	roles := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "roles", Version: "1.0.0"}}
	roles.Templates = append(roles.Templates, &chart.File{Name: "templates/all.yaml", Data: []byte(aggregated)})
	for i := range 8 {
		roles.Templates = append(roles.Templates, &chart.File{Name: fmt.Sprintf("templates/%d.yaml", i), Data: fmt.Appendf(nil, `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: aggregated-%d, labels: {test: aggregated, aggregated: all}}
rules: [{apiGroups: [""], resources: [pods], resourceNames: [a%d], verbs: [get]}]
`, i, i)})
	}
	empty := &chart.Chart{Metadata: roles.Metadata, Templates: []*chart.File{{Name: "templates/config.yaml",
		Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: left}\n")}}}
	spec := release.Spec{Name: "roles", Namespace: "aggregated", Chart: roles, CreateNamespace: true}
	gone := func(after string) {
		t.Helper()
		left, err := e.kubernetes.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{LabelSelector: "test=aggregated"})
		if err != nil || len(left.Items) > 0 {
			t.Errorf("after %s, %d ClusterRoles are left: %v", after, len(left.Items), err)
		}
	}
	for range 3 {
		e.apply(t, spec)
		spec.Chart = empty
		e.apply(t, spec)
		gone("the upgrade")
		spec.Chart = roles
		e.apply(t, spec)
		if _, err := e.client.Delete(bound(t, timeout), release.Ref{Namespace: "aggregated", Name: "roles"}, release.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		gone("the uninstall")
	}
}
