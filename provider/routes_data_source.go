package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/controller/explain"
	"terraform-provider-emissary/provider/routes"
	plain "terraform-provider-emissary/provider/schema"
)

// routesDataSource tells which Mapping serves requests. It reads no cluster.
type routesDataSource struct{}

func newRoutesDataSource() datasource.DataSource { return &routesDataSource{} }

func (*routesDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_routes"
}

// routesModel is the data source's configuration and result.
type routesModel struct {
	Manifests    types.Dynamic           `tfsdk:"manifests"`
	AmbassadorID types.String            `tfsdk:"ambassador_id"`
	Requests     map[string]requestModel `tfsdk:"requests"`
	Routes       map[string]routes.Route `tfsdk:"routes"`
}

type requestModel struct {
	URL        types.String `tfsdk:"url"`
	Method     types.String `tfsdk:"method"`
	Headers    types.Map    `tfsdk:"headers"`
	Port       types.Int64  `tfsdk:"port"`
	ServerName types.String `tfsdk:"server_name"`
}

func (*routesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Which Mapping serves these requests, computed from resources of the configuration and from manifests by the controller's own compiler, without a cluster. " +
			"What happens after routing is not evaluated, such as an AuthService. A Secret that is not among the manifests is taken to be there with a usable certificate: configuration is no place for keys. " +
			"The function `explain_route` does the same for one request.",
		Attributes: map[string]schema.Attribute{
			"manifests": schema.DynamicAttribute{Required: true, MarkdownDescription: "A list of resources of this provider, such as `emissary_mapping.shop`, with all instances where it has `for_each` or `count`, " +
				"and of objects such as the function `manifest_decode_multi` returns: Listeners, Hosts, Mappings, Modules, Services, Ingresses, …; or one of them. " +
				"Each must be valid; kinds that the controller does not read have no effect. Refer to resources in a local value and to that here: " +
				"where a data source itself refers to a resource that is about to change, Terraform reads it only at apply."},
			"ambassador_id": schema.StringAttribute{Optional: true, MarkdownDescription: "The instance whose objects count. Default: `default`."},
			"requests": schema.MapNestedAttribute{Required: true, MarkdownDescription: "The requests, under names of your choice.", NestedObject: schema.NestedAttributeObject{
				Attributes: map[string]schema.Attribute{
					"url":         schema.StringAttribute{Required: true, MarkdownDescription: "The URL, with `http://` or `https://`."},
					"method":      schema.StringAttribute{Optional: true, MarkdownDescription: "The method. Default: `GET`."},
					"headers":     schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Headers by name, in any letter case; `Host` replaces the URL's. Default: none."},
					"port":        schema.Int64Attribute{Optional: true, MarkdownDescription: "The port of the Listener. Default: that of the URL, else 80 or 443, else 8080 or 8443, else the only Listener there is."},
					"server_name": schema.StringAttribute{Optional: true, MarkdownDescription: "The TLS server name (SNI). Default: the host of the URL."},
				},
			}},
			"routes": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "What becomes of each request, under its name. Objects are named `namespace/name`.",
				NestedObject: schema.NestedAttributeObject{Attributes: routeAttributes}},
		},
	}
}

var routeAttributes = map[string]schema.Attribute{
	"served":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether a Mapping or TCPMapping serves the request, or a share of all requests like it."},
	"mapping":  schema.StringAttribute{Computed: true, MarkdownDescription: "The Mapping, or TCPMapping, with the largest share; null when there is none."},
	"listener": schema.StringAttribute{Computed: true, MarkdownDescription: "The Listener the connection arrives at; null when there is none."},
	"hosts":    schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The Hosts with the hostname that the request falls under."},
	"why":      schema.StringAttribute{Computed: true, MarkdownDescription: "What a request must be like to take the route, or why it is not served."},
	"text":     schema.StringAttribute{Computed: true, MarkdownDescription: "All of it for people to read, for an `error_message`."},
	"outcomes": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "All that may become of the request.", NestedObject: schema.NestedAttributeObject{
		Attributes: map[string]schema.Attribute{
			"share":    schema.Float64Attribute{Computed: true, MarkdownDescription: "Share of all requests like this one, in percent. All shares add up to 100."},
			"action":   schema.StringAttribute{Computed: true, MarkdownDescription: "`forward`, `redirect`, `respond` or `close`."},
			"mapping":  schema.StringAttribute{Computed: true, MarkdownDescription: "The Mapping or TCPMapping; null when there is none."},
			"services": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Where the request is sent, as `host:port`."},
			"path":     schema.StringAttribute{Computed: true, MarkdownDescription: "The path, with query, as the service gets it."},
			"host":     schema.StringAttribute{Computed: true, MarkdownDescription: "The host as the service gets it."},
			"status":   schema.Int64Attribute{Computed: true, MarkdownDescription: "The status code of the answer that Envoy gives itself."},
			"location": schema.StringAttribute{Computed: true, MarkdownDescription: "Where a redirect leads."},
			"why":      schema.StringAttribute{Computed: true, MarkdownDescription: "What a request must be like to take the route, or why it is not served."},
		},
	}},
	"nearest": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "Mappings that might have been meant, the nearest first.", NestedObject: schema.NestedAttributeObject{
		Attributes: map[string]schema.Attribute{
			"mapping": schema.StringAttribute{Computed: true, MarkdownDescription: "The Mapping."},
			"why":     schema.StringAttribute{Computed: true, MarkdownDescription: "Why it does not serve the request."},
		},
	}},
}

func (*routesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model routesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	explainer, err := explainerOf(ctx, &model)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("manifests"), "Invalid manifests", sentence(err)+".")
		return
	}
	model.Routes = map[string]routes.Route{}
	for name, request := range model.Requests {
		route, err := routeOf(explainer, request)
		if err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("requests").AtMapKey(name), "Invalid request", sentence(err)+".")
		}
		model.Routes[name] = route
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
	}
}

// explainerOf compiles the manifests.
func explainerOf(ctx context.Context, model *routesModel) (*explain.Explainer, error) {
	value, err := model.Manifests.ToTerraformValue(ctx)
	if err != nil {
		return nil, err
	}
	manifests, err := plain.Manifests(value)
	if err != nil {
		return nil, err
	}
	return routes.Compile(manifests, model.AmbassadorID.ValueString())
}

// routeOf explains one request.
func routeOf(explainer *explain.Explainer, model requestModel) (routes.Route, error) {
	fields := map[string]any{"url": model.URL.ValueString(), "method": model.Method.ValueString(), "server_name": model.ServerName.ValueString()}
	if !model.Port.IsNull() {
		fields["port"] = model.Port.ValueInt64()
	}
	if !model.Headers.IsNull() {
		headers := map[string]any{}
		for name, value := range model.Headers.Elements() {
			text, ok := value.(types.String)
			if !ok || text.IsNull() {
				return routes.Route{}, fmt.Errorf("headers.%s is null: a text is wanted", name)
			}
			headers[name] = text.ValueString()
		}
		fields["headers"] = headers
	}
	request, err := routes.Request(fields)
	if err != nil {
		return routes.Route{}, err
	}
	explanation, err := explainer.Explain(request)
	if err != nil {
		return routes.Route{}, err
	}
	return routes.Of(explanation)
}
