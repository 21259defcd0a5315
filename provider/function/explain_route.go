package function

import (
	"github.com/hashicorp/terraform-plugin-framework/function"

	"terraform-provider-emissary/provider/routes"
)

var explainRoute = &adaptor{
	name: "explain_route",
	definition: function.Definition{
		Summary: "Say which Mapping serves a request, and why",
		MarkdownDescription: "Compiles resources of the configuration, or manifests, as the controller does, without a cluster, and follows a request through what Envoy would get. " +
			"It is made for `check` blocks, `postcondition`s and `terraform test`. The result has these attributes; an object is named `namespace/name`:\n\n" +
			"- `served`: whether a Mapping or TCPMapping serves the request, or a share of all requests like it.\n" +
			"- `mapping`: the Mapping, or TCPMapping, with the largest share; null when there is none.\n" +
			"- `listener`: the Listener the connection arrives at; null when there is none.\n" +
			"- `hosts`: the Hosts with the hostname that the request falls under.\n" +
			"- `why`: what a request must be like to take the route, or why it is not served.\n" +
			"- `outcomes`: all that may become of the request, each with its `share` in percent (together 100), `action` (`forward`, `redirect`, `respond` or `close`), " +
			"`mapping`, `services` (`host:port`), `path` and `host` as the service gets them, `status` and `location` where Envoy answers itself, and `why`.\n" +
			"- `nearest`: Mappings that might have been meant, each with its `mapping` and `why` it does not serve the request.\n" +
			"- `text`: all of it for people to read, for an `error_message`.\n\n" +
			"What happens after routing is not evaluated, such as an AuthService. A Secret that is not among the manifests is taken to be there with a usable certificate: configuration is no place for keys. " +
			"The manifests are those of the instance `default` (`ambassador_id`). Each of them must be valid; kinds that the controller does not read have no effect.",
		Parameters: []function.Parameter{
			function.DynamicParameter{
				Name: "manifests", MarkdownDescription: "A list of resources of this provider, such as `emissary_mapping.shop`, with all instances where it has `for_each` or `count`, " +
					"and of objects such as `manifest_decode_multi` returns: Listeners, Hosts, Mappings, Modules, Services, Ingresses, …; or one of them.",
			},
			function.DynamicParameter{
				Name: "request", MarkdownDescription: "The URL, or an object with `url` and as needed `method` (default `GET`), `headers` (an object of texts; `Host` replaces the URL's), " +
					"`port` of the Listener (default: that of the URL, else 80 or 443, else 8080 or 8443, else the only Listener there is) " +
					"and `server_name` for TLS (default: the host of the URL).",
			},
		},
		Return: function.ObjectReturn{AttributeTypes: routes.AttributeTypes},
	},
	call: func(arguments []any) (any, error) {
		explainer, err := routes.Compile(arguments[0], "")
		if err != nil {
			return nil, err
		}
		request, err := routes.Request(arguments[1])
		if err != nil {
			return nil, &argumentError{argument: 1, err: err}
		}
		explanation, err := explainer.Explain(request)
		if err != nil {
			return nil, &argumentError{argument: 1, err: err}
		}
		return routes.Of(explanation)
	},
}
