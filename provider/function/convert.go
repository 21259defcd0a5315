package function

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/provider/manifests"
)

var convertManifest = &adaptor{
	name: "convert_manifest",
	definition: function.Definition{
		Summary: "Convert an object of getambassador.io v1 or v2 to v3alpha1",
		MarkdownDescription: "Converts as Emissary's conversion webhook does. What is spelt differently in the older versions and has a place in " +
			"`v3alpha1` (`v2ExplicitTLS` and so on) is kept there; `status` is left out. An object of `v3alpha1` is returned as it is." + strictness,
		Parameters: []function.Parameter{function.DynamicParameter{
			Name: "manifest", MarkdownDescription: "An object of `getambassador.io/v1`, `v2` or `v3alpha1`, such as `manifest_decode` returns.",
		}},
		Return: function.DynamicReturn{},
	},
	call: func(arguments []any) (any, error) {
		object, err := manifests.Object(arguments[0])
		if err != nil {
			return nil, err
		}
		converted, err := convert.ToV3alpha1(object)
		if err != nil {
			return nil, err
		}
		return converted, manifests.Check(converted)
	},
}

var convertIngress = &adaptor{
	name: "convert_ingress",
	definition: function.Definition{
		Summary: "Convert an Ingress to Hosts and Mappings",
		MarkdownDescription: "Returns the list of Hosts and Mappings of `v3alpha1` that an Ingress means to this controller, and to Emissary, whatever its class. " +
			"Beside other controllers that has its own ways: a Mapping cuts the matched path off before the request goes to the service (add `rewrite = \"\"` to keep it), " +
			"a `Prefix` is compared as text (`/foo` takes `/foobar`), and a rule makes no Host unless the Ingress has `tls` for it.\n\n" +
			"Backends must give their port by number: what the name of a port means, only the Service tells. Fields that the version of the Ingress does not have are an error.",
		Parameters: []function.Parameter{function.DynamicParameter{
			Name: "ingress", MarkdownDescription: "An Ingress of `networking.k8s.io/v1`, `networking.k8s.io/v1beta1` or `extensions/v1beta1`, such as `manifest_decode` returns.",
		}},
		Return: function.DynamicReturn{},
	},
	call: func(arguments []any) (any, error) {
		object, err := manifests.Object(arguments[0])
		if err != nil {
			return nil, err
		}
		return ingressObjects(object)
	},
}

// ingressObjects are the Hosts and Mappings of an Ingress.
func ingressObjects(object map[string]any) ([]any, error) {
	decoded, err := ingress.Decode(object)
	if err != nil {
		return nil, err
	}
	if decoded.Name == "" {
		return nil, errors.New("metadata.name is empty: what the Ingress becomes is named after it")
	}
	decoded.Namespace = cmp.Or(decoded.Namespace, manifest.DefaultNamespace)
	decoded.Generation = 0 // it counts the changes of the Ingress
	objects := []any{}
	for _, made := range ingress.Translate(decoded, noPorts) {
		if made.Err != nil {
			return nil, made.Err
		}
		content, err := contentOf(made.Object)
		if err != nil {
			return nil, err
		}
		objects = append(objects, content)
	}
	return objects, nil
}

// noPorts stands for Services that nobody has at hand.
func noPorts(service, name string) (int32, error) {
	return 0, fmt.Errorf("%q is a name that only Service %s explains: give the number of the port", name, service)
}

// contentOf is a typed object as its manifest has it.
func contentOf(object v3alpha1.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	delete(content, "status")
	content["apiVersion"], content["kind"] = v3alpha1.GroupVersion.String(), store.RefOf(object).Kind
	return content, nil
}
