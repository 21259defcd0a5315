package routes

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/controller/explain"
)

// AttributeTypes are those of a Route in Terraform.
var AttributeTypes = map[string]attr.Type{
	"served": types.BoolType, "mapping": types.StringType, "listener": types.StringType, "hosts": types.ListType{ElemType: types.StringType},
	"why": types.StringType, "outcomes": types.ListType{ElemType: outcomeType}, "nearest": types.ListType{ElemType: nearType}, "text": types.StringType,
}

var (
	outcomeType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"share": types.Float64Type, "action": types.StringType, "mapping": types.StringType, "services": types.ListType{ElemType: types.StringType},
		"path": types.StringType, "host": types.StringType, "status": types.Int64Type, "location": types.StringType, "why": types.StringType,
	}}
	nearType = types.ObjectType{AttrTypes: map[string]attr.Type{"mapping": types.StringType, "why": types.StringType}}
)

// Route is what becomes of a request. Objects are named namespace/name; null is none.
type Route struct {
	Served   bool      `tfsdk:"served"`
	Mapping  *string   `tfsdk:"mapping"`
	Listener *string   `tfsdk:"listener"`
	Hosts    []string  `tfsdk:"hosts"`
	Why      string    `tfsdk:"why"`
	Outcomes []Outcome `tfsdk:"outcomes"`
	Nearest  []Near    `tfsdk:"nearest"`
	Text     string    `tfsdk:"text"`
}

// Outcome is one thing that may become of a request.
type Outcome struct {
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

// Near is a Mapping that does not serve the request, and why not.
type Near struct {
	Mapping string `tfsdk:"mapping"`
	Why     string `tfsdk:"why"`
}

// Of is an explanation as Terraform has it.
func Of(x *explain.Explanation) (Route, error) {
	r := Route{Served: x.Served, Hosts: []string{}, Outcomes: []Outcome{}, Nearest: []Near{}}
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
		r.Nearest = append(r.Nearest, Near{Mapping: *nameOf(&n.Mapping), Why: n.Why})
	}
	var text strings.Builder
	err := x.WriteText(&text)
	r.Text = text.String()
	return r, err
}

func outcomeOf(o explain.Outcome) Outcome {
	converted := Outcome{
		Share: o.Share, Action: string(o.Action), Mapping: nameOf(o.Mapping), Services: []string{},
		Path: textOrNull(o.Path), Host: textOrNull(o.Host), Location: textOrNull(o.Location), Why: cmp.Or(o.Why, o.Route),
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

// textOrNull is a text, or null in place of an empty one.
func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
