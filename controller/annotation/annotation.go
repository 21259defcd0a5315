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
	content = structure(content)
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

// structure gives an object metadata and a spec, and moves there what stands beside them: an object may be flattened in
// part. Its labels are a field of the spec (a Mapping's labels for rate limiting); those of the object are called
// metadata_labels.
func structure(flat map[string]any) map[string]any {
	content, metadata, spec := map[string]any{}, part(flat, "metadata"), part(flat, "spec")
	for field, value := range flat {
		switch field {
		case "apiVersion", "kind", "metadata", "spec", "status":
			content[field] = value
		case "name", "namespace":
			metadata[field] = value
		case "metadata_labels":
			metadata["labels"] = value
		case "generation": // that of the object that carries the annotation counts
		default:
			spec[field] = value
		}
	}
	if _, object := content["metadata"].(map[string]any); object || content["metadata"] == nil {
		content["metadata"] = metadata
	}
	if _, object := content["spec"].(map[string]any); object || content["spec"] == nil {
		content["spec"] = spec
	}
	return content
}

// part is a copy of an object in an object, or an empty one.
func part(content map[string]any, field string) map[string]any {
	if object, ok := content[field].(map[string]any); ok {
		return maps.Clone(object)
	}
	return map[string]any{}
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
