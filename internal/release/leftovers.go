package release

import (
	"errors"
	"slices"

	"helm.sh/helm/v3/pkg/kube"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

// What a failed change may have left: Helm compares the next one with the last
// revision that was deployed, so a field or an object that only the failed one
// had would stay in the cluster for ever. Likewise it uninstalls only what the
// newest revision has.

// leftovers returns the objects of the revisions since the last one that was
// deployed, and of that one, each as the newest revision has it. It returns
// nothing when the newest revision is deployed.
func (s *session) leftovers(name string) (kube.ResourceList, error) {
	history, err := s.actions.Releases.History(name)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(history, func(a, b *helmrelease.Release) int { return b.Version - a.Version })
	if len(history) == 0 || history[0].Info.Status == helmrelease.StatusDeployed {
		return nil, nil
	}
	var all kube.ResourceList
	for _, revision := range history {
		objects, err := s.kube.buildKnown([]byte(revision.Manifest))
		if err != nil {
			return nil, err
		}
		all = union(all, objects)
		if revision.Info.Status == helmrelease.StatusDeployed || revision.Info.Status == helmrelease.StatusSuperseded {
			break
		}
	}
	return all, nil
}

// union is first, and what only second has.
func union(first, second kube.ResourceList) kube.ResourceList {
	return append(slices.Clip(first), second.Difference(first)...)
}

// Update changes the objects of a release from the original ones to the target.
func (b *boundClient) Update(original, target kube.ResourceList, force bool) (*kube.Result, error) {
	return b.Client.Update(aggregatedFirst(union(b.leftovers, original)), target, force)
}

// DeleteWithPropagationPolicy deletes the objects of a release; see deleteFailure.
func (b *boundClient) DeleteWithPropagationPolicy(objects kube.ResourceList, policy metav1.DeletionPropagation) (*kube.Result, []error) {
	result, failures := b.deleteInOrder(union(objects, b.leftovers.Filter(notKept)), policy)
	b.deleteFailure = errors.Join(failures...)
	return result, failures
}

// notKept leaves out what a chart says to keep.
func notKept(info *resource.Info) bool {
	object, err := meta.Accessor(info.Object)
	return err == nil && object.GetAnnotations()[kube.ResourcePolicyAnno] != kube.KeepPolicy
}
