package kustomization

import (
	"cmp"
	"slices"

	"helm.sh/helm/v3/pkg/releaseutil"
)

// Tiers are the stages of an apply: Namespaces and CRDs; then the rest; then what
// steps into the way of writing, such as admission webhooks, whose own objects
// must be there first.
const (
	tierFirst = iota
	tierRest
	tierLast
	tiers
)

func tierOf(o Object) int {
	switch {
	case o.is(namespaceKind), o.is(crdKind):
		return tierFirst
	case o.GroupVersionKind().Group == "admissionregistration.k8s.io", o.GroupVersionKind().Group == "apiregistration.k8s.io":
		return tierLast
	}
	return tierRest
}

// rankOf orders the kinds within a tier as Helm installs them: what others refer
// to before them. Kinds that Helm does not know are custom ones and come after
// the workloads that may serve their webhooks.
func rankOf(o Object) int {
	if i := slices.Index(releaseutil.InstallOrder, o.GetKind()); i >= 0 {
		return i
	}
	return len(releaseutil.InstallOrder)
}

func sortForApply(objects []Object) {
	slices.SortFunc(objects, func(a, b Object) int {
		return cmp.Or(
			cmp.Compare(tierOf(a), tierOf(b)),
			cmp.Compare(rankOf(a), rankOf(b)),
			cmp.Compare(a.ID(), b.ID()),
		)
	})
}

// Tiers splits objects in the order of Build into the stages in which they are
// applied. There are always three, some of them empty.
func Tiers(objects []Object) [][]Object {
	stages := make([][]Object, tiers)
	for _, o := range objects {
		stages[tierOf(o)] = append(stages[tierOf(o)], o)
	}
	return stages
}

// groups splits objects in the order of Build into those that are written at the
// same time: objects of one tier and rank.
func groups(objects []Object) [][]Object {
	var split [][]Object
	for _, o := range objects {
		last := len(split) - 1
		if last >= 0 && tierOf(split[last][0]) == tierOf(o) && rankOf(split[last][0]) == rankOf(o) {
			split[last] = append(split[last], o)
			continue
		}
		split = append(split, []Object{o})
	}
	return split
}
