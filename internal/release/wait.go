package release

import (
	"context"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"

	kubeclient "terraform-provider-emissary/internal/kube"
)

// waitReady polls until all objects are ready by Helm's rules. It fails at once
// when a rollout is stuck for good, and at the end of the operation's context
// with the first object that is not ready and the reason.
func (b *boundClient) waitReady(objects kube.ResourceList, jobs bool) error {
	var said string
	checker := kube.NewReadyChecker(b.clients, func(format string, arguments ...any) {
		said = fmt.Sprintf(format, arguments...)
		b.Log(format, arguments...)
	}, kube.PausedAsReady(true), kube.CheckJobs(jobs))
	waiting := objects
	err := poll(b.ctx, func() (bool, error) {
		for len(waiting) > 0 {
			ready, err := checker.IsReady(b.ctx, waiting[0])
			if !ready {
				return false, b.stuck(waiting[0], err)
			}
			waiting = waiting[1:]
		}
		return true, nil
	})
	if err == nil || b.ctx.Err() == nil {
		return err
	}
	// The context of the operation is over, so the reason is asked for without it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), recordTimeout)
	defer cancel()
	e := &Error{Object: describe(waiting[0]), Problem: "it is not ready", Err: err}
	if reason := b.reason(ctx, waiting[0]); reason != "" {
		e.Problem += ": " + reason
	} else if said != "" {
		e.Problem += ": " + said
	}
	return e
}

// stuck returns an error if waiting longer makes no sense.
func (b *boundClient) stuck(info *resource.Info, err error) error {
	switch {
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err):
		return &Error{Object: describe(info), Problem: "cannot tell whether it is ready: " + err.Error(), Err: err}
	case info.Mapping.GroupVersionKind.Kind != "Deployment":
		return nil
	}
	deployment, err := b.clients.AppsV1().Deployments(info.Namespace).Get(b.ctx, info.Name, metav1.GetOptions{})
	if err == nil && deployment.Status.ObservedGeneration >= deployment.Generation {
		for _, condition := range deployment.Status.Conditions {
			if condition.Type == appsv1.DeploymentProgressing && condition.Reason == "ProgressDeadlineExceeded" {
				return b.overdue(info, condition.Message)
			}
		}
	}
	return nil // A request that failed is made again.
}

// overdue is the error of a rollout that Kubernetes has given up on.
func (b *boundClient) overdue(info *resource.Info, problem string) error {
	if reason := b.reason(b.ctx, info); reason != "" {
		problem = strings.TrimSuffix(problem, ".") + ": " + reason
	}
	return &Error{Object: describe(info), Problem: problem}
}

// reason says why an object is not ready, as well as its status tells.
func (b *boundClient) reason(ctx context.Context, info *resource.Info) string {
	clients := b.unbound
	switch info.Mapping.GroupVersionKind.Kind {
	case "Service":
		return "its load balancer has no address yet; does the cluster give addresses to Services of type LoadBalancer?"
	case "Deployment":
		deployment, err := clients.AppsV1().Deployments(info.Namespace).Get(ctx, info.Name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		wanted := int32(1)
		if deployment.Spec.Replicas != nil {
			wanted = *deployment.Spec.Replicas
		}
		return fmt.Sprintf("%d of %d pods are ready", deployment.Status.ReadyReplicas, wanted) + b.podProblem(ctx, info.Namespace, deployment.Spec.Selector)
	case "DaemonSet":
		daemons, err := clients.AppsV1().DaemonSets(info.Namespace).Get(ctx, info.Name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%d of %d pods are ready", daemons.Status.NumberReady, daemons.Status.DesiredNumberScheduled) + b.podProblem(ctx, info.Namespace, daemons.Spec.Selector)
	}
	return ""
}

// podProblem tells what keeps the first pod that is not ready, as "; Pod x: …".
func (b *boundClient) podProblem(ctx context.Context, namespace string, selector *metav1.LabelSelector) string {
	pods, err := b.unbound.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(selector)})
	if err != nil {
		return ""
	}
	for _, pod := range pods.Items {
		if problem := kubeclient.PodProblem(&pod); problem != "" {
			return fmt.Sprintf("; Pod %s: %s", pod.Name, problem)
		}
	}
	return ""
}

func quoted(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }
