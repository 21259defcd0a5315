package release

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/releaseutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
)

// boundClient is Helm's Kubernetes client with waits that end with the context
// of the operation and say what they waited for, and with errors kept that Helm
// drops.
type boundClient struct {
	*kube.Client
	ctx context.Context
	// clients end with the operation; unbound ones can still ask what went wrong.
	clients, unbound kubernetes.Interface

	// skipUnknownKinds leaves out objects of kinds the server does not know: when
	// the CRD is gone, so are they.
	skipUnknownKinds bool
	// leftovers are what failed changes left, to be changed or deleted too.
	leftovers kube.ResourceList
	// deleteFailure is why objects could not be deleted.
	deleteFailure error
}

// Build turns manifests into objects of the server. It looks for unknown kinds
// first: to validate, it must download the whole schema of the server.
func (b *boundClient) Build(reader io.Reader, validate bool) (kube.ResourceList, error) {
	manifests, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	objects, err := b.Client.Build(bytes.NewReader(manifests), false)
	missing := asMissingKind(err)
	switch {
	case missing != nil && b.skipUnknownKinds:
		return b.buildKnown(manifests)
	case missing != nil:
		return nil, missing
	case err == nil && validate:
		return b.Client.Build(bytes.NewReader(manifests), true)
	default:
		return objects, err
	}
}

// buildKnown builds the manifests one by one, without those of unknown kinds.
func (b *boundClient) buildKnown(manifests []byte) (kube.ResourceList, error) {
	split := releaseutil.SplitManifests(string(manifests))
	var names []string
	for name := range split {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, c string) int {
		if releaseutil.BySplitManifestsOrder([]string{a, c}).Less(0, 1) {
			return -1
		}
		return 1
	})
	var known kube.ResourceList
	for _, name := range names {
		objects, err := b.Client.Build(bytes.NewReader([]byte(split[name])), false)
		if asMissingKind(err) != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		known = append(known, objects...)
	}
	return known, nil
}

// Wait returns when the objects are ready.
func (b *boundClient) Wait(objects kube.ResourceList, _ time.Duration) error {
	return b.waitReady(objects, false)
}

// WaitWithJobs returns when the objects are ready and the Jobs complete.
func (b *boundClient) WaitWithJobs(objects kube.ResourceList, _ time.Duration) error {
	return b.waitReady(objects, true)
}

// WaitForDelete returns when the objects are gone.
func (b *boundClient) WaitForDelete(objects kube.ResourceList, _ time.Duration) error {
	left := slices.Clone(objects)
	err := poll(b.ctx, func() (bool, error) {
		for len(left) > 0 {
			err := left[0].Get()
			switch {
			case apierrors.IsNotFound(err):
				left = left[1:]
			case b.ctx.Err() != nil:
				return false, context.Cause(b.ctx)
			case err == nil && isAggregated(left[0]):
				// It came back: see aggregatedFirst.
				_, failures := b.Client.DeleteWithPropagationPolicy(left[:1], metav1.DeletePropagationBackground)
				return false, errors.Join(failures...)
			default:
				return false, err
			}
		}
		return true, nil
	})
	if err == nil || b.ctx.Err() == nil {
		return err
	}
	e := &Error{Object: describe(left[0]), Problem: "it is still there", Err: err}
	if object, accessErr := meta.Accessor(left[0].Object); accessErr == nil && len(object.GetFinalizers()) > 0 {
		e.Problem = "it is held by the finalizers " + quoted(object.GetFinalizers())
		e.Advice = "What set them must remove them; is its controller running?"
	}
	b.deleteFailure = e
	return e
}

// describe names an object as messages do: "Deployment emissary/gateway".
func describe(info *resource.Info) string {
	kind := info.Mapping.GroupVersionKind.Kind
	if info.Namespaced() {
		return kind + " " + info.Namespace + "/" + info.Name
	}
	return kind + " " + info.Name
}
