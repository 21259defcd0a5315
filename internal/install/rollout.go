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

// pollEvery is how often a rollout is looked at.
const pollEvery = time.Second

// Restart replaces the pods of an install, as fast as its Deployments allow, and
// returns when the new ones are available. The progress is told in words.
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
		if err := waitRolledOut(ctx, client, deploymentRef(deployment), progress); err != nil {
			return err
		}
	}
	return nil
}

// Drain evicts the pods of an install from a node, one after the other: each
// finishes its requests, and the next one waits until the Deployments have as
// many available pods as before. It returns how many it evicted.
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
			if err := waitRolledOut(ctx, client, deploymentRef(deployment), progress); err != nil {
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

// deploymentsOf returns the Deployments of an install; there is at least one.
func deploymentsOf(ctx context.Context, client *kube.Client, ref Ref) ([]*appsv1.Deployment, error) {
	found, err := list[appsv1.Deployment](ctx, client, deployments, ref)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there is no release %s on %s: no Deployment in the namespace has the label %s", ref, client.Server(), ref.selector())
	}
	return found, err
}

// waitRolledOut waits until all pods of a Deployment are of its newest template
// and available.
func waitRolledOut(ctx context.Context, client *kube.Client, ref kube.Ref, progress func(string)) error {
	said := ""
	for {
		object, err := client.Get(ctx, ref)
		switch {
		case err != nil:
			return err
		case object == nil:
			return fmt.Errorf("%s was deleted meanwhile", ref)
		}
		deployment, err := typed[appsv1.Deployment](object)
		if err != nil {
			return err
		}
		state, done := rollout(deployment)
		if done {
			return nil
		}
		if state != said {
			progress(fmt.Sprintf("%s: %s", ref, state))
			said = state
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("time ran out: %s on %s: %s: %w", ref, client.Server(), state, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// rollout says how far a Deployment is. Kubernetes' own kubectl rollout status
// decides by the same numbers.
func rollout(deployment *appsv1.Deployment) (state string, done bool) {
	wanted := int32(1)
	if deployment.Spec.Replicas != nil {
		wanted = *deployment.Spec.Replicas
	}
	now := deployment.Status
	switch {
	case now.ObservedGeneration < deployment.Generation:
		return "waiting for the change to be seen", false
	case now.UpdatedReplicas < wanted:
		return fmt.Sprintf("%d of %d pods are made", now.UpdatedReplicas, wanted), false
	case now.Replicas > now.UpdatedReplicas:
		return fmt.Sprintf("%d old pods finish", now.Replicas-now.UpdatedReplicas), false
	case now.AvailableReplicas < wanted:
		return fmt.Sprintf("%d of %d pods are available", now.AvailableReplicas, wanted), false
	}
	return "", true
}
