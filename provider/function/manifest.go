package function

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/convert"
)

// strictness is what the functions that read manifests have in common.
const strictness = "\n\nThis is strict: a key that is there twice is an error, and an object of `getambassador.io` (`v1`, `v2` or `v3alpha1`) " +
	"must be one that the API server accepts, with no field that its kind does not have."

var manifestDecode = &adaptor{
	name: "manifest_decode",
	definition: function.Definition{
		Summary:             "Read one Kubernetes manifest",
		MarkdownDescription: "Reads YAML, or JSON, that holds one Kubernetes object, and returns the object." + strictness,
		Parameters:          []function.Parameter{function.StringParameter{Name: "yaml", MarkdownDescription: "One YAML document."}},
		Return:              function.DynamicReturn{},
	},
	call: func(arguments []any) (any, error) {
		objects, err := decodeManifests(fmt.Sprint(arguments[0]))
		if err != nil {
			return nil, err
		}
		if len(objects) != 1 {
			return nil, fmt.Errorf("it holds %d objects and one is wanted: manifest_decode_multi reads any number", len(objects))
		}
		return objects[0], nil
	},
}

var manifestDecodeMulti = &adaptor{
	name: "manifest_decode_multi",
	definition: function.Definition{
		Summary: "Read any number of Kubernetes manifests",
		MarkdownDescription: "Reads YAML with any number of documents and returns a list of their objects, in order. Empty documents are left out, " +
			"and a `List`, as `kubectl get -o yaml` writes it, stands for its items." + strictness,
		Parameters: []function.Parameter{function.StringParameter{Name: "yaml", MarkdownDescription: "YAML documents, separated by `---`."}},
		Return:     function.DynamicReturn{},
	},
	call: func(arguments []any) (any, error) {
		return decodeManifests(fmt.Sprint(arguments[0]))
	},
}

var manifestEncode = &adaptor{
	name: "manifest_encode",
	definition: function.Definition{
		Summary: "Write Kubernetes manifests as YAML",
		MarkdownDescription: "Writes an object, or a list of objects, as YAML documents. The same objects always give the same text: " +
			"keys are sorted, and attributes that are null are left out." + strictness,
		Parameters: []function.Parameter{function.DynamicParameter{
			Name: "manifest", MarkdownDescription: "An object with `apiVersion`, `kind` and `metadata`, or a list of such objects.",
		}},
		Return: function.StringReturn{},
	},
	call: func(arguments []any) (any, error) {
		objects, err := manifestsIn(arguments[0])
		if err != nil {
			return nil, err
		}
		return encodeManifests(objects)
	},
}

// decodeManifests reads the objects of all documents. Errors say which document they are about when there are several.
func decodeManifests(text string) ([]any, error) {
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
	object, err := objectIn(content)
	if err != nil {
		return nil, err
	}
	if u := (&unstructured.Unstructured{Object: object}); !u.IsList() {
		return []any{object}, checkManifest(object)
	}
	items, _ := object["items"].([]any)
	for i, item := range items {
		object, err := objectIn(item)
		if err == nil {
			err = checkManifest(object)
		}
		if err != nil {
			return nil, fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return items, nil
}

// manifestsIn are the objects in an argument that is an object or a list of objects.
func manifestsIn(value any) ([]map[string]any, error) {
	list, several := value.([]any)
	if !several {
		list = []any{value}
	}
	objects := make([]map[string]any, len(list))
	for i, item := range list {
		object, err := objectIn(item)
		if err == nil {
			err = checkManifest(object)
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

// checkManifest refuses what is no object, and what the API server would refuse of a kind of getambassador.io, or would
// drop without a word.
func checkManifest(object map[string]any) error {
	u := &unstructured.Unstructured{Object: object}
	if u.GetAPIVersion() == "" || u.GetKind() == "" {
		return fmt.Errorf("apiVersion is %s and kind is %s: a Kubernetes object has both", describe(object["apiVersion"]), describe(object["kind"]))
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

// encodeManifests writes objects as YAML documents.
func encodeManifests(objects []map[string]any) (string, error) {
	var text strings.Builder
	for i, object := range objects {
		if i > 0 {
			text.WriteString("---\n")
		}
		document, err := yaml.Marshal(object)
		if err != nil {
			return "", err
		}
		text.Write(document)
	}
	return text.String(), nil
}
