// Package crds holds the CustomResourceDefinitions of getambassador.io: their
// Go types in v3alpha1, the YAML generated from those, and that YAML embedded
// and parsed for whoever installs it or derives a schema from it.
package crds

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// FS holds the generated CRDs, one file per kind: yaml/getambassador.io_<plural>.yaml.
//
//go:embed yaml/*.yaml
var FS embed.FS

// Kind names one kind of the API, as its CRD does.
type Kind struct {
	Kind     string // as in manifests: "TCPMapping"
	Plural   string // as in URLs and in the name of the CRD: "tcpmappings"
	Singular string // lower case, one word: "tcpmapping"
}

// Definitions returns every CRD, sorted by name. They are parsed once and
// shared: callers that change one must copy it first.
func Definitions() []*apiextensionsv1.CustomResourceDefinition {
	return slices.Clone(definitions())
}

// Kinds returns every kind of the API, sorted by plural.
func Kinds() []Kind {
	kinds := make([]Kind, 0, len(definitions()))
	for _, crd := range definitions() {
		names := crd.Spec.Names
		kinds = append(kinds, Kind{Kind: names.Kind, Plural: names.Plural, Singular: names.Singular})
	}
	return kinds
}

// Manifest returns the generated YAML of a CRD, such as
// "mappings.getambassador.io"; an error when there is none of that name.
func Manifest(name string) ([]byte, error) {
	plural, group, _ := strings.Cut(name, ".")
	return FS.ReadFile(path.Join("yaml", group+"_"+plural+".yaml"))
}

var definitions = sync.OnceValue(func() []*apiextensionsv1.CustomResourceDefinition {
	const dir = "yaml"
	// What is embedded was generated and tested with the binary: an error
	// here is a broken build, which no caller can do anything about.
	entries, err := FS.ReadDir(dir)
	if err != nil {
		panic(fmt.Sprintf("crds: %v", err))
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(entries))
	for _, entry := range entries {
		data, err := FS.ReadFile(path.Join(dir, entry.Name()))
		if err != nil {
			panic(fmt.Sprintf("crds: %v", err))
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, crd); err != nil {
			panic(fmt.Sprintf("crds: %s: %v", entry.Name(), err))
		}
		crds = append(crds, crd)
	}
	slices.SortFunc(crds, func(a, b *apiextensionsv1.CustomResourceDefinition) int { return cmp.Compare(a.Name, b.Name) })
	return crds
})

// Summary is a CRD in one line: its versions and a hash of what they say, such
// as "v3alpha1 sha256:0f7a1c2b3d4e". It covers what this package defines (group,
// scope, names, versions with their schemas and columns) and leaves out what
// belongs to others: conversion, short names, labels. The Summary of a CRD as
// read from a cluster is that of the definition exactly when the two agree.
func Summary(crd *apiextensionsv1.CustomResourceDefinition) string {
	names := crd.Spec.Names
	names.ShortNames = nil
	data, err := json.Marshal(apiextensionsv1.CustomResourceDefinitionSpec{
		Group:    crd.Spec.Group,
		Scope:    crd.Spec.Scope,
		Names:    names,
		Versions: crd.Spec.Versions,
	})
	if err != nil {
		// Its raw parts (enum, default) have been parsed as JSON before.
		panic(fmt.Sprintf("crds: %s: %v", crd.Name, err))
	}
	var versions []string
	for _, version := range crd.Spec.Versions {
		versions = append(versions, version.Name)
	}
	return fmt.Sprintf("%s sha256:%.6x", strings.Join(versions, ","), sha256.Sum256(data))
}
