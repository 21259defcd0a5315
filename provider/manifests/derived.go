package manifests

import (
	"cmp"
	"errors"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
)

// OfIngress are the Hosts and Mappings of an Ingress. The port function finds the number of a port that a backend names.
func OfIngress(decoded *networkingv1.Ingress, port ingress.Port) ([]map[string]any, error) {
	if decoded.Name == "" {
		return nil, errors.New("metadata.name is empty: what the Ingress becomes is named after it")
	}
	decoded.Namespace = cmp.Or(decoded.Namespace, manifest.DefaultNamespace)
	objects := []map[string]any{}
	for _, made := range ingress.Translate(decoded, port) {
		if made.Err != nil {
			return nil, made.Err
		}
		content, err := Content(made.Object)
		if err != nil {
			return nil, err
		}
		objects = append(objects, content)
	}
	return objects, nil
}

// Content is a typed object as its manifest has it: without status, and without what it counts of the object that it
// was made from.
func Content(object v3alpha1.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "metadata", "generation")
	delete(content, "status")
	content["apiVersion"], content["kind"] = v3alpha1.GroupVersion.String(), store.RefOf(object).Kind
	return content, nil
}
