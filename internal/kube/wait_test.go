package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
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
	mappings = Type{GroupVersionResource: APIGroupVersion.WithResource("mappings"), Kind: "Mapping"}
	quote    = Ref{Type: mappings, Namespace: "default", Name: "quote"}
)

// fakeClient is a client whose API server is client-go's fake with the objects.
func fakeClient(objects ...runtime.Object) (*Client, *fake.FakeDynamicClient) {
	dynamic := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		mappings.GroupVersionResource: "MappingList", leases: "LeaseList", Pods.GroupVersionResource: "PodList",
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
			if got := judge(test.object, 2, nil); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// TestJudgeInstances judges an object that several instances serve.
func TestJudgeInstances(t *testing.T) {
	t.Parallel()
	served, older := condition("Programmed", "True", "Programmed", 2), condition("Programmed", "True", "Programmed", 1)
	pending, failed := condition("Programmed", "False", "Pending", 2), condition("Programmed", "False", "NoListener", 2)
	says := func(id string, condition map[string]any) any {
		return map[string]any{"ambassador_id": id, "conditions": []any{condition}}
	}
	tests := map[string]struct {
		entries   []any
		instances []string
		want      verdict
	}{
		"no entries, the top counts":    {nil, []string{"blue"}, verdict{served: true}},
		"nobody asked, the top counts":  {[]any{says("blue", failed)}, nil, verdict{served: true}},
		"the one that is meant":         {[]any{says("green", failed), says("blue", served)}, []string{"blue"}, verdict{served: true}},
		"it has said nothing":           {[]any{says("green", served)}, []string{"blue"}, verdict{}},
		"it has said nothing yet":       {[]any{says("green", served), says("blue", older)}, []string{"blue", "green"}, verdict{}},
		"both":                          {[]any{says("green", served), says("blue", served)}, []string{"blue", "green"}, verdict{served: true}},
		"one waits":                     {[]any{says("green", served), says("blue", pending)}, []string{"blue", "green"}, verdict{text: "instance blue: because (Pending)"}},
		"one fails":                     {[]any{says("green", failed), says("blue", served)}, []string{"blue", "green"}, verdict{failed: true, text: "instance green: because (NoListener)"}},
		"one waits and the other fails": {[]any{says("green", failed), says("blue", pending)}, []string{"blue", "green"}, verdict{failed: true, text: "instance green: because (NoListener)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := mapping(served)
			if test.entries != nil {
				_ = unstructured.SetNestedSlice(object.Object, test.entries, "status", "instances")
			}
			if got := judge(object, 2, test.instances); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// FuzzJudge reads the status of an object that anybody may have written. It must
// not fail, and what says nothing of this generation must not count as served.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(`{"status":{"conditions":[{"type":"Programmed","status":"True","observedGeneration":2}]}}`), "blue")
	f.Add([]byte(`{"status":{"instances":[{"ambassador_id":"blue","conditions":[{"type":"Accepted","status":"False","observedGeneration":2}]}]}}`), "blue")
	f.Add([]byte(`{"status":{"conditions":{"type":1},"instances":[null,{}]}}`), "")
	f.Fuzz(func(t *testing.T, raw []byte, id string) {
		object := &unstructured.Unstructured{}
		if json.Unmarshal(raw, &object.Object) != nil || object.Object == nil {
			return
		}
		for _, instances := range [][]string{nil, {id}, {id, "other"}} {
			v := judge(object, 2, instances)
			if v.served && !bytes.Contains(raw, []byte("Generation")) && !bytes.Contains(raw, []byte(`\u`)) {
				t.Errorf("%s counts as served for %q", raw, instances)
			}
			if v.served && v.failed {
				t.Errorf("%s is served and failed for %q", raw, instances)
			}
		}
	})
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
		silent  bool   // the watch is open and says nothing
		want    string // of the error; empty for success
		took    time.Duration
	}{
		"at once":               {steps: []step{{0, served}}},
		"later":                 {steps: []step{{30 * time.Second, served}}, took: 30 * time.Second},
		"later, polling":        {steps: []step{{30 * time.Second, served}}, noWatch: true, took: 30 * time.Second},
		"later, silent watch":   {steps: []step{{time.Second, served}}, silent: true, took: doubtEvery},
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
				if test.silent {
					server.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) { return true, watch.NewFake(), nil })
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
				err := client.WaitServed(ctx, quote, 2, nil)
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

func TestControllers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(lease("alive", time.Now()), lease("slow", time.Now().Add(-44*time.Second)), lease("dead", time.Now().Add(-46*time.Second)))
		for id, want := range map[string]bool{"alive": true, "slow": true, "dead": false, "other": false} {
			if got := slices.Contains(client.Controllers(t.Context(), []string{"none", id}), id); got != want {
				t.Errorf("%s: %v, want %v", id, got, want)
			}
		}
		if got := client.Controllers(t.Context(), []string{"_automatic_"}); !slices.Equal(got, []string{"alive", "slow"}) {
			t.Errorf("all instances are %v, want alive and slow", got)
		}
		if n := len(server.Actions()); n != 1 {
			t.Errorf("asked the server %d times, want once", n)
		}
		time.Sleep(time.Minute)
		if client.Controllers(t.Context(), []string{"alive"}) != nil {
			t.Error("a controller that stopped a minute ago counts as alive")
		}
	})
}

// TestControllersNeedsTheRight does not wait where leases may not be listed, and
// asks again after a failure that passes.
func TestControllersNeedsTheRight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(lease("alive", time.Now().Add(time.Hour)))
		answers := []error{apierrors.NewInternalError(errors.New("etcd")), nil, errForbidden}
		server.PrependReactor("list", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
			err := answers[0]
			answers = answers[1:]
			return err != nil, nil, err
		})
		if client.Controllers(t.Context(), []string{"alive"}) == nil {
			t.Error("a failure that passed hides the controller")
		}
		time.Sleep(time.Minute)
		if client.Controllers(t.Context(), []string{"alive"}) != nil {
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
