package release_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"terraform-provider-emissary/internal/release"
)

// testObserve changes objects of a release and looks what is said of it.
func testObserve(t *testing.T, e *env) {
	// As many kinds of fields as go together, none of which is drift by itself.
	all := spec(t, "observe", clusterIP, map[string]any{
		"replicaCount": 1, "createDefaultListeners": true, "module": map[string]any{"keepalive": map[string]any{"time": 100}},
		"resources":           map[string]any{"limits": map[string]any{"cpu": "1000m", "memory": "1024Mi"}, "requests": map[string]any{"cpu": 0.1}},
		"podDisruptionBudget": map[string]any{"minAvailable": 1}, "networkPolicy": map[string]any{"enabled": true},
		"autoscaling":  map[string]any{"enabled": true},
		"extraObjects": []any{map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "extra"}, "stringData": map[string]any{"key": "hunter2"}}},
	})
	all.Wait = false
	e.apply(t, all)
	ref := release.Ref{Namespace: "observe", Name: "emissary-ingress"}
	observe := func(client *release.Client) []string {
		t.Helper()
		observed, err := client.Observe(bound(t, timeout), ref)
		if err != nil || observed.Status != release.StatusDeployed || len(observed.Unseen) > 0 {
			t.Fatalf("%+v, %v", observed, err)
		}
		var lines []string
		for _, d := range observed.Drift {
			lines = append(lines, d.String())
		}
		return lines
	}
	if lines := observe(e.client); lines != nil {
		t.Errorf("a release just installed: %q", lines)
	}

	ctx := t.Context()
	for _, err := range []error{
		e.kubernetes.PolicyV1().PodDisruptionBudgets("observe").Delete(ctx, "emissary-ingress", metav1.DeleteOptions{}),
		patch(e.kubernetes.CoreV1().Secrets("observe").Patch(ctx, "extra", types.MergePatchType, []byte(`{"stringData": {"key": "stolen", "other": "x"}}`), metav1.PatchOptions{})),
		patch(e.kubernetes.CoreV1().Services("observe").Patch(ctx, "emissary-ingress", types.MergePatchType, []byte(`{"spec": {"sessionAffinity": "ClientIP", "selector": {"profile": "none"}}}`), metav1.PatchOptions{})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"PodDisruptionBudget/emissary-ingress: missing", "Secret/extra data.key: changed", `Service/emissary-ingress spec.selector.profile: "none", want "main"`}
	if diff := cmp.Diff(want, observe(e.client)); diff != "" {
		t.Error(diff)
	}
	// Whoever may read the record and nothing else learns nothing, and no error.
	reader := e.user(t, "reads-records", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list"}})
	e.bind(t, "observe", "reads-records")
	if diff := cmp.Diff([]string{"Secret/extra data.key: changed"}, observe(reader)); diff != "" {
		t.Error(diff)
	}
	e.apply(t, all)
	if lines := observe(e.client); lines != nil {
		t.Errorf("after the next apply: %q", lines)
	}
}

func patch[T any](_ T, err error) error { return err }

// bind gives a user its ClusterRole in a namespace.
func (e *env) bind(t *testing.T, namespace, user string) {
	t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if _, err := e.kubernetes.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// testHistoryLimit: no more revisions are kept than wanted.
func testHistoryLimit(t *testing.T, e *env) {
	limited := spec(t, "history", clusterIP)
	limited.Wait, limited.MaxHistory = false, 2
	for replicas := range 5 {
		limited.Values["replicaCount"] = replicas
		e.apply(t, limited)
	}
	records, err := e.kubernetes.CoreV1().Secrets("history").List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, record := range records.Items {
		versions = append(versions, record.Labels["version"])
	}
	if diff := cmp.Diff([]string{"4", "5"}, versions); diff != "" {
		t.Error(diff)
	}
}

// testAdmissionIsNoDrift: what the cluster changes in an object each time is what
// it is, and no change that an apply could take back.
func testAdmissionIsNoDrift(t *testing.T, e *env) {
	// A manifest that says what the server stores in another way.
	manifest := "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: limits}\nspec: {hard: {requests.cpu: 2000m, requests.memory: 1024Mi}}\n" +
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, annotations: {empty: ''}}\ndata: {a: ''}\n"
	c := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "quota", Version: "1.0.0"},
		Templates: []*chart.File{{Name: "templates/all.yaml", Data: []byte(manifest)}},
	}
	e.apply(t, release.Spec{Name: "quota", Namespace: "admission", Chart: c, CreateNamespace: true})
	ref := release.Ref{Namespace: "admission", Name: "quota"}
	if observed, err := e.client.Observe(bound(t, timeout), ref); err != nil || len(observed.Drift) > 0 {
		t.Errorf("%v, %v", observed, err)
	}
	config, err := e.kubernetes.CoreV1().ConfigMaps("admission").Get(t.Context(), "settings", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config.Data["a"] = "changed"
	if _, err := e.kubernetes.CoreV1().ConfigMaps("admission").Update(t.Context(), config, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	observed, err := e.client.Observe(bound(t, timeout), ref)
	if err != nil || fmt.Sprint(observed.Drift) != `[ConfigMap/settings data.a: "changed", want ""]` {
		t.Errorf("%v, %v", observed, err)
	}
}

// testObserveBroken: one object that the server does not give out hides no others.
func testObserveBroken(t *testing.T, e *env) {
	broken := spec(t, "observe-broken", clusterIP, map[string]any{"replicaCount": 1})
	broken.Wait = false
	e.apply(t, broken)
	config := rest.CopyConfig(e.cluster.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if strings.HasSuffix(request.URL.Path, "/modules/ambassador") {
				return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody, Request: request, Header: http.Header{}}, nil
			}
			return next.RoundTrip(request)
		})
	})
	service := e.kubernetes.CoreV1().Services("observe-broken")
	if err := service.Delete(t.Context(), "emissary-ingress-admin", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	observed, err := release.ForConfig(t, config).Observe(bound(t, timeout), release.Ref{Namespace: "observe-broken", Name: "emissary-ingress"})
	if err != nil || fmt.Sprint(observed.Drift) != "[Service/emissary-ingress-admin: missing]" {
		t.Fatalf("%+v, %v", observed, err)
	}
	if len(observed.Unseen) != 1 || !strings.Contains(observed.Unseen[0].Error(), "Module observe-broken/ambassador") {
		t.Errorf("unseen: %v", observed.Unseen)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// testObserveMissing: there is nothing to compare where there is no release.
func testObserveMissing(t *testing.T, e *env) {
	if _, err := e.client.Observe(bound(t, timeout), release.Ref{Namespace: "none", Name: "none"}); err != release.ErrNotFound { //nolint:errorlint // It must be this one, unwrapped.
		t.Errorf("error %v", err)
	}
}
