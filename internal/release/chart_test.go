package release_test

import (
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testRestrictedPods: with the chart's defaults, a namespace that enforces the
// restricted Pod Security Standard admits the pods.
func testRestrictedPods(t *testing.T, e *env) {
	e.namespace(t, "restricted", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	e.apply(t, spec(t, "restricted", clusterIP, map[string]any{
		"service": map[string]any{"ports": []any{
			map[string]any{"name": "http", "port": 80, "targetPort": 80},
			map[string]any{"name": "https", "port": 443, "targetPort": 8443},
		}},
	}))
	deployment, err := e.kubernetes.AppsV1().Deployments("restricted").Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
	if err != nil || deployment.Status.ReadyReplicas != 3 {
		t.Errorf("the Deployment is %+v, %v", deployment.Status, err)
	}
}

// testControllerRights asks the API server what the controller of an install may
// do: of the whole cluster, and of one namespace.
func testControllerRights(t *testing.T, e *env) {
	e.apply(t, spec(t, "rights-all", clusterIP, map[string]any{"ambassadorID": "one"}))
	e.apply(t, spec(t, "rights-own", clusterIP, map[string]any{"scope": map[string]any{"singleNamespace": true}}))
	type question struct{ verb, group, resource, namespace, name string }
	for _, test := range []struct {
		install string
		question
		want bool
	}{
		{"rights-all", question{"watch", "getambassador.io", "mappings", "elsewhere", ""}, true},
		{"rights-all", question{"list", "", "secrets", "elsewhere", ""}, true},
		{"rights-all", question{"list", "discovery.k8s.io", "endpointslices", "elsewhere", ""}, true},
		{"rights-all", question{"patch", "getambassador.io", "mappings/status", "elsewhere", "a"}, true},
		{"rights-all", question{"create", "", "events", "elsewhere", ""}, true},
		{"rights-all", question{"update", "coordination.k8s.io", "leases", "rights-all", "emissary-one"}, true},
		{"rights-all", question{"update", "coordination.k8s.io", "leases", "rights-all", "emissary-other"}, false},
		{"rights-all", question{"update", "coordination.k8s.io", "leases", "elsewhere", "emissary-one"}, false},
		{"rights-all", question{"patch", "getambassador.io", "mappings", "rights-all", "a"}, false},
		{"rights-all", question{"update", "", "secrets", "rights-all", "a"}, false},
		{"rights-all", question{"delete", "apiextensions.k8s.io", "customresourcedefinitions", "", "mappings.getambassador.io"}, false},
		{"rights-own", question{"watch", "getambassador.io", "mappings", "rights-own", ""}, true},
		{"rights-own", question{"list", "", "secrets", "rights-own", ""}, true},
		{"rights-own", question{"update", "coordination.k8s.io", "leases", "rights-own", "emissary-default"}, true},
		{"rights-own", question{"watch", "getambassador.io", "mappings", "rights-all", ""}, false},
		{"rights-own", question{"get", "", "secrets", "rights-all", "a"}, false},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   "system:serviceaccount:" + test.install + ":emissary-ingress",
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + test.install, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: test.verb, Group: test.group, Namespace: test.namespace, Name: test.name,
			},
		}}
		attributes := review.Spec.ResourceAttributes
		attributes.Resource, attributes.Subresource, _ = strings.Cut(test.resource, "/")
		answer, err := e.kubernetes.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status.Allowed != test.want {
			t.Errorf("%s: may it %+v? %t, want %t", test.install, test.question, answer.Status.Allowed, test.want)
		}
	}
}
