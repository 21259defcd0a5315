package release

import (
	"context"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"

	kubeclient "terraform-provider-emissary/internal/kube"
)

// WatchUntilReady returns when the hooks have done their work: Jobs and Pods that
// have ended well, and anything else at once. Helm's own watch goes on for as long
// as its timeout says, whatever becomes of the operation.
func (b *boundClient) WatchUntilReady(hooks kube.ResourceList, _ time.Duration) error {
	for _, hook := range hooks {
		err := poll(b.ctx, func() (bool, error) { return b.hookDone(hook) })
		if err == nil {
			continue
		}
		if b.ctx.Err() != nil {
			return &Error{Object: describe(hook), Problem: "the hook has not completed", Err: context.Cause(b.ctx)}
		}
		return err
	}
	return nil
}

func (b *boundClient) hookDone(hook *resource.Info) (done bool, err error) {
	switch hook.Mapping.GroupVersionKind.GroupKind() {
	case batchv1.SchemeGroupVersion.WithKind("Job").GroupKind():
		job, err := b.clients.BatchV1().Jobs(hook.Namespace).Get(b.ctx, hook.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range job.Status.Conditions {
			if condition.Status != corev1.ConditionTrue {
				continue
			}
			switch condition.Type {
			case batchv1.JobComplete:
				return true, nil
			case batchv1.JobFailed:
				return false, &Error{Object: describe(hook), Problem: "the hook failed, " + condition.Reason + ": " + condition.Message}
			}
		}
		return false, nil
	case corev1.SchemeGroupVersion.WithKind("Pod").GroupKind():
		pod, err := b.clients.CoreV1().Pods(hook.Namespace).Get(b.ctx, hook.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if pod.Status.Phase == corev1.PodFailed {
			return false, &Error{Object: describe(hook), Problem: "the hook failed: " + kubeclient.PodProblem(pod)}
		}
		return pod.Status.Phase == corev1.PodSucceeded, nil
	default:
		return true, nil
	}
}
