package crd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"terraform-provider-emissary/internal/kube"
	"terraform-provider-emissary/internal/release"
)

// What tools leave on the objects they manage.
const (
	helmName      = "meta.helm.sh/release-name"
	helmNamespace = "meta.helm.sh/release-namespace"
	// helmKeep makes Helm leave the object when its release does not render it
	// any more.
	helmKeep = "helm.sh/resource-policy"

	argoTracking = "argocd.argoproj.io/tracking-id"
	// argoInstance is what Argo CD tracks objects by unless told otherwise. Many
	// charts set the label too, so it counts only with an Application of the name.
	argoInstance = "app.kubernetes.io/instance"
)

var (
	applications   = kube.Type{GroupVersionResource: schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}, Kind: "Application"}
	kustomizations = kube.Type{GroupVersionResource: schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}, Kind: "Kustomization"}
	helmReleases   = kube.Type{GroupVersionResource: schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}, Kind: "HelmRelease"}
)

// Owner names who manages a CRD in a cluster and would write it again, such as
// "the Helm release emissary/emissary-crds"; it is empty when nobody does. A
// mark that a tool has left counts only while what it names is there and still
// has the CRD. Where that cannot be found out because it is forbidden, the mark
// is believed.
func Owner(ctx context.Context, client *kube.Client, crd *kube.CRD) (string, error) {
	for _, find := range []func(context.Context, *kube.Client, *kube.CRD) (string, error){helmOwner, argoOwner, fluxOwner} {
		if owner, err := find(ctx, client, crd); owner != "" || err != nil {
			return owner, err
		}
	}
	return "", nil
}

// helmOwner asks the release whether it renders the CRD: one that was removed,
// or that has dropped the CRD with a policy to keep it, leaves its mark.
func helmOwner(ctx context.Context, client *kube.Client, crd *kube.CRD) (string, error) {
	ref := release.Ref{Namespace: crd.Annotations[helmNamespace], Name: crd.Annotations[helmName]}
	if ref.Name == "" || ref.Namespace == "" {
		return "", nil
	}
	owner := "the Helm release " + ref.String()
	renders, err := release.New(client, nil).Renders(ctx, ref, "CustomResourceDefinition", crd.Name)
	switch {
	case apierrors.IsForbidden(err):
		return owner + " (reading it is forbidden)", nil
	case errors.Is(err, release.ErrNotFound) || err == nil && !renders:
		return "", nil
	case err != nil:
		return "", err
	}
	return owner, nil
}

// argoOwner looks for an Application that tracks the CRD, in any namespace:
// where Argo CD runs, and whether it has Applications elsewhere, is not known.
func argoOwner(ctx context.Context, client *kube.Client, crd *kube.CRD) (string, error) {
	name, tracked := argoApplication(crd)
	if name == "" {
		return "", nil
	}
	for object, err := range client.List(ctx, applications, "", "") {
		switch {
		case apierrors.IsForbidden(err) && tracked:
			return "the Argo CD Application " + name + " (reading it is forbidden)", nil
		case apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
			return "", nil
		case err != nil:
			return "", err
		}
		// In namespaces other than its own, Argo CD tracks by <namespace>_<name>.
		if name == object.GetName() || name == object.GetNamespace()+"_"+object.GetName() {
			return "the Argo CD Application " + object.GetNamespace() + "/" + object.GetName(), nil
		}
	}
	return "", nil
}

// argoApplication is the Application that the CRD's marks name, and whether
// the mark is one that only Argo CD sets.
func argoApplication(crd *kube.CRD) (name string, tracked bool) {
	// <application>:<group>/<kind>:<namespace>/<name>; a copy of another object's
	// tracks nothing.
	if parts := strings.SplitN(crd.Annotations[argoTracking], ":", 3); len(parts) == 3 {
		if strings.HasSuffix(parts[1], "/CustomResourceDefinition") && strings.HasSuffix(parts[2], "/"+crd.Name) {
			return parts[0], true
		}
	}
	return crd.Labels[argoInstance], false
}

// fluxOwner looks for the Kustomization or HelmRelease that the labels name.
func fluxOwner(ctx context.Context, client *kube.Client, crd *kube.CRD) (string, error) {
	for _, t := range []kube.Type{kustomizations, helmReleases} {
		// Both label with their API group.
		ref := kube.Ref{Type: t, Namespace: crd.Labels[t.Group+"/namespace"], Name: crd.Labels[t.Group+"/name"]}
		if ref.Name == "" || ref.Namespace == "" {
			continue
		}
		object, err := client.Get(ctx, ref)
		switch {
		case apierrors.IsForbidden(err):
			return "the Flux " + ref.String() + " (reading it is forbidden)", nil
		case err != nil:
			return "", err
		case object != nil:
			return "the Flux " + ref.String(), nil
		}
	}
	return "", nil
}

// checkOwners refuses CRDs that others would write again, naming each owner
// once.
func checkOwners(ctx context.Context, client *kube.Client, live []*kube.CRD) error {
	owned := map[string][]string{}
	for _, crd := range live {
		owner, err := Owner(ctx, client, crd)
		if err != nil {
			return fmt.Errorf("cannot find out who manages CustomResourceDefinition %s: %w", crd.Name, err)
		}
		if owner != "" {
			owned[owner] = append(owned[owner], crd.Name)
		}
	}
	if len(owned) == 0 {
		return nil
	}
	var list []string
	for _, owner := range slices.Sorted(maps.Keys(owned)) {
		list = append(list, fmt.Sprintf("%s manages %s", owner, first(owned[owner], namedObjects)))
	}
	return fmt.Errorf("on %s, %s. Both would change them for ever, and where that owner deletes them, all objects of their kinds are lost. "+
		"Take the CRDs out of it first, or leave them to it and remove this resource; take_ownership = true takes them over all the same",
		client.Server(), strings.Join(list, "; "))
}
