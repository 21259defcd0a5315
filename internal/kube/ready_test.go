package kube

import (
	"testing"

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
