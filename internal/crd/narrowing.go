package crd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/crds/validation"
	"terraform-provider-emissary/internal/kube"
)

// namedObjects is how many objects a message names.
const namedObjects = 5

// Harm is what a change of one kind does to objects that there are.
type Harm struct {
	// Kind is that of the objects.
	Kind string
	// Lost are objects with fields that go: "shop/cart loses spec.retry".
	Lost []string
	// Refused are objects that the API server would refuse afterwards, with its
	// reason.
	Refused []string
	// Clients are objects that someone writes in a version that goes:
	// "shop/cart is written as v2 by kubectl".
	Clients []string
}

func (h Harm) any() bool { return len(h.Lost)+len(h.Refused)+len(h.Clients) > 0 }

// String counts the objects and names the first of them.
func (h Harm) String() string {
	var parts []string
	for _, list := range [][]string{h.Lost, h.Refused, h.Clients} {
		if len(list) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", len(list), h.Kind, strings.Join(list[:min(len(list), namedObjects)], "; ")))
			if more := len(list) - namedObjects; more > 0 {
				parts[len(parts)-1] += fmt.Sprintf("; and %d more", more)
			}
		}
	}
	return strings.Join(parts, ". ")
}

// harmOf looks at every object of a kind where its CRD takes something away.
// Without a change that narrows it reads none.
func harmOf(ctx context.Context, client *kube.Client, live, definition *kube.CRD) (Harm, error) {
	harm := Harm{Kind: definition.Spec.Names.Kind}
	changes := Compare(live, definition)
	var gone []string
	narrows := false
	for _, change := range changes {
		if change.Gone && versions(live)[change.Version].Served {
			gone = append(gone, live.Spec.Group+"/"+change.Version)
		}
		narrows = narrows || change.Version == definition.Spec.Versions[0].Name && change.Narrows()
	}
	if !narrows && len(gone) == 0 || dangling(ctx, client, live) {
		return harm, nil
	}
	before, after, err := validators(live, definition)
	if err != nil {
		return harm, err
	}
	at := TypeOf(definition)
	if _, served := versions(live)[at.Version]; !served {
		at.Version = live.Spec.Versions[0].Name
		before = nil
	}
	for object, err := range client.List(ctx, at, "", "") {
		if apierrors.IsNotFound(err) {
			return harm, nil // Not served at all.
		}
		if err != nil {
			return harm, err
		}
		harm.see(object, before, after, gone)
	}
	return harm, nil
}

// see notes what becomes of one object. Before is nil where the object has to be
// converted, which checks it on its way.
func (h *Harm) see(object *unstructured.Unstructured, before, after *validation.Validator, gone []string) {
	name := object.GetNamespace() + "/" + object.GetName()
	if clients := writers(object, gone); len(clients) > 0 {
		h.Clients = append(h.Clients, name+" is written as "+strings.Join(clients, ", "))
	}
	if before == nil {
		return
	}
	now := before.Validate(object.DeepCopy())
	lost, then := after.Admit(object.DeepCopy())
	if lost = withoutStatus(lost); len(lost) > 0 {
		h.Lost = append(h.Lost, name+" loses "+first(lost, namedFields))
	}
	if len(now) == 0 && len(then) > 0 {
		h.Refused = append(h.Refused, name+" would be refused: "+then[0].Error())
	}
}

// withoutStatus leaves out what a controller writes again.
func withoutStatus(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool { return path == "status" || strings.HasPrefix(path, "status.") })
}

// writers lists who writes an object in one of the API versions: "v2 by kubectl".
func writers(object *unstructured.Unstructured, apiVersions []string) (list []string) {
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" && slices.Contains(apiVersions, entry.APIVersion) {
			_, version, _ := strings.Cut(entry.APIVersion, "/")
			list = append(list, version+" by "+entry.Manager)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// validators check objects against the same version as it is and as it shall
// be; the first is nil where the live CRD does not have it.
func validators(live, definition *kube.CRD) (before, after *validation.Validator, err error) {
	if after, err = validation.New(definition); err != nil {
		return nil, nil, err
	}
	version, ok := versions(live)[definition.Spec.Versions[0].Name]
	if !ok {
		return nil, after, nil
	}
	only := live.DeepCopy()
	only.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{version}
	before, err = validation.New(only)
	return before, after, err
}

// TypeOf is the kind in the first version of its CRD.
func TypeOf(definition *kube.CRD) kube.Type {
	return typeAt(definition, definition.Spec.Versions[0].Name)
}

func typeAt(crd *kube.CRD, version string) kube.Type {
	t := kube.Type{Kind: crd.Spec.Names.Kind, ClusterScoped: crd.Spec.Scope == apiextensionsv1.ClusterScoped}
	t.Group, t.Version, t.Resource = crd.Spec.Group, version, crd.Spec.Names.Plural
	return t
}
