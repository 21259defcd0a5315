package kube

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The rules are those of `kubectl rollout status`, whose package would bring all
// of `kubectl describe` along.

func deploymentReadiness(object *unstructured.Unstructured) Readiness {
	deployment, unreadable := typed[appsv1.Deployment](object)
	if deployment == nil {
		return unreadable
	}
	status, wanted := deployment.Status, orOne(deployment.Spec.Replicas)
	if status.ObservedGeneration < deployment.Generation {
		return notObserved
	}
	for _, condition := range status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing && condition.Reason == "ProgressDeadlineExceeded" {
			return Readiness{Why: condition.Message, Stuck: true}
		}
	}
	switch {
	case deployment.Spec.Paused:
		return Readiness{Ready: true} // Nothing happens until it is resumed.
	case status.UpdatedReplicas < wanted:
		return waitingFor("%d of %d pods are of the new version", status.UpdatedReplicas, wanted)
	case status.Replicas > status.UpdatedReplicas:
		return waitingFor("%d pods of the old version are still there", status.Replicas-status.UpdatedReplicas)
	case status.AvailableReplicas < status.UpdatedReplicas:
		return waitingFor("%d of %d pods are available", status.AvailableReplicas, status.UpdatedReplicas)
	}
	return Readiness{Ready: true}
}

func daemonSetReadiness(object *unstructured.Unstructured) Readiness {
	daemons, unreadable := typed[appsv1.DaemonSet](object)
	if daemons == nil {
		return unreadable
	}
	status := daemons.Status
	switch {
	case daemons.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
		return Readiness{Ready: true} // Somebody else decides when pods are replaced.
	case status.ObservedGeneration < daemons.Generation:
		return notObserved
	case status.UpdatedNumberScheduled < status.DesiredNumberScheduled:
		return waitingFor("%d of %d pods are of the new version", status.UpdatedNumberScheduled, status.DesiredNumberScheduled)
	case status.NumberAvailable < status.DesiredNumberScheduled:
		return waitingFor("%d of %d pods are available", status.NumberAvailable, status.DesiredNumberScheduled)
	}
	return Readiness{Ready: true}
}

func statefulSetReadiness(object *unstructured.Unstructured) Readiness {
	set, unreadable := typed[appsv1.StatefulSet](object)
	if set == nil {
		return unreadable
	}
	status, wanted := set.Status, orOne(set.Spec.Replicas)
	updated := wanted // The partition's pods keep the old version.
	if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		updated = max(0, wanted-*rolling.Partition)
	}
	switch {
	case set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		return Readiness{Ready: true}
	case status.ObservedGeneration < set.Generation:
		return notObserved
	case status.ReadyReplicas < wanted:
		return waitingFor("%d of %d pods are ready", status.ReadyReplicas, wanted)
	case status.UpdateRevision != status.CurrentRevision && status.UpdatedReplicas < updated:
		return waitingFor("%d of %d pods are of the new version", status.UpdatedReplicas, updated)
	}
	return Readiness{Ready: true}
}

func jobReadiness(object *unstructured.Unstructured) Readiness {
	job, unreadable := typed[batchv1.Job](object)
	if job == nil {
		return unreadable
	}
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete, batchv1.JobSuspended:
			return Readiness{Ready: true}
		case batchv1.JobFailed:
			return Readiness{Why: fmt.Sprintf("the Job failed: %s (%s)", condition.Message, condition.Reason), Stuck: true}
		}
	}
	return waitingFor("the Job is not complete, %d of its pods are active and %d have failed", job.Status.Active, job.Status.Failed)
}

var notObserved = Readiness{Why: "its controller has not seen the change yet"}

func waitingFor(format string, arguments ...any) Readiness {
	return Readiness{Why: fmt.Sprintf(format, arguments...)}
}

func orOne(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

// typed reads an object; when that fails, it returns nil and what to say of it.
func typed[T any](object *unstructured.Unstructured) (*T, Readiness) {
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into); err != nil {
		return nil, Readiness{Why: "its status cannot be read: " + err.Error(), Stuck: true}
	}
	return into, Readiness{}
}
