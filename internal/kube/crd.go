package kube

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// CRD is a CustomResourceDefinition.
type CRD = apiextensionsv1.CustomResourceDefinition

// CRDRef names a CRD, such as mappings.getambassador.io.
func CRDRef(name string) Ref {
	return Ref{Name: name, Type: Type{
		GroupVersionResource: apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"),
		Kind:                 "CustomResourceDefinition",
		ClusterScoped:        true,
	}}
}

// GetCRDs reads CRDs by name and returns those that are there.
func (c *Client) GetCRDs(ctx context.Context, names []string) ([]*CRD, error) {
	found := make([]*CRD, len(names))
	err := atOnce(names, func(i int, name string) (err error) {
		found[i], err = c.getCRD(ctx, name)
		return err
	})
	return slices.DeleteFunc(found, func(crd *CRD) bool { return crd == nil }), err
}

// getCRD reads a CRD; nil when there is none of that name.
func (c *Client) getCRD(ctx context.Context, name string) (*CRD, error) {
	object, err := c.Get(ctx, CRDRef(name))
	if err != nil || object == nil {
		return nil, err
	}
	crd := &CRD{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, crd); err != nil {
		return nil, fmt.Errorf("CustomResourceDefinition %s on %s cannot be read: %w", name, c.Server(), err)
	}
	return crd, nil
}

// atOnce calls the function for every name at the same time, because each call
// is a matter of waiting, and returns the first error in the order of names:
// most often all are the same.
func atOnce(names []string, call func(i int, name string) error) error {
	failures := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { failures[i] = call(i, name) })
	}
	all.Wait()
	return cmp.Or(failures...)
}

// ApplyCRDs writes CRDs with server-side apply and returns when the API server
// serves all of them. Those that are there already, whoever made them, are
// taken over: what they set differently is overwritten. Their spec.conversion
// stays with whoever set it, since definitions do not have one. Nothing is
// written when one of them holds objects in a version that its definition does
// not have.
func (c *Client) ApplyCRDs(ctx context.Context, definitions []*CRD) error {
	for _, definition := range definitions {
		if err := c.checkStoredVersions(ctx, definition); err != nil {
			return err
		}
	}
	for _, definition := range definitions {
		if err := c.applyCRD(ctx, definition); err != nil {
			return err
		}
	}
	for _, definition := range definitions {
		if err := c.waitEstablished(ctx, definition); err != nil {
			return err
		}
	}
	return nil
}

// checkStoredVersions explains beforehand what the API server would refuse:
// dropping a version that objects are stored in would lose them.
func (c *Client) checkStoredVersions(ctx context.Context, definition *CRD) error {
	live, err := c.getCRD(ctx, definition.Name)
	if err != nil || live == nil {
		return err
	}
	var lost []string
	for _, stored := range live.Status.StoredVersions {
		if !slices.ContainsFunc(definition.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == stored }) {
			lost = append(lost, stored)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return &Error{
		Verb: "apply", Object: CRDRef(definition.Name).String(), Server: c.Server(),
		Problem: fmt.Sprintf("it may hold objects that are stored as %s (status.storedVersions), which its new definition does not have", strings.Join(lost, " and ")),
		Advice: fmt.Sprintf("Migrate them first: make %s the storage version, write every %s back as it is, and take %s out of status.storedVersions.",
			definition.Spec.Versions[0].Name, definition.Spec.Names.Kind, strings.Join(lost, " and ")),
	}
}

func (c *Client) applyCRD(ctx context.Context, definition *CRD) error {
	manifest, err := runtime.DefaultUnstructuredConverter.ToUnstructured(definition)
	if err != nil {
		return fmt.Errorf("%s: %w", CRDRef(definition.Name), err)
	}
	unstructured.RemoveNestedField(manifest, "status")
	unstructured.RemoveNestedField(manifest, "metadata", "creationTimestamp")
	force := true
	_, err = c.Apply(ctx, CRDRef(definition.Name), manifest, ApplyOptions{Force: &force})
	return err
}

// waitEstablished returns when the API server serves the kind. A CRD that was
// being deleted is applied again once it is gone.
func (c *Client) waitEstablished(ctx context.Context, definition *CRD) error {
	wait := firstPause
	for {
		live, err := c.getCRD(ctx, definition.Name)
		switch {
		case err != nil:
			return err
		case live == nil:
			err = c.applyCRD(ctx, definition)
		case live.DeletionTimestamp == nil && isTrue(live, apiextensionsv1.Established) && isTrue(live, apiextensionsv1.NamesAccepted):
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return &Error{Verb: "apply", Object: CRDRef(definition.Name).String(), Server: c.Server(), Err: ctx.Err(),
				Problem: "the API server has it but does not serve it yet: " + notEstablished(live)}
		case <-time.After(wait):
		}
		wait = min(2*wait, longestPause)
	}
}

// WaitStored returns when the API server writes objects of the CRD in the
// version: for a moment after the CRD has changed, it still has the one before.
// Discovery tells by a hash, which is known to be of group, version and kind.
func (c *Client) WaitStored(ctx context.Context, crd *CRD, version string) error {
	hash := sha256.Sum256([]byte(crd.Spec.Group + "/" + version + "/" + crd.Spec.Names.Kind))
	wanted := base64.StdEncoding.EncodeToString(hash[:8])
	ref := CRDRef(crd.Name)
	for {
		var stored bool
		err := c.retry(ctx, "read", ref, true, func(context.Context) error {
			served, err := c.discovery.ServerResourcesForGroupVersion(crd.Spec.Group + "/" + version)
			if err == nil {
				stored = slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool {
					return r.Name == crd.Spec.Names.Plural && r.StorageVersionHash == wanted
				})
			}
			return err
		})
		if err != nil || stored {
			return err
		}
		if pause(ctx, firstPause); ctx.Err() != nil {
			return &Error{Verb: "apply", Object: ref.String(), Server: c.Server(), Err: ctx.Err(),
				Problem: "the API server does not store its objects as " + version + " yet"}
		}
	}
}

func isTrue(crd *CRD, condition apiextensionsv1.CustomResourceDefinitionConditionType) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == condition && c.Status == apiextensionsv1.ConditionTrue
	})
}

// notEstablished says in the API server's words why a CRD is not served.
func notEstablished(crd *CRD) string {
	if crd == nil {
		return "it was deleted meanwhile"
	}
	if crd.DeletionTimestamp != nil {
		return "it is being deleted, with the objects of its kind"
	}
	for _, condition := range crd.Status.Conditions {
		if condition.Status == apiextensionsv1.ConditionFalse {
			return fmt.Sprintf("%s is False, %s", condition.Type, condition.Message)
		}
	}
	return "it has not reported on it"
}

// DeleteCRDs deletes CRDs, and with them every object of their kinds in the
// whole cluster, and waits until they are gone. Those that are gone already are
// deleted.
func (c *Client) DeleteCRDs(ctx context.Context, names []string) error {
	return atOnce(names, func(_ int, name string) error { return c.Delete(ctx, CRDRef(name)) })
}

// AnyObject returns the name of one object of the kind, in any namespace, as
// namespace/name; the empty string when there is none, or no such kind.
func (c *Client) AnyObject(ctx context.Context, crd *CRD) (string, error) {
	resource := schema.GroupVersionResource{Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Resource: crd.Spec.Names.Plural}
	ref := Ref{Name: "of any name", Type: Type{GroupVersionResource: resource, Kind: crd.Spec.Names.Kind, ClusterScoped: true}}
	found := ""
	err := c.retry(ctx, "list", ref, false, func(ctx context.Context) error {
		list, err := c.dynamic.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) {
			return c.confirmGone(ctx, ref, err)
		}
		if err == nil && len(list.Items) > 0 {
			found = list.Items[0].GetNamespace() + "/" + list.Items[0].GetName()
		}
		return err
	})
	return found, err
}
