package release_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
	"terraform-provider-emissary/test/cluster"
)

// timeout bounds what should succeed; it is far above what it takes.
const timeout = 3 * time.Minute

// TestCluster runs releases against a real API server whose Deployments become
// ready.
func TestCluster(t *testing.T) {
	t.Parallel()
	world := cluster.ForTest(t, cluster.Options{Workloads: true})
	e := &env{cluster: world, client: release.ForConfig(t, world.Config), kubernetes: kubernetes.NewForConfigOrDie(world.Config)}

	// Everything below needs the CRDs; this release waits for them itself.
	t.Run("waits for its CRDs", func(t *testing.T) { e.testWaitsForCRDs(t) })
	t.Run("scenarios", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *env){
			"life cycle":                    testLifeCycle,
			"repairs a failed install":      testRepairsFailedInstall,
			"undoes a failed upgrade":       testUndoesFailedUpgrade,
			"deletes after a failure":       testDeletesAfterFailure,
			"takes over an abandoned one":   testTakesOverAbandoned,
			"waits for one in progress":     testWaitsForOneInProgress,
			"ends with its context":         testEndsWithContext,
			"hook ends with its context":    testHookEndsWithContext,
			"hook ends":                     testHookEnds,
			"history limit":                 testHistoryLimit,
			"observes its objects":          testObserve,
			"writes in another way":         testAdmissionIsNoDrift,
			"observes what it can":          testObserveBroken,
			"observes nothing":              testObserveMissing,
			"atomic install":                testAtomicInstall,
			"atomic upgrade":                testAtomicUpgrade,
			"foreign objects":               testForeignObjects,
			"forbidden":                     testForbidden,
			"namespace with other contents": testNamespaceWithOtherContents,
			"namespace of someone else":     testNamespaceOfSomeoneElse,
			"stays stuck with a finalizer":  testFinalizer,
			"aggregated roles":              testAggregatedRoles,
			"pods are restricted":           testRestrictedPods,
			"rights of the controller":      testControllerRights,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, e)
			})
		}
	})
}

func (e *env) testWaitsForCRDs(t *testing.T) {
	info, err := e.client.Apply(bound(t, 5*time.Second), spec(t, "waits", clusterIP))
	wantError(t, err, "release waits/emissary-ingress", "the server does not know the kind Module of getambassador.io", "emissary_crds")
	if info != nil {
		t.Errorf("a release was recorded though nothing was done: %+v", info)
	}

	ctx := bound(t, timeout)
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := e.client.Apply(ctx, spec(t, "waits", clusterIP)); err != nil {
			t.Errorf("the release that needs the CRDs: %v", err)
		}
	})
	crds := release.Spec{Name: "crds", Namespace: "crds", Chart: load(t, charts.CRDs), CreateNamespace: true, Wait: true}
	if _, err := e.client.Apply(ctx, crds); err != nil {
		t.Errorf("the release of the CRDs: %v", err)
	}
	group.Wait()
}

func testLifeCycle(t *testing.T, e *env) {
	ctx := bound(t, timeout)
	ref := release.Ref{Namespace: "life", Name: "emissary-ingress"}
	if _, err := e.client.Get(ctx, ref); !errors.Is(err, release.ErrNotFound) {
		t.Fatalf("before the install: %v", err)
	}
	info := e.apply(t, spec(t, "life", clusterIP))
	if info.Revision != 1 || info.Status != release.StatusDeployed || info.AppVersion == "" || info.ChartName != charts.Ingress {
		t.Errorf("after the install: %+v", info)
	}
	info = e.apply(t, spec(t, "life", clusterIP, map[string]any{"replicaCount": 2}))
	if info.Revision != 2 || info.Status != release.StatusDeployed {
		t.Errorf("after the upgrade: %+v", info)
	}
	deployment, err := e.kubernetes.AppsV1().Deployments("life").Get(ctx, "emissary-ingress", metav1.GetOptions{})
	if err != nil || *deployment.Spec.Replicas != 2 || deployment.Status.ReadyReplicas != 2 {
		t.Errorf("the Deployment is %v, %v", deployment, err)
	}
	// No values at all means the chart's own, not those of the revision before.
	withoutValues := spec(t, "life", nil)
	withoutValues.Wait = false
	if info = e.apply(t, withoutValues); len(info.Values) != 0 {
		t.Errorf("the old values were kept: %v", info.Values)
	}
	kept, err := e.client.Delete(ctx, ref, release.DeleteOptions{Namespace: true})
	if err != nil || len(kept) != 0 {
		t.Errorf("delete: %v, kept %v", err, kept)
	}
	if _, err := e.kubernetes.CoreV1().Namespaces().Get(ctx, "life", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the namespace the release made is still there: %v", err)
	}
	if _, err := e.client.Delete(ctx, ref, release.DeleteOptions{Namespace: true}); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func testRepairsFailedInstall(t *testing.T, e *env) {
	info, err := e.client.Apply(bound(t, 8*time.Second), spec(t, "repair", neverReady))
	wantError(t, err, "cannot install release repair/emissary-ingress", "Deployment repair/emissary-ingress", "0 of 3 pods are ready", "node affinity/selector")
	if info == nil || info.Status != "failed" || info.Revision != 1 {
		t.Fatalf("after the failure: %+v", info)
	}
	info = e.apply(t, spec(t, "repair", clusterIP))
	if info.Status != release.StatusDeployed || info.Revision != 2 {
		t.Errorf("after the repair: %+v", info)
	}
}

// testUndoesFailedUpgrade: what only the failed revision had goes with the next.
func testUndoesFailedUpgrade(t *testing.T, e *env) {
	e.apply(t, spec(t, "undo", clusterIP))
	failing := spec(t, "undo", clusterIP, neverReady, map[string]any{"podDisruptionBudget": map[string]any{"minAvailable": 1}})
	_, err := e.client.Apply(bound(t, 8*time.Second), failing)
	wantError(t, err, "Deployment undo/emissary-ingress")
	budgets := e.kubernetes.PolicyV1().PodDisruptionBudgets("undo")
	if _, err := budgets.Get(t.Context(), "emissary-ingress", metav1.GetOptions{}); err != nil {
		t.Fatalf("the failed upgrade was to make it: %v", err)
	}
	e.apply(t, spec(t, "undo", clusterIP))
	if _, err := budgets.Get(t.Context(), "emissary-ingress", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("an object of the failed revision is still there: %v", err)
	}
	deployment, err := e.kubernetes.AppsV1().Deployments("undo").Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
	if err != nil || len(deployment.Spec.Template.Spec.NodeSelector) != 0 {
		t.Errorf("a field of the failed revision is still there: %v, %v", deployment.Spec.Template.Spec.NodeSelector, err)
	}
}

// testDeletesAfterFailure: what only an earlier revision had goes too.
func testDeletesAfterFailure(t *testing.T, e *env) {
	budget := map[string]any{"podDisruptionBudget": map[string]any{"minAvailable": 1}}
	e.apply(t, spec(t, "delete-failed", clusterIP, budget))
	// It fails before it comes to deleting what is no longer wanted.
	failing := spec(t, "delete-failed", clusterIP, map[string]any{"nodeSelector": map[string]any{"not a label": "x"}})
	if _, err := e.client.Apply(bound(t, timeout), failing); err == nil {
		t.Fatal("an invalid Deployment was accepted")
	}
	ref := release.Ref{Namespace: "delete-failed", Name: "emissary-ingress"}
	if kept, err := e.client.Delete(bound(t, timeout), ref, release.DeleteOptions{Namespace: true}); err != nil || len(kept) != 0 {
		t.Errorf("delete: %v, kept %v", err, kept)
	}
}

func testTakesOverAbandoned(t *testing.T, e *env) {
	for _, status := range []helmrelease.Status{helmrelease.StatusPendingInstall, helmrelease.StatusPendingUpgrade, helmrelease.StatusUninstalling, helmrelease.StatusUninstalled} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			namespace := "abandoned-" + status.String()
			e.record(t, namespace, status, time.Now().Add(-time.Hour))
			if info := e.apply(t, spec(t, namespace, clusterIP)); info.Status != release.StatusDeployed || info.Revision != 2 {
				t.Errorf("after taking over: %+v", info)
			}
		})
	}
}

func testWaitsForOneInProgress(t *testing.T, e *env) {
	store, record := e.record(t, "progress", helmrelease.StatusPendingInstall, time.Now())
	_, err := e.client.Apply(bound(t, 2*time.Second), spec(t, "progress", clusterIP))
	wantError(t, err, "another change of it is in progress", "pending-install")

	done := make(chan error)
	go func() {
		_, err := e.client.Apply(bound(t, timeout), spec(t, "progress", clusterIP))
		done <- err
	}()
	record.SetStatus(helmrelease.StatusDeployed, "done")
	if err := store.Update(record); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("after the other change was done: %v", err)
	}
}

func testEndsWithContext(t *testing.T, e *env) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	var info *release.Info
	go func() {
		var err error
		info, err = e.client.Apply(ctx, spec(t, "interrupted", neverReady))
		done <- err
	}()
	// Interrupted while it waits: its record is there and says pending.
	ref := release.Ref{Namespace: "interrupted", Name: "emissary-ingress"}
	eventually(t, func() bool {
		current, err := e.client.Get(t.Context(), ref)
		return err == nil && current.Status == "pending-install"
	})
	cancel()
	wantError(t, <-done, "interrupted/emissary-ingress")
	if info == nil || info.Status != "failed" {
		t.Errorf("after the interruption: %+v, want a record that says failed", info)
	}
}

func testAtomicInstall(t *testing.T, e *env) {
	failing := spec(t, "atomic-install", neverReady)
	failing.Atomic = true
	info, err := e.client.Apply(bound(t, 8*time.Second), failing)
	wantError(t, err, "0 of 3 pods are ready", "uninstalled again because atomic is set")
	if info != nil {
		t.Errorf("there is still a release: %+v", info)
	}
	// (Its pods go a moment later, with the Deployment.)
	services, err := e.kubernetes.CoreV1().Services("atomic-install").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(services.Items) != 0 {
		t.Errorf("left behind: %v, %v", services.Items, err)
	}
}

func testAtomicUpgrade(t *testing.T, e *env) {
	e.apply(t, spec(t, "atomic-upgrade", clusterIP, map[string]any{"replicaCount": 1}))
	failing := spec(t, "atomic-upgrade", neverReady, map[string]any{"service": map[string]any{"type": "NodePort"}})
	failing.Atomic = true
	info, err := e.client.Apply(bound(t, 8*time.Second), failing)
	wantError(t, err, "of 3 pods are ready", "rolled back to revision 1 because atomic is set")
	if info == nil || info.Status != release.StatusDeployed || info.Revision != 3 {
		t.Errorf("after the rollback: %+v", info)
	}
	service, err := e.kubernetes.CoreV1().Services("atomic-upgrade").Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
	if err != nil || service.Spec.Type != corev1.ServiceTypeClusterIP {
		t.Errorf("the Service is %v, %v", service.Spec.Type, err)
	}
}

func testForeignObjects(t *testing.T, e *env) {
	e.namespace(t, "foreign", nil)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "emissary-ingress"}}
	if _, err := e.kubernetes.CoreV1().ServiceAccounts("foreign").Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ingress := spec(t, "foreign", clusterIP)
	info, err := e.client.Apply(bound(t, timeout), ingress)
	wantError(t, err, "ServiceAccount foreign/emissary-ingress", "does not belong to this release", "take_ownership = true")
	if info != nil {
		t.Errorf("a release was recorded though nothing was done: %+v", info)
	}
	ingress.TakeOwnership = true
	if info := e.apply(t, ingress); info.Revision != 1 || info.Status != release.StatusDeployed {
		t.Errorf("after taking ownership: %+v", info)
	}
}

func testForbidden(t *testing.T, e *env) {
	e.namespace(t, "forbidden", nil)
	client := e.user(t, "no-one")
	_, err := client.Apply(bound(t, timeout), spec(t, "forbidden", clusterIP))
	wantError(t, err, "release forbidden/emissary-ingress on https://", `"no-one"`, "secrets", "Role")
	_, err = client.Get(bound(t, timeout), release.Ref{Namespace: "forbidden", Name: "emissary-ingress"})
	wantError(t, err, "cannot read release forbidden/emissary-ingress", "secrets")
}

func testNamespaceWithOtherContents(t *testing.T, e *env) {
	e.apply(t, spec(t, "shared", clusterIP))
	precious := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "precious"}}
	if _, err := e.kubernetes.CoreV1().ConfigMaps("shared").Create(t.Context(), precious, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kept, err := e.client.Delete(bound(t, timeout), release.Ref{Namespace: "shared", Name: "emissary-ingress"}, release.DeleteOptions{Namespace: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := "Namespace shared, because it still holds ConfigMap precious"; len(kept) != 1 || kept[0] != want {
		t.Errorf("kept %q, want %q", kept, want)
	}
}

func testNamespaceOfSomeoneElse(t *testing.T, e *env) {
	e.namespace(t, "given", nil)
	e.apply(t, spec(t, "given", clusterIP))
	kept, err := e.client.Delete(bound(t, timeout), release.Ref{Namespace: "given", Name: "emissary-ingress"}, release.DeleteOptions{Namespace: true})
	if err != nil || len(kept) != 0 {
		t.Errorf("delete: %v, kept %v", err, kept)
	}
	if _, err := e.kubernetes.CoreV1().Namespaces().Get(t.Context(), "given", metav1.GetOptions{}); err != nil {
		t.Errorf("a namespace that was there before is gone: %v", err)
	}
}

func testFinalizer(t *testing.T, e *env) {
	e.apply(t, spec(t, "held", clusterIP))
	accounts := e.kubernetes.CoreV1().ServiceAccounts("held")
	account, err := accounts.Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	account.Finalizers = []string{"example.com/held"}
	if _, err := accounts.Update(t.Context(), account, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	ref := release.Ref{Namespace: "held", Name: "emissary-ingress"}
	_, err = e.client.Delete(bound(t, 5*time.Second), ref, release.DeleteOptions{})
	wantError(t, err, "cannot uninstall release held/emissary-ingress", "ServiceAccount held/emissary-ingress", `finalizers "example.com/held"`)
	if _, err := e.client.Get(t.Context(), ref); err != nil {
		t.Errorf("the record must stay for the next delete: %v", err)
	}
	account, err = accounts.Get(t.Context(), "emissary-ingress", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	account.Finalizers = nil
	if _, err := accounts.Update(t.Context(), account, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.client.Delete(bound(t, timeout), ref, release.DeleteOptions{}); err != nil {
		t.Errorf("the second delete: %v", err)
	}
	if _, err := e.client.Get(t.Context(), ref); !errors.Is(err, release.ErrNotFound) {
		t.Errorf("after the second delete: %v", err)
	}
}

// env is what the scenarios share.
type env struct {
	cluster    *cluster.Cluster
	client     *release.Client
	kubernetes kubernetes.Interface
}

// clusterIP are the values with which the ingress becomes ready here.
var clusterIP = map[string]any{"service": map[string]any{"type": "ClusterIP"}}

// neverReady asks for a node that is not there: everything is created, and no pod
// ever starts.
var neverReady = map[string]any{"nodeSelector": map[string]any{"pool": "none"}}

// spec is an ingress in a namespace of its own. Only one install of a cluster
// can have the IngressClass.
func spec(t *testing.T, namespace string, values ...map[string]any) release.Spec {
	t.Helper()
	chart := load(t, charts.Ingress)
	chart.Values["ingressClassResource"].(map[string]any)["enabled"] = false
	return release.Spec{
		Name: "emissary-ingress", Namespace: namespace, Chart: chart, Values: release.MergeValues(values...),
		CreateNamespace: true, Wait: true,
	}
}

func (e *env) apply(t *testing.T, s release.Spec) *release.Info {
	t.Helper()
	info, err := e.client.Apply(bound(t, timeout), s)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// record writes a revision as a process would leave it that died at the time.
func (e *env) record(t *testing.T, namespace string, status helmrelease.Status, at time.Time) (*storage.Storage, *helmrelease.Release) {
	t.Helper()
	e.namespace(t, namespace, nil)
	s := spec(t, namespace)
	rendered, err := release.Render(s)
	if err != nil {
		t.Fatal(err)
	}
	when := helmtime.Time{Time: at}
	record := &helmrelease.Release{
		Name: s.Name, Namespace: namespace, Version: 1, Chart: s.Chart, Manifest: rendered.Manifest,
		Info: &helmrelease.Info{FirstDeployed: when, LastDeployed: when, Status: status},
	}
	store := storage.Init(driver.NewSecrets(e.kubernetes.CoreV1().Secrets(namespace)))
	if err := store.Create(record); err != nil {
		t.Fatal(err)
	}
	// The record was created now; make it as old as it claims.
	secrets := e.kubernetes.CoreV1().Secrets(namespace)
	list, err := secrets.List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("the record: %v, %v", list, err)
	}
	secret := &list.Items[0]
	delete(secret.Labels, "createdAt")
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	return store, record
}

func (e *env) namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := e.kubernetes.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// user is a client with no rights but the given rules, everywhere.
func (e *env) user(t *testing.T, name string, rules ...rbacv1.PolicyRule) *release.Client {
	t.Helper()
	kubeconfig, err := e.cluster.User(name)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) > 0 {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
		if _, err := e.kubernetes.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return release.ForConfig(t, config)
}

func bound(t *testing.T, timeout time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func eventually(t *testing.T, check func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(timeout)
	for !check() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it did not happen in time")
		}
	}
}
