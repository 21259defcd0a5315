package function

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/controller/explain"
)

var explainRoute = &adaptor{
	name: "explain_route",
	definition: function.Definition{
		Summary: "Say which Mapping serves a request, and why",
		MarkdownDescription: "Compiles manifests as the controller does, without a cluster, and follows a request through what Envoy would get. " +
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
			"What happens after routing is not evaluated, such as an AuthService. Hosts that terminate TLS need their Secrets among the manifests. " +
			"The manifests are those of the instance `default` (`ambassador_id`). Each of them must be valid; kinds that the controller does not read have no effect.",
		Parameters: []function.Parameter{
			function.DynamicParameter{
				Name: "manifests", MarkdownDescription: "A list of objects such as `manifest_decode_multi` returns: Listeners, Hosts, Mappings, Modules, Services, Ingresses, …; or one object.",
			},
			function.DynamicParameter{
				Name: "request", MarkdownDescription: "The URL, or an object with `url` and as needed `method` (default `GET`), `headers` (an object of texts; `Host` replaces the URL's), " +
					"`port` of the Listener (default: that of the URL, else 80 or 443, else 8080 or 8443, else the only Listener there is) " +
					"and `server_name` for TLS (default: the host of the URL).",
			},
		},
		Return: function.ObjectReturn{AttributeTypes: map[string]attr.Type{
			"served": types.BoolType, "mapping": types.StringType, "listener": types.StringType, "hosts": types.ListType{ElemType: types.StringType},
			"why": types.StringType, "outcomes": types.ListType{ElemType: outcomeType}, "nearest": types.ListType{ElemType: nearType}, "text": types.StringType,
		}},
	},
	call: func(arguments []any) (any, error) {
		objects, err := manifestsIn(arguments[0])
		if err != nil {
			return nil, err
		}
		explainer, err := newExplainer(objects)
		if err != nil {
			return nil, err
		}
		request, err := requestIn(arguments[1])
		if err != nil {
			return nil, &argumentError{argument: 1, err: err}
		}
		explanation, err := explainer.Explain(request)
		if err != nil {
			return nil, &argumentError{argument: 1, err: err}
		}
		return routeOf(explanation)
	},
}

var (
	outcomeType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"share": types.Float64Type, "action": types.StringType, "mapping": types.StringType, "services": types.ListType{ElemType: types.StringType},
		"path": types.StringType, "host": types.StringType, "status": types.Int64Type, "location": types.StringType, "why": types.StringType,
	}}
	nearType = types.ObjectType{AttrTypes: map[string]attr.Type{"mapping": types.StringType, "why": types.StringType}}
)

type route struct {
	Served   bool      `tfsdk:"served"`
	Mapping  *string   `tfsdk:"mapping"`
	Listener *string   `tfsdk:"listener"`
	Hosts    []string  `tfsdk:"hosts"`
	Why      string    `tfsdk:"why"`
	Outcomes []outcome `tfsdk:"outcomes"`
	Nearest  []near    `tfsdk:"nearest"`
	Text     string    `tfsdk:"text"`
}

type outcome struct {
	Share    float64  `tfsdk:"share"`
	Action   string   `tfsdk:"action"`
	Mapping  *string  `tfsdk:"mapping"`
	Services []string `tfsdk:"services"`
	Path     *string  `tfsdk:"path"`
	Host     *string  `tfsdk:"host"`
	Status   *int64   `tfsdk:"status"`
	Location *string  `tfsdk:"location"`
	Why      string   `tfsdk:"why"`
}

type near struct {
	Mapping string `tfsdk:"mapping"`
	Why     string `tfsdk:"why"`
}

// routeOf is an explanation as the function returns it.
func routeOf(x *explain.Explanation) (route, error) {
	r := route{Served: x.Served, Hosts: []string{}, Outcomes: []outcome{}, Nearest: []near{}}
	if x.Listener != nil {
		r.Listener = nameOf(x.Listener.Object)
	}
	for _, host := range x.Hosts {
		r.Hosts = append(r.Hosts, *nameOf(&host))
	}
	largest := 0.0
	for _, o := range x.Outcomes {
		converted := outcomeOf(o)
		r.Outcomes = append(r.Outcomes, converted)
		if o.Share > largest {
			largest, r.Mapping, r.Why = o.Share, converted.Mapping, converted.Why
		}
	}
	for _, n := range x.Nearest {
		r.Nearest = append(r.Nearest, near{Mapping: *nameOf(&n.Mapping), Why: n.Why})
	}
	var text strings.Builder
	err := x.WriteText(&text)
	r.Text = text.String()
	return r, err
}

func outcomeOf(o explain.Outcome) outcome {
	converted := outcome{
		Share: o.Share, Action: string(o.Action), Mapping: nameOf(o.Mapping), Services: []string{},
		Path: orNull(o.Path), Host: orNull(o.Host), Location: orNull(o.Location), Why: cmp.Or(o.Why, o.Route),
	}
	for _, service := range o.Services {
		converted.Services = append(converted.Services, service.Name)
	}
	if o.Status != 0 {
		status := int64(o.Status)
		converted.Status = &status
	}
	return converted
}

// nameOf is namespace/name, as an import has it; null for no object.
func nameOf(object *explain.Object) *string {
	if object == nil {
		return nil
	}
	name := fmt.Sprintf("%s/%s", object.Namespace, object.Name)
	return &name
}
