package kube

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// typeCache holds what discovery has told of kinds. The zero value is empty. A
// kind that was not found is asked for again: its CRD may come during an apply.
type typeCache struct {
	mu    sync.Mutex
	types map[schema.GroupVersionKind]Type
}

func (t *typeCache) get(kind schema.GroupVersionKind) (Type, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.types[kind]
	return found, ok
}

func (t *typeCache) put(kind schema.GroupVersionKind, found Type) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.types == nil {
		t.types = map[schema.GroupVersionKind]Type{}
	}
	t.types[kind] = found
}

// AwaitType asks the server for the place of a kind in its API, and waits until
// the context ends for a kind that is not there yet. The name is that of the
// object it is wanted for, for messages.
func (c *Client) AwaitType(ctx context.Context, kind schema.GroupVersionKind, name string) (Type, error) {
	return c.lookUp(ctx, kind, name, true)
}

// FindType is AwaitType without the wait: it reports whether there is such a kind.
// A kind that the server does not serve although its CRD is there counts: it is
// about to, or is one of several servers that has not seen the CRD yet.
func (c *Client) FindType(ctx context.Context, kind schema.GroupVersionKind) (found Type, known bool, err error) {
	found, err = c.lookUp(ctx, kind, "of any name", false)
	if !isUnknownType(err) {
		return found, err == nil, err
	}
	for definition, err := range c.List(ctx, CRDRef("").Type, "", "") {
		if apierrors.IsForbidden(err) {
			return Type{}, false, nil
		}
		if err != nil {
			return Type{}, false, err
		}
		crd, _ := typed[CRD](definition)
		if crd != nil && crd.DeletionTimestamp == nil && crd.Spec.Group == kind.Group && crd.Spec.Names.Kind == kind.Kind {
			return Type{
				GroupVersionResource: kind.GroupVersion().WithResource(crd.Spec.Names.Plural),
				Kind:                 kind.Kind, ClusterScoped: crd.Spec.Scope == apiextensionsv1.ClusterScoped,
			}, true, nil
		}
	}
	return Type{}, false, nil
}

func (c *Client) lookUp(ctx context.Context, kind schema.GroupVersionKind, name string, mayAppear bool) (found Type, err error) {
	if found, ok := c.types.get(kind); ok {
		return found, nil
	}
	ref := Ref{Name: name, Type: Type{Kind: kind.Kind, ClusterScoped: true, GroupVersionResource: kind.GroupVersion().WithResource(kind.Kind)}}
	err = c.retry(ctx, "find the type of", ref, mayAppear, func(ctx context.Context) error {
		found, err = c.discover(ctx, kind)
		if wrong := c.confirmServer(err); wrong != nil {
			return wrong
		}
		return err
	})
	if err == nil {
		c.types.put(kind, found)
	}
	return found, err
}

// discover reads the kinds of one group and version. The discovery client has
// the same request, but without a context.
func (c *Client) discover(ctx context.Context, kind schema.GroupVersionKind) (Type, error) {
	path := "/apis/" + kind.GroupVersion().String()
	if kind.Group == "" {
		path = "/api/" + kind.Version
	}
	var list metav1.APIResourceList
	if err := c.discovery.RESTClient().Get().AbsPath(path).Do(ctx).Into(&list); err != nil {
		return Type{}, err
	}
	for _, found := range list.APIResources {
		// A subresource such as deployments/scale may have the kind of another.
		if found.Kind == kind.Kind && found.Group == "" && found.Version == "" {
			return Type{GroupVersionResource: kind.GroupVersion().WithResource(found.Name), Kind: kind.Kind, ClusterScoped: !found.Namespaced}, nil
		}
	}
	return Type{}, &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound,
		Message: fmt.Sprintf("%s has no kind %s", kind.GroupVersion(), kind.Kind),
	}}
}
