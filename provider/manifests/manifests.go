// Package manifests owns Kubernetes manifests as plain values, as YAML and Terraform have them: reading them strictly,
// checking them, and writing them.
package manifests

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/convert"
)

// Decode reads the objects of all documents. Errors say which document they are about when there are several.
func Decode(text string) ([]any, error) {
	documents := manifest.Split([]byte(text))
	objects := []any{}
	for i, document := range documents {
		found, err := decodeDocument(document)
		if err != nil && len(documents) > 1 {
			err = fmt.Errorf("document %d: %w", i+1, err)
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func decodeDocument(document []byte) ([]any, error) {
	json, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read as YAML: %w", err)
	}
	var content any
	if err := utilyaml.Unmarshal(json, &content); err != nil {
		return nil, err
	}
	object, err := Object(content)
	if err != nil {
		return nil, err
	}
	if u := (&unstructured.Unstructured{Object: object}); !u.IsList() {
		return []any{object}, Check(object)
	}
	items, _ := object["items"].([]any)
	for i, item := range items {
		object, err := Object(item)
		if err == nil {
			err = Check(object)
		}
		if err != nil {
			return nil, fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return items, nil
}

// In are the objects in an argument that is an object or a list of objects.
func In(value any) ([]map[string]any, error) {
	list, several := value.([]any)
	if !several {
		list = []any{value}
	}
	objects := make([]map[string]any, len(list))
	for i, item := range list {
		object, err := Object(item)
		if err == nil {
			err = Check(object)
		}
		if err != nil && several {
			err = fmt.Errorf("element %d: %w", i, err)
		}
		if err != nil {
			return nil, err
		}
		objects[i] = object
	}
	return objects, nil
}

// Check refuses what is no object, and what the API server would refuse of a kind of getambassador.io, or would
// drop without a word.
func Check(object map[string]any) error {
	u := &unstructured.Unstructured{Object: object}
	if u.GetAPIVersion() == "" || u.GetKind() == "" {
		return fmt.Errorf("apiVersion is %s and kind is %s: a Kubernetes object has both", Describe(object["apiVersion"]), Describe(object["kind"]))
	}
	if u.GroupVersionKind().Group != convert.Group {
		return nil
	}
	if !convert.Known(u.GetAPIVersion()) {
		return fmt.Errorf("apiVersion: %q is not known: use %s/%s; v1 and v2 are read too", u.GetAPIVersion(), convert.Group, convert.Version)
	}
	decoded, _, err := manifest.DecodeObject(runtime.DeepCopyJSON(object)) // which completes the object
	switch {
	case err != nil:
		return err
	case decoded.Err != nil:
		return fmt.Errorf("%s: %w", decoded.Ref, decoded.Err)
	case len(decoded.Unknown) > 0:
		return fmt.Errorf("%s: the kind has no field %s: correct its name or remove it", decoded.Ref, strings.Join(decoded.Unknown, ", "))
	}
	return nil
}

// Encode writes objects as YAML documents, without the members of objects that are null.
func Encode(objects []map[string]any) (string, error) {
	var text strings.Builder
	for i, object := range objects {
		if i > 0 {
			text.WriteString("---\n")
		}
		document, err := yaml.Marshal(withoutNulls(object))
		if err != nil {
			return "", err
		}
		text.Write(document)
	}
	return text.String(), nil
}

// withoutNulls leaves out the members of objects that are null, which is how configuration says that there is none.
func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := make(map[string]any, len(value))
		for name, member := range value {
			if member != nil {
				object[name] = withoutNulls(member)
			}
		}
		return object
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = withoutNulls(element)
		}
		return list
	default:
		return value
	}
}

// Object is the object that an argument must be.
func Object(value any) (map[string]any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it is %s: an object with apiVersion, kind and metadata is wanted", Describe(value))
	}
	return object, nil
}

// Describe renders a value that is not what is wanted.
func Describe(value any) string {
	switch value := value.(type) {
	case nil:
		return "missing"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the text %.80q", value)
	default:
		return fmt.Sprint(value)
	}
}
