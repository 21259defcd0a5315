package install

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"terraform-provider-emissary/internal/kube"
)

var deployments = kube.Type{GroupVersionResource: appsv1.SchemeGroupVersion.WithResource("deployments"), Kind: "Deployment"}

// restartedAt is the annotation of a pod template that kubectl rollout restart
// changes, too.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Restart replaces the pods of an install, as fast as its Deployments allow, and
// returns when the new ones are available. The progress is told in words. It fails
// at once when a Deployment is over its progress deadline.
func Restart(ctx context.Context, client *kube.Client, ref Ref, at time.Time, progress func(string)) error {
	found, err := deploymentsOf(ctx, client, ref)
	if err != nil {
		return err
	}
	annotations := map[string]any{restartedAt: at.UTC().Format(time.RFC3339)}
	for _, deployment := range found {
		change := map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": annotations}}}}
		if err := client.Patch(ctx, deploymentRef(deployment), change); err != nil {
			return err
		}
	}
	for _, deployment := range found {
		if err := waitRolledOut(ctx, client, deployment, progress, false); err != nil {
			return err
		}
	}
	return nil
}

// Drain evicts the pods of an install from a node, one after the other: each
// finishes its requests, and the next one waits until the Deployments have all
// their pods available. A Deployment over its progress deadline is waited for, too:
// the pod that held it up may be the one that was evicted. It returns how many it
// evicted.
func Drain(ctx context.Context, client *kube.Client, ref Ref, node string, progress func(string)) (evicted int, err error) {
	found, err := deploymentsOf(ctx, client, ref)
	if err != nil {
		return 0, err
	}
	pods, err := list[corev1.Pod](ctx, client, kube.Pods, ref)
	if err != nil {
		return 0, err
	}
	for _, pod := range pods {
		if pod.Spec.NodeName != node || pod.DeletionTimestamp != nil {
			continue
		}
		progress(fmt.Sprintf("evicting pod %s/%s", pod.Namespace, pod.Name))
		if err := client.Evict(ctx, podRef(pod)); err != nil {
			return evicted, err
		}
		evicted++
		for _, deployment := range found {
			if err := waitRolledOut(ctx, client, deployment, progress, true); err != nil {
				return evicted, err
			}
		}
	}
	return evicted, nil
}

func podRef(pod *corev1.Pod) kube.Ref {
	return kube.Ref{Type: kube.Pods, Namespace: pod.Namespace, Name: pod.Name}
}

func deploymentRef(deployment *appsv1.Deployment) kube.Ref {
	return kube.Ref{Type: deployments, Namespace: deployment.Namespace, Name: deployment.Name}
}

// deploymentsOf returns the Deployments of an install; there is at least one, and
// none is paused: nobody could tell when its pods have been replaced. kubectl rollout
// restart refuses that, too.
func deploymentsOf(ctx context.Context, client *kube.Client, ref Ref) ([]*appsv1.Deployment, error) {
	found, err := list[appsv1.Deployment](ctx, client, deployments, ref)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there is no release %s on %s: no Deployment in the namespace has the label %s", ref, client.Server(), ref.selector())
	}
	for _, deployment := range found {
		if deployment.Spec.Paused {
			return nil, fmt.Errorf("%s on %s is paused: resume it first, with kubectl rollout resume deployment/%s --namespace %s",
				deploymentRef(deployment), client.Server(), deployment.Name, deployment.Namespace)
		}
	}
	return found, err
}

// waitRolledOut waits until all pods of a Deployment are of its newest template
// and available.
func waitRolledOut(ctx context.Context, client *kube.Client, deployment *appsv1.Deployment, progress func(string), patient bool) error {
	ref := deploymentRef(deployment)
	return client.WaitReady(ctx, ref, kube.ReadyOptions{
		Progress: func(why string) { progress(fmt.Sprintf("%s: %s", ref, why)) },
		Patient:  patient,
	})
}
