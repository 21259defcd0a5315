package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/kustomization"
	plain "terraform-provider-emissary/provider/schema"
)

// kustomizationDataSource builds a kustomization. It reads no cluster.
type kustomizationDataSource struct{}

func newKustomizationDataSource() datasource.DataSource { return &kustomizationDataSource{} }

func (*kustomizationDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_kustomization"
}

// kustomizationDataModel is the data source's configuration and result.
type kustomizationDataModel struct {
	kustomizationSource
	Tiers     [][]string        `tfsdk:"tiers"`
	Objects   types.Dynamic     `tfsdk:"objects"`
	Manifests map[string]string `tfsdk:"manifests"`
	Secrets   map[string]string `tfsdk:"secrets"`
}

func (*kustomizationDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The objects of a kustomization, built in process as `kubectl kustomize` does, without a cluster. " +
			"The resource `emissary_kustomization` applies them; this is for what reads them: tests, policies, `emissary_routes`, and resources of other providers. " +
			"Objects are known by `group/Kind/namespace/name`, without what an object does not have, such as `apps/Deployment/shop/cart` and `Namespace/shop`.",
		Attributes: map[string]schema.Attribute{
			"path":                schema.StringAttribute{Optional: true, MarkdownDescription: describePath},
			"kustomization":       schema.DynamicAttribute{Optional: true, MarkdownDescription: describeInline},
			"files":               schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: describeFiles},
			"sensitive_files":     schema.MapAttribute{Optional: true, Sensitive: true, ElementType: types.StringType, MarkdownDescription: describeSensitive + " All of them are in `secrets`."},
			"allow_files_outside": schema.BoolAttribute{Optional: true, MarkdownDescription: describeOutside},
			"allow_remote":        schema.BoolAttribute{Optional: true, MarkdownDescription: describeRemote},
			"tiers": schema.ListAttribute{Computed: true, ElementType: types.ListType{ElemType: types.StringType},
				MarkdownDescription: "The objects in the order to apply them, in three stages: Namespaces and CRDs, the rest, and admission webhooks and API services. Each must be there before the next begins."},
			"objects": schema.DynamicAttribute{Computed: true,
				MarkdownDescription: "By object, what it says, as an object. Without Secrets."},
			"manifests": schema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "By object, its YAML. Without Secrets."},
			"secrets": schema.MapAttribute{Computed: true, Sensitive: true, ElementType: types.StringType,
				MarkdownDescription: "By object, the YAML of Secrets. It is in the state, as all that a data source returns."},
		},
	}
}

func (*kustomizationDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model kustomizationDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	objects, ok := model.build(ctx, &resp.Diagnostics)
	if !ok {
		return
	}
	model.Manifests, model.Secrets = map[string]string{}, map[string]string{}
	decoded := map[string]any{}
	for _, object := range objects {
		text, err := object.YAML()
		if err != nil {
			resp.Diagnostics.AddError(object.String()+" cannot be written as YAML", sentence(err)+".")
			return
		}
		if object.IsSecret() {
			model.Secrets[object.ID()] = text
			continue
		}
		model.Manifests[object.ID()] = text
		decoded[object.ID()] = object.Object
	}
	for _, tier := range kustomization.Tiers(objects) {
		ids := []string{}
		for _, object := range tier {
			ids = append(ids, object.ID())
		}
		model.Tiers = append(model.Tiers, ids)
	}
	value, err := types.DynamicType.ValueFromTerraform(ctx, plain.Decode(decoded))
	if err != nil {
		resp.Diagnostics.AddError("The objects cannot be given as values", sentence(err)+".")
		return
	}
	model.Objects, _ = value.(types.Dynamic)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
