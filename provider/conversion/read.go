package conversion

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/annotation"
	"terraform-provider-emissary/controller/watch/manifest"
)

// read returns the objects of all sources, those in Lists one by one, and says which documents hold none, such as the
// values file in a folder of manifests. It is strict: what is no YAML is an error, and so is a key that is there twice.
func (c *converter) read(sources []Source) ([]map[string]any, error) {
	var items []map[string]any
	for _, source := range sources {
		for i, document := range manifest.Split(source.Data) {
			at := fmt.Sprintf("%s, document %d", source.Name, i+1)
			json, err := yaml.YAMLToJSONStrict(document)
			if err != nil {
				return nil, fmt.Errorf("%s: it cannot be read as YAML: %w", at, err)
			}
			var content any
			if err := utilyaml.Unmarshal(json, &content); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
			items = append(items, c.unpack(content, at)...)
		}
	}
	if len(items) == 0 {
		return nil, errors.New("there is no object to convert")
	}
	for _, item := range items {
		complete(item, c.options.Namespace)
	}
	return items, nil
}

// unpack returns an object, or the items of a List of any depth.
func (c *converter) unpack(content any, at string) []map[string]any {
	object, ok := content.(map[string]any)
	u := &unstructured.Unstructured{Object: object}
	switch {
	case u.GroupVersionKind().Group == "kustomize.config.k8s.io":
		c.tell(Note, at, "it is left out: a "+u.GetKind()+" is for kustomize, and no object")
		return nil
	case !ok || u.GetAPIVersion() == "" || u.GetKind() == "":
		c.tell(Error, at, "it is left out: a Kubernetes object has apiVersion and kind")
		return nil
	case !u.IsList() && u.GetName() == "":
		c.tell(Error, at, "it is left out: the "+u.GetKind()+" has no metadata.name")
		return nil
	case !u.IsList():
		return []map[string]any{object}
	}
	list, _ := object["items"].([]any)
	var items []map[string]any
	for i, item := range list {
		items = append(items, c.unpack(item, fmt.Sprintf("%s, items[%d]", at, i))...)
	}
	return items
}

// complete gives an object the namespace that kubectl would, where that matters to us.
func complete(item map[string]any, namespace string) {
	u := &unstructured.Unstructured{Object: item}
	if (isOurs(u.GroupVersionKind().Group) || isIngress(u) || isService(u)) && u.GetNamespace() == "" {
		u.SetNamespace(namespace)
	}
}

// clean returns a copy of an object without what only the API server writes, and without the copy that kubectl apply
// leaves in it.
func clean(item map[string]any) map[string]any {
	u := (&unstructured.Unstructured{Object: item}).DeepCopy()
	delete(u.Object, "status")
	metadata, _ := u.Object["metadata"].(map[string]any)
	for name := range metadata {
		if isServers(name) {
			delete(metadata, name)
		}
	}
	removeAnnotation(u, lastApplied)
	return u.Object
}

// lastApplied is the annotation in which kubectl apply keeps what it has applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func removeAnnotation(u *unstructured.Unstructured, name string) {
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", name)
	if len(u.GetAnnotations()) == 0 {
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations")
	}
}

// isServers reports whether a field of an object's metadata is written by the API server alone.
func isServers(name string) bool {
	switch name {
	case "creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid":
		return true
	}
	return false
}

// nameOf is how messages name an object.
func nameOf(item map[string]any) string {
	u := &unstructured.Unstructured{Object: item}
	if u.GetNamespace() == "" {
		return u.GetKind() + " " + u.GetName()
	}
	return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}

func isService(u *unstructured.Unstructured) bool {
	return u.GetKind() == "Service" && u.GroupVersionKind().Group == ""
}

// isIngress reports whether an object is an Ingress of Kubernetes: others have kinds of that name, too.
func isIngress(u *unstructured.Unstructured) bool {
	group := u.GroupVersionKind().Group
	return u.GetKind() == "Ingress" && (group == "networking.k8s.io" || group == "extensions")
}

// carries reports whether an object may have others in its annotation.
func carries(u *unstructured.Unstructured) bool { return u.GetAnnotations()[annotation.Key] != "" }
