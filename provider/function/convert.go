package function

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/crds/convert"
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
	made, err := manifests.OfIngress(decoded, noPorts)
	if err != nil {
		return nil, err
	}
	objects := make([]any, len(made))
	for i, content := range made {
		objects[i] = content
	}
	return objects, nil
}

// noPorts stands for Services that nobody has at hand.
func noPorts(service, name string) (int32, error) {
	return 0, fmt.Errorf("%q is a name that only Service %s explains: give the number of the port", name, service)
}
