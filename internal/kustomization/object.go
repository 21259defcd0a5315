package kustomization

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/crds"
)

// Object is one object of a kustomization.
type Object struct {
	*unstructured.Unstructured
	hidden bool // as a Secret is, whatever it is
}

// ID names an object among all others: "apps/Deployment/shop/cart", without what
// it does not have, "Namespace/shop". The version is no part of it, because the
// same object can be had in several.
func (o Object) ID() string {
	id := o.GetKind() + "/"
	if group := o.GroupVersionKind().Group; group != "" {
		id = group + "/" + id
	}
	if namespace := o.GetNamespace(); namespace != "" {
		id += namespace + "/"
	}
	return id + o.GetName()
}

// String is how messages name the object: "Deployment shop/cart".
func (o Object) String() string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// YAML is the object as one document.
func (o Object) YAML() (string, error) {
	text, err := yaml.Marshal(o.Object)
	return string(text), err
}

func (o Object) is(kind schema.GroupKind) bool { return o.GroupVersionKind().GroupKind() == kind }

// IsSecret reports whether what the object holds is not to be shown.
func (o Object) IsSecret() bool { return o.hidden || o.is(secretKind) }

var (
	namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace").GroupKind()
	secretKind    = corev1.SchemeGroupVersion.WithKind("Secret").GroupKind()
	crdKind       = apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition").GroupKind()
)

// decode reads what kustomize wrote.
func decode(text []byte) (Object, error) {
	document, err := yaml.YAMLToJSON(text)
	if err != nil {
		return Object{}, err
	}
	content := map[string]any{}
	if err := json.UnmarshalCaseSensitivePreserveInts(document, &content); err != nil {
		return Object{}, err
	}
	o := Object{Unstructured: &unstructured.Unstructured{Object: content}}
	if o.is(secretKind) {
		return o, encodeStrings(o)
	}
	return o, nil
}

// encodeStrings moves the stringData of a Secret to its data, as the API server
// does. Server-side apply would not remove a key that leaves stringData.
// See https://github.com/kubernetes/kubernetes/issues/70281.
func encodeStrings(secret Object) error {
	written, found, err := unstructured.NestedStringMap(secret.Object, "stringData")
	if err != nil {
		return fmt.Errorf("stringData must be a map of texts: %w", err)
	}
	if !found {
		return nil
	}
	data, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		return fmt.Errorf("data must be a map of texts: %w", err)
	}
	if data == nil {
		data = map[string]string{}
	}
	for key, text := range written {
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	unstructured.RemoveNestedField(secret.Object, "stringData")
	return unstructured.SetNestedStringMap(secret.Object, data, "data")
}

// complete gives the objects that are in a namespace and do not say in which the
// default one, and takes it from those of cluster-scoped custom kinds, to which
// kustomize's namespace field gives one. Of kinds that neither Kubernetes nor a
// CRD among the objects defines it is not known: these stay as they are.
func complete(objects []Object, builtIn func(apiVersion, kind string) (namespaced, known bool)) {
	namespaced := map[schema.GroupKind]bool{}
	for _, kind := range crds.Definitions() {
		namespaced[schema.GroupKind{Group: kind.Spec.Group, Kind: kind.Spec.Names.Kind}] = true
	}
	for _, o := range objects {
		if o.is(crdKind) {
			group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
			kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
			scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope")
			namespaced[schema.GroupKind{Group: group, Kind: kind}] = scope == string(apiextensionsv1.NamespaceScoped)
		}
	}
	for _, o := range objects {
		inOne, known := builtIn(o.GetAPIVersion(), o.GetKind())
		if !known {
			inOne, known = namespaced[o.GroupVersionKind().GroupKind()]
		}
		switch {
		case known && !inOne:
			o.SetNamespace("")
		case inOne && o.GetNamespace() == "":
			o.SetNamespace(metav1.NamespaceDefault)
		}
	}
}

// unique refuses two objects of one name: the default namespace may be written
// out or not.
func unique(objects []Object) error {
	seen := map[string]bool{}
	for _, o := range objects {
		if seen[o.ID()] {
			return fmt.Errorf("%s is there twice: once with and once without its namespace, or in two versions of its kind", o)
		}
		seen[o.ID()] = true
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
