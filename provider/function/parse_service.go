package function

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/controller/compile"
)

var parseService = &adaptor{
	name: "parse_service",
	definition: function.Definition{
		Summary: "Take the text of a service field apart",
		MarkdownDescription: "Reads a service the way the controller does: `[http[s]://]name[.namespace][:port]`. The result has these attributes:\n\n" +
			"- `scheme`: `http` or `https` in lower case; null when none is written.\n" +
			"- `tls`: whether the service is spoken to in TLS because of its scheme. An object's own `tls` comes on top.\n" +
			"- `host`: a Service name, a DNS name or an IP address, IPv6 without brackets.\n" +
			"- `name`: of the Kubernetes Service; null when the host can only be a DNS name or an address.\n" +
			"- `namespace`: of the Kubernetes Service; null when it is not written, which means that of the object that has the field.\n" +
			"- `port`: as written, else 443 with `https` and 80 without.\n" +
			"- `explicit_port`: whether the port is written.\n" +
			"- `ignored`: what of the text has no effect, such as another scheme or a path, and what to do; null when all of it has.",
		Parameters: []function.Parameter{function.StringParameter{
			Name: "service", MarkdownDescription: "The service, such as `https://quote.shop:8443`.",
		}},
		Return: function.ObjectReturn{AttributeTypes: map[string]attr.Type{
			"scheme": types.StringType, "tls": types.BoolType, "host": types.StringType, "name": types.StringType, "namespace": types.StringType,
			"port": types.Int64Type, "explicit_port": types.BoolType, "ignored": types.StringType,
		}},
	},
	call: func(arguments []any) (any, error) {
		return parsedServiceOf(fmt.Sprint(arguments[0]))
	},
}

type parsedService struct {
	Scheme       *string `tfsdk:"scheme"`
	TLS          bool    `tfsdk:"tls"`
	Host         string  `tfsdk:"host"`
	Name         *string `tfsdk:"name"`
	Namespace    *string `tfsdk:"namespace"`
	Port         int64   `tfsdk:"port"`
	ExplicitPort bool    `tfsdk:"explicit_port"`
	Ignored      *string `tfsdk:"ignored"`
}

func parsedServiceOf(text string) (parsedService, error) {
	reference, err := compile.ParseService(text)
	return parsedService{
		Scheme:       orNull(reference.Scheme),
		TLS:          reference.Scheme == "https",
		Host:         reference.Host,
		Name:         orNull(reference.Name),
		Namespace:    orNull(reference.Namespace),
		Port:         int64(reference.Port),
		ExplicitPort: reference.ExplicitPort,
		Ignored:      orNull(reference.Ignored),
	}, err
}

// orNull is a text, or null in place of an empty one.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
