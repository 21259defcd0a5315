package release

import (
	"helm.sh/helm/v3/pkg/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

// aggregatedFirst puts ClusterRoles whose rules are gathered from others before all
// else. Deleted after the others, such a role may come back: the control plane
// applies the rules that are left, and an apply makes what is not there.
func aggregatedFirst(objects kube.ResourceList) kube.ResourceList {
	aggregated := objects.Filter(isAggregated)
	return append(aggregated, objects.Difference(aggregated)...)
}

// deleteInOrder deletes aggregated ClusterRoles, and then all else at once.
func (b *boundClient) deleteInOrder(objects kube.ResourceList, policy metav1.DeletionPropagation) (*kube.Result, []error) {
	aggregated := objects.Filter(isAggregated)
	if len(aggregated) == 0 {
		return b.Client.DeleteWithPropagationPolicy(objects, policy)
	}
	// They own nothing that would have to go before them.
	_, failures := b.Client.DeleteWithPropagationPolicy(aggregated, metav1.DeletePropagationBackground)
	others := objects.Difference(aggregated)
	if len(others) == 0 {
		return &kube.Result{}, failures
	}
	result, more := b.Client.DeleteWithPropagationPolicy(others, policy)
	return result, append(failures, more...)
}

func isAggregated(info *resource.Info) bool {
	if info.Mapping.GroupVersionKind.Kind != "ClusterRole" {
		return false
	}
	role, err := content(info.Object)
	return err == nil && role["aggregationRule"] != nil
}
