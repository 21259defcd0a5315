// Package annotation reads the getambassador.io objects that installations from before custom resources, and charts that
// want no custom resources, keep in the annotation getambassador.io/config of a Service or an Ingress. It is pure.
//
// The annotation holds YAML documents. Each is an object in the usual form, or flattened: name, namespace,
// metadata_labels and ambassador_id beside apiVersion and kind, and the fields of the spec as well. What a document does
// not say of namespace and labels it has from the object that carries it. Every version of the API will do.
package annotation

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/convert"
)

// Key is the annotation.
const Key = "getambassador.io/config"

// Objects returns the objects in the annotation of parent, those whose content is wrong with their Err. Problems are
// the documents that cannot be read, so that nobody can tell which objects they are about.
func Objects(parent metav1.Object) (objects []manifest.Object, problems []error) {
	for i, raw := range manifest.Split([]byte(parent.GetAnnotations()[Key])) {
		source := fmt.Sprintf("%s, document %d", Key, i+1)
		object, err := decode(raw, parent)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", source, err))
			continue
		}
		object.Source = source
		if object.Object != nil {
			object.Object.SetGeneration(parent.GetGeneration())
		}
		objects = append(objects, object)
	}
	return objects, problems
}

func decode(raw []byte, parent metav1.Object) (manifest.Object, error) {
	var content map[string]any
	if err := yaml.UnmarshalStrict(raw, &content); err != nil {
		return manifest.Object{}, fmt.Errorf("not readable as a YAML object: %w", err)
	}
	apiVersion, _ := content["apiVersion"].(string)
	if !convert.Known(apiVersion) {
		_, err := convert.ToV3alpha1(content)
		return manifest.Object{}, err
	}
	if _, structured := content["metadata"]; !structured {
		content = structure(content)
	}
	if err := inherit(content, parent); err != nil {
		return manifest.Object{}, err
	}
	_, version, _ := strings.Cut(apiVersion, "/")
	content["apiVersion"] = convert.Group + "/" + version // "ambassador/v2" is the same under an older name
	object, wanted, err := manifest.DecodeObject(content)
	if err == nil && !wanted {
		err = fmt.Errorf("kind: %v cannot be configured by annotation", content["kind"])
	}
	return object, err
}

// structure gives a flattened object metadata and a spec. Its labels are a field of the spec (a Mapping's labels for
// rate limiting); those of the object are called metadata_labels.
func structure(flat map[string]any) map[string]any {
	spec := maps.Clone(flat)
	metadata := map[string]any{}
	for field, name := range map[string]string{"name": "name", "namespace": "namespace", "metadata_labels": "labels"} {
		if value, ok := spec[field]; ok {
			metadata[name] = value
			delete(spec, field)
		}
	}
	for _, field := range []string{"apiVersion", "kind", "generation"} {
		delete(spec, field)
	}
	return map[string]any{"apiVersion": flat["apiVersion"], "kind": flat["kind"], "metadata": metadata, "spec": spec}
}

// inherit fills in what the object does not say itself.
func inherit(content map[string]any, parent metav1.Object) error {
	metadata, ok := content["metadata"].(map[string]any)
	if !ok {
		return errors.New("metadata: an object is wanted")
	}
	if metadata["namespace"] == nil || metadata["namespace"] == "" {
		metadata["namespace"] = parent.GetNamespace()
	}
	if metadata["labels"] == nil && len(parent.GetLabels()) > 0 {
		labels := map[string]any{}
		for name, value := range parent.GetLabels() {
			labels[name] = value
		}
		metadata["labels"] = labels
	}
	return nil
}
