package provider

import (
	"cmp"
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/release"
)

// manifestsDataSource tells what a release would consist of. It reads no cluster.
type manifestsDataSource struct{}

func newManifestsDataSource() datasource.DataSource { return &manifestsDataSource{} }

func (*manifestsDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_manifests"
}

// manifestsModel is the data source's configuration and result.
type manifestsModel struct {
	Name      types.String `tfsdk:"name"`
	Namespace types.String `tfsdk:"namespace"`
	chartModel
	contentModel

	SkipCRDs          types.Bool   `tfsdk:"skip_crds"`
	KubernetesVersion types.String `tfsdk:"kubernetes_version"`
	APIVersions       []string     `tfsdk:"api_versions"`

	Manifests    types.Dynamic `tfsdk:"manifests"`
	Hooks        types.Dynamic `tfsdk:"hooks"`
	YAML         types.String  `tfsdk:"yaml"`
	Notes        types.String  `tfsdk:"notes"`
	ChartVersion types.String  `tfsdk:"chart_version"`
	AppVersion   types.String  `tfsdk:"app_version"`
	ChartDigest  types.String  `tfsdk:"chart_digest"`
}

func (*manifestsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := chartAttributes()
	for name, attribute := range map[string]schema.Attribute{
		"name":             schema.StringAttribute{Optional: true, MarkdownDescription: "Name of the release. Default: the name of the chart."},
		"namespace":        schema.StringAttribute{Optional: true, MarkdownDescription: "Namespace of the release. Default `default`."},
		"values":           schema.DynamicAttribute{Optional: true, MarkdownDescription: valuesDescription},
		"values_yaml":      schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: valuesYAMLDescription},
		"sensitive_values": schema.DynamicAttribute{Optional: true, Sensitive: true, MarkdownDescription: sensitiveValuesDescription},
		"kustomize":        schema.DynamicAttribute{Optional: true, MarkdownDescription: kustomizeDescription},
		"skip_crds":        schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to leave out the files in the chart's `crds` folder. Default `false`."},
		"kubernetes_version": schema.StringAttribute{Optional: true,
			MarkdownDescription: "Version of Kubernetes that the templates see, such as `1.33`. Default: the one that the provider was built with."},
		"api_versions": schema.ListAttribute{Optional: true, ElementType: types.StringType,
			MarkdownDescription: "APIs that the templates see besides those of Kubernetes, such as `monitoring.coreos.com/v1`. Default: none."},

		"manifests": schema.DynamicAttribute{Computed: true, MarkdownDescription: "The objects, as a list such as the function `manifest_decode_multi` returns and " +
			"the data source `emissary_routes` takes. What is in a Secret, and what `sensitive_values` put anywhere, reads `(sensitive value)`."},
		"hooks": schema.DynamicAttribute{Computed: true, MarkdownDescription: "The objects of the chart's hooks, likewise. `kustomize` does not change them."},
		"yaml": schema.StringAttribute{Computed: true, Sensitive: true,
			MarkdownDescription: "The objects as YAML documents, secrets included, without the hooks."},
		"notes":         schema.StringAttribute{Computed: true, MarkdownDescription: "What the chart says to its user; null where it says nothing."},
		"chart_version": schema.StringAttribute{Computed: true, MarkdownDescription: "Version of the chart found."},
		"app_version":   schema.StringAttribute{Computed: true, MarkdownDescription: "Version of the software that the chart installs."},
		"chart_digest":  schema.StringAttribute{Computed: true, MarkdownDescription: "SHA-256 of what the chart consists of."},
	} {
		attributes[name] = attribute
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What a release would consist of, rendered without a cluster: for a look before the apply, for `check` blocks and `terraform test`, " +
			"and for whatever takes manifests. Templates that look something up in the cluster find nothing.",
		Attributes: attributes,
	}
}

func (*manifestsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model manifestsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	content := model.content(ctx, types.DynamicNull(), &resp.Diagnostics)
	rendered := model.render(ctx, content, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	model.YAML = types.StringValue(rendered.Manifest)
	model.Notes = stringOrNull(content.redact(strings.TrimSpace(rendered.Notes)))
	model.Manifests = objectsOf(ctx, content, &resp.Diagnostics, rendered.Manifest)
	model.Hooks = objectsOf(ctx, content, &resp.Diagnostics, rendered.Hooks...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// render loads the chart, checks the values and renders it.
func (m *manifestsModel) render(ctx context.Context, content content, diags *diag.Diagnostics) *release.Rendered {
	loaded := m.load(ctx, diags)
	if loaded == nil {
		return nil
	}
	if content.check(loaded, diags); diags.HasError() {
		return nil
	}
	m.ChartVersion, m.AppVersion = types.StringValue(loaded.Metadata.Version), stringOrNull(loaded.AppVersion())
	m.ChartDigest = types.StringValue(release.Digest(loaded))
	rendered, err := release.Render(release.Spec{
		Name:          cmp.Or(m.Name.ValueString(), loaded.Name()),
		Namespace:     cmp.Or(m.Namespace.ValueString(), "default"),
		Chart:         loaded,
		Values:        content.values(),
		Kustomization: content.kustomization,
		SkipCRDs:      m.SkipCRDs.ValueBool(),

		KubernetesVersion: m.KubernetesVersion.ValueString(),
		APIVersions:       m.APIVersions,
	})
	if err != nil {
		diags.AddAttributeError(path.Root("values"), "The chart cannot be rendered with these values", content.redact(sentence(err)))
	}
	return rendered
}

// objectsOf are the objects in manifests, without secrets.
func objectsOf(ctx context.Context, content content, diags *diag.Diagnostics, manifests ...string) types.Dynamic {
	objects, err := release.Objects(manifests...)
	if err != nil {
		diags.AddError("The chart renders what is no YAML", content.redact(sentence(err)))
		return types.DynamicNull()
	}
	elements, kinds := []attr.Value{}, []attr.Type{}
	for _, object := range objects {
		value := dynamicValue(ctx, withoutSecrets(object, content))
		elements, kinds = append(elements, value), append(kinds, value.Type(ctx))
	}
	return types.DynamicValue(types.TupleValueMust(kinds, elements))
}

// withoutSecrets hides the contents of a Secret, and the secret values of the
// release wherever they are.
func withoutSecrets(object map[string]any, content content) any {
	secret := object["kind"] == "Secret"
	var hide func(value any, all bool) any
	hide = func(value any, all bool) any {
		switch value := value.(type) {
		case map[string]any:
			hidden := map[string]any{}
			for key, below := range value {
				hidden[key] = hide(below, all)
			}
			return hidden
		case []any:
			hidden := make([]any, len(value))
			for i, below := range value {
				hidden[i] = hide(below, all)
			}
			return hidden
		case string:
			if all {
				return "(sensitive value)"
			}
			return content.redact(value)
		default:
			return value
		}
	}
	hidden := map[string]any{}
	for key, below := range object {
		hidden[key] = hide(below, secret && (key == "data" || key == "stringData"))
	}
	return hidden
}
