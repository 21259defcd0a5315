package function

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"terraform-provider-emissary/provider/manifests"
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
		objects, err := manifests.Decode(fmt.Sprint(arguments[0]))
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
		return manifests.Decode(fmt.Sprint(arguments[0]))
	},
}

var manifestEncode = &adaptor{
	name: "manifest_encode",
	definition: function.Definition{
		Summary: "Write Kubernetes manifests as YAML",
		MarkdownDescription: "Writes an object, or a list of objects, as YAML documents. The same objects always give the same text: " +
			"keys are sorted, and attributes that are null are left out." + strictness,
		Parameters: []function.Parameter{function.DynamicParameter{
			Name: "manifest", MarkdownDescription: "An object with `apiVersion`, `kind` and `metadata`, a resource of this provider such as `emissary_mapping.shop`, or a list of these.",
		}},
		Return: function.StringReturn{},
	},
	call: func(arguments []any) (any, error) {
		objects, err := manifests.In(arguments[0])
		if err != nil {
			return nil, err
		}
		return manifests.Encode(objects)
	},
}
