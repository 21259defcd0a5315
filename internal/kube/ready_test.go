package kube

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	const (
		deployment  = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\n"
		daemonSet   = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {generation: 2}\n"
		statefulSet = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {generation: 2}\n"
		job         = "apiVersion: batch/v1\nkind: Job\n"
		namespace   = "apiVersion: v1\nkind: Namespace\n"
		crd         = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
	)
	ready := Readiness{Ready: true}
	for name, test := range map[string]struct {
		object string
		want   Readiness
	}{
		"other kinds": {"apiVersion: v1\nkind: ConfigMap\n", ready},

		"namespace":          {namespace + "status: {phase: Active}", ready},
		"namespace new":      {namespace, Readiness{Why: "it is not active yet"}},
		"namespace deleting": {namespace + "metadata: {deletionTimestamp: '2026-01-01T00:00:00Z'}", Readiness{Why: "it is being deleted"}},

		"crd":     {crd + "status: {conditions: [{type: Established, status: 'True'}, {type: NamesAccepted, status: 'True'}]}", ready},
		"crd new": {crd, Readiness{Why: "the API server has it but does not serve it yet: it has not reported on it"}},
		"crd names": {crd + "status: {conditions: [{type: NamesAccepted, status: 'False', message: taken}]}",
			Readiness{Why: "the API server has it but does not serve it yet: NamesAccepted is False, taken"}},

		"deployment":           {deployment + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2}", ready},
		"deployment of none":   {deployment + "spec: {replicas: 0}\nstatus: {observedGeneration: 2}", ready},
		"deployment paused":    {deployment + "spec: {replicas: 2, paused: true}\nstatus: {observedGeneration: 2}", ready},
		"deployment not seen":  {deployment + "status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1}", notObserved},
		"deployment updating":  {deployment + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, replicas: 2, updatedReplicas: 1}", Readiness{Why: "1 of 2 pods are of the new version"}},
		"deployment old pods":  {deployment + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, replicas: 3, updatedReplicas: 2}", Readiness{Why: "1 pods of the old version are still there"}},
		"deployment available": {deployment + "status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1}", Readiness{Why: "0 of 1 pods are available"}},
		"deployment overdue": {deployment + "status: {observedGeneration: 2, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: too late}]}",
			Readiness{Why: "too late", Stuck: true}},

		"daemonset":          {daemonSet + "status: {observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2}", ready},
		"daemonset updating": {daemonSet + "status: {observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 1}", Readiness{Why: "1 of 2 pods are of the new version"}},
		"daemonset waiting":  {daemonSet + "status: {observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2}", Readiness{Why: "0 of 2 pods are available"}},
		"daemonset by hand":  {daemonSet + "spec: {updateStrategy: {type: OnDelete}}", ready},

		"statefulset":          {statefulSet + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, readyReplicas: 2, updateRevision: a, currentRevision: a}", ready},
		"statefulset waiting":  {statefulSet + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, readyReplicas: 1}", Readiness{Why: "1 of 2 pods are ready"}},
		"statefulset updating": {statefulSet + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, readyReplicas: 2, updatedReplicas: 1, updateRevision: b, currentRevision: a}", Readiness{Why: "1 of 2 pods are of the new version"}},
		"statefulset partition": {statefulSet + "spec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 1}}}\nstatus: {observedGeneration: 2, readyReplicas: 2, updatedReplicas: 1, updateRevision: b, currentRevision: a}",
			ready},

		"job":           {job + "status: {conditions: [{type: Complete, status: 'True'}]}", ready},
		"job suspended": {job + "status: {conditions: [{type: Suspended, status: 'True'}]}", ready},
		"job running":   {job + "status: {active: 1, failed: 2}", Readiness{Why: "the Job is not complete, 1 of its pods are active and 2 have failed"}},
		"job failed": {job + "status: {conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: it failed too often}]}",
			Readiness{Why: "the Job failed: it failed too often (BackoffLimitExceeded)", Stuck: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(test.object), &object.Object); err != nil {
				t.Fatal(err)
			}
			if got := ReadinessOf(object); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestWaitReady runs on a fake clock: the Deployment is at each step for a minute.
func TestWaitReady(t *testing.T) {
	t.Parallel()
	const (
		overdue   = "conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: it is late}]"
		made      = "replicas: 2, updatedReplicas: 1"
		all       = "replicas: 2, updatedReplicas: 2"
		available = all + ", availableReplicas: 2"
	)
	deployments := Type{GroupVersionResource: appsv1.SchemeGroupVersion.WithResource("deployments"), Kind: "Deployment"}
	for name, test := range map[string]struct {
		steps   []string // of its status; an empty one deletes it
		patient bool
		said    []string
		want    string // of the error; empty for success
		took    time.Duration
	}{
		"ready":              {steps: []string{available}},
		"progress":           {steps: []string{made, all, all, available}, said: []string{"1 of 2 pods are of the new version", "0 of 2 pods are available"}, took: 3 * time.Minute},
		"overdue":            {steps: []string{overdue, available}, said: []string{"it is late"}, want: "it is not ready: it is late"},
		"overdue, patiently": {steps: []string{overdue, available}, patient: true, said: []string{"it is late"}, took: time.Minute},
		"gone":               {steps: []string{made, ""}, said: []string{"1 of 2 pods are of the new version"}, want: ErrGone.Error(), took: time.Minute},
		"never":              {steps: []string{all}, patient: true, said: []string{"0 of 2 pods are available"}, want: "it is not ready: 0 of 2 pods are available", took: 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				at := func(status string) *unstructured.Unstructured {
					object := &unstructured.Unstructured{}
					text := "{apiVersion: apps/v1, kind: Deployment, metadata: {name: edge, namespace: default}, spec: {replicas: 2}, status: {" + status + "}}"
					if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
						t.Fatal(err)
					}
					return object
				}
				client, server := fakeClient(at(test.steps[0]))
				objects := server.Resource(deployments.GroupVersionResource).Namespace("default")
				for i, step := range test.steps[1:] {
					time.AfterFunc(time.Duration(i+1)*time.Minute, func() {
						if step == "" {
							_ = objects.Delete(t.Context(), "edge", metav1.DeleteOptions{})
						} else {
							_, _ = objects.Update(t.Context(), at(step), metav1.UpdateOptions{})
						}
					})
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				began, said := time.Now(), []string(nil)
				err := client.WaitReady(ctx, Ref{Type: deployments, Namespace: "default", Name: "edge"},
					ReadyOptions{Patient: test.patient, Progress: func(why string) { said = append(said, why) }})
				if took := time.Since(began); took < test.took || took > test.took+longestPause {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				if gone := strings.Contains(test.want, ErrGone.Error()); errors.Is(err, ErrGone) != gone {
					t.Errorf("error %v says that it is gone: %t", err, gone)
				}
				if !slices.Equal(said, test.said) {
					t.Errorf("said %q, want %q", said, test.said)
				}
			})
		})
	}
}
