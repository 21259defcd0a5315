package kube

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

var (
	mappings = Type{GroupVersionResource: apiGroupVersion.WithResource("mappings"), Kind: "Mapping"}
	quote    = Ref{Type: mappings, Namespace: "default", Name: "quote"}
)

// fakeClient is a client whose API server is client-go's fake with the objects.
func fakeClient(objects ...runtime.Object) (*Client, *fake.FakeDynamicClient) {
	dynamic := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		mappings.GroupVersionResource: "MappingList", leases: "LeaseList",
	}, objects...)
	return &Client{config: &rest.Config{Host: "https://fake"}, dynamic: dynamic, fieldManager: "us"}, dynamic
}

// mapping is the object with conditions, each "Type=Status Reason@generation".
func mapping(conditions ...map[string]any) *unstructured.Unstructured {
	list := []any{}
	for _, condition := range conditions {
		list = append(list, condition)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
		"metadata": map[string]any{"name": "quote", "namespace": "default", "generation": int64(2)},
		"status":   map[string]any{"conditions": list},
	}}
}

func condition(kind, status, reason string, generation int64) map[string]any {
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": "because", "observedGeneration": generation}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		object *unstructured.Unstructured
		want   verdict
	}{
		"nothing said":             {mapping(), verdict{}},
		"served":                   {mapping(condition("Programmed", "True", "Programmed", 2)), verdict{served: true}},
		"served a newer one":       {mapping(condition("Programmed", "True", "Programmed", 3)), verdict{served: true}},
		"served an older one":      {mapping(condition("Programmed", "True", "Programmed", 1)), verdict{}},
		"pending":                  {mapping(condition("Programmed", "False", "Pending", 2)), verdict{text: "because (Pending)"}},
		"refused by Envoy":         {mapping(condition("Programmed", "False", "Rejected", 2)), verdict{failed: true, text: "because (Rejected)"}},
		"not accepted":             {mapping(condition("Accepted", "False", "Invalid", 2), condition("Programmed", "False", "NotAccepted", 2)), verdict{failed: true, text: "because (Invalid)"}},
		"not accepted at an older": {mapping(condition("Accepted", "False", "Invalid", 1)), verdict{}},
		"references missing":       {mapping(condition("ResolvedRefs", "False", "SecretNotFound", 2)), verdict{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := judge(test.object, 2); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// TestWaitServed runs on a fake clock: each step takes effect at its time.
func TestWaitServed(t *testing.T) {
	t.Parallel()
	type step struct {
		after  time.Duration
		object *unstructured.Unstructured // nil deletes
	}
	served, failed := mapping(condition("Programmed", "True", "Programmed", 2)), mapping(condition("Accepted", "False", "Invalid", 2))
	tests := map[string]struct {
		steps   []step
		noWatch bool
		want    string // of the error; empty for success
		took    time.Duration
	}{
		"at once":               {steps: []step{{0, served}}},
		"later":                 {steps: []step{{30 * time.Second, served}}, took: 30 * time.Second},
		"later, polling":        {steps: []step{{30 * time.Second, served}}, noWatch: true, took: 30 * time.Second},
		"failure that heals":    {steps: []step{{time.Second, failed}, {5 * time.Second, served}}, took: 5 * time.Second},
		"failure that stays":    {steps: []step{{time.Second, failed}}, want: "is not served: because (Invalid)", took: time.Second + settle},
		"failure, polling":      {steps: []step{{time.Second, failed}}, noWatch: true, want: "is not served: because (Invalid)", took: time.Second + settle},
		"deleted":               {steps: []step{{time.Second, nil}}, want: "was deleted while waiting", took: time.Second},
		"nobody reports":        {want: "no controller has reported", took: time.Minute},
		"pending until the end": {steps: []step{{time.Second, mapping(condition("Programmed", "False", "Pending", 2))}}, want: "not served in time: because (Pending)", took: time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, server := fakeClient(mapping())
				if test.noWatch {
					server.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) { return true, nil, errForbidden })
				}
				for _, step := range test.steps {
					change := func() {
						objects := server.Resource(mappings.GroupVersionResource).Namespace("default")
						if step.object == nil {
							_ = objects.Delete(t.Context(), "quote", metav1.DeleteOptions{})
						} else {
							_, _ = objects.Update(t.Context(), step.object.DeepCopy(), metav1.UpdateOptions{})
						}
					}
					if step.after == 0 {
						change()
					} else {
						time.AfterFunc(step.after, change)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				err := client.WaitServed(ctx, quote, 2)
				if got := time.Since(began); got < test.took || got > test.took+2*time.Second {
					t.Errorf("took %s, want %s", got, test.took)
				}
				switch {
				case test.want == "" && err != nil:
					t.Error(err)
				case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
					t.Errorf("error %v, want %q", err, test.want)
				}
			})
		})
	}
}

func TestHasController(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(lease("alive", time.Now()), lease("slow", time.Now().Add(-44*time.Second)), lease("dead", time.Now().Add(-46*time.Second)))
		for id, want := range map[string]bool{"alive": true, "slow": true, "dead": false, "other": false} {
			if got := client.HasController(t.Context(), []string{"none", id}); got != want {
				t.Errorf("%s: %v, want %v", id, got, want)
			}
		}
		if n := len(server.Actions()); n != 1 {
			t.Errorf("asked the server %d times, want once", n)
		}
		time.Sleep(time.Minute)
		if client.HasController(t.Context(), []string{"alive"}) {
			t.Error("a controller that stopped a minute ago counts as alive")
		}
	})
}

// TestHasControllerNeedsTheRight does not wait where leases may not be listed, and
// asks again after a failure that passes.
func TestHasControllerNeedsTheRight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(lease("alive", time.Now().Add(time.Hour)))
		answers := []error{apierrors.NewInternalError(errors.New("etcd")), nil, errForbidden}
		server.PrependReactor("list", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
			err := answers[0]
			answers = answers[1:]
			return err != nil, nil, err
		})
		if !client.HasController(t.Context(), []string{"alive"}) {
			t.Error("a failure that passed hides the controller")
		}
		time.Sleep(time.Minute)
		if client.HasController(t.Context(), []string{"alive"}) {
			t.Error("a controller was seen without the right to see it")
		}
	})
}

func lease(id string, renewed time.Time) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": map[string]any{"name": id, "namespace": "emissary", "labels": map[string]any{labelAmbassadorID: id, labelManagedBy: managedBy}},
		"spec":     map[string]any{"leaseDurationSeconds": int64(15), "renewTime": renewed.Format(metav1.RFC3339Micro)},
	}}
}
