package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"terraform-provider-emissary/internal/release"
)

// chartDataSource describes a chart. It reads no cluster, and for a bundled or
// local chart no network either.
type chartDataSource struct{}

func newChartDataSource() datasource.DataSource { return &chartDataSource{} }

func (*chartDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_chart"
}

// chartDataModel is the data source's configuration and result.
type chartDataModel struct {
	chartModel

	Name              types.String  `tfsdk:"name"`
	Description       types.String  `tfsdk:"description"`
	ChartVersion      types.String  `tfsdk:"chart_version"`
	AppVersion        types.String  `tfsdk:"app_version"`
	KubernetesVersion types.String  `tfsdk:"kubernetes_version"`
	ChartDigest       types.String  `tfsdk:"chart_digest"`
	Dependencies      []string      `tfsdk:"dependencies"`
	DefaultValues     types.Dynamic `tfsdk:"default_values"`
	DefaultValuesYAML types.String  `tfsdk:"default_values_yaml"`
	ValuesSchema      types.String  `tfsdk:"values_schema"`
	Readme            types.String  `tfsdk:"readme"`
}

func (*chartDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := chartAttributes()
	for name, attribute := range map[string]schema.Attribute{
		"name":                schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the chart."},
		"description":         schema.StringAttribute{Computed: true, MarkdownDescription: "What the chart says of itself."},
		"chart_version":       schema.StringAttribute{Computed: true, MarkdownDescription: "Version of the chart found."},
		"app_version":         schema.StringAttribute{Computed: true, MarkdownDescription: "Version of the software that the chart installs."},
		"kubernetes_version":  schema.StringAttribute{Computed: true, MarkdownDescription: "Range of Kubernetes versions that the chart is for; null where it does not say."},
		"chart_digest":        schema.StringAttribute{Computed: true, MarkdownDescription: "SHA-256 of what the chart consists of, as `sha256:…`; the same however it is packed."},
		"dependencies":        schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Names of the charts inside it."},
		"default_values":      schema.DynamicAttribute{Computed: true, MarkdownDescription: "The chart's default values, as an object."},
		"default_values_yaml": schema.StringAttribute{Computed: true, MarkdownDescription: "The chart's `values.yaml`, with its comments."},
		"values_schema":       schema.StringAttribute{Computed: true, MarkdownDescription: "The chart's `values.schema.json`, for `jsondecode`; null where it has none."},
		"readme":              schema.StringAttribute{Computed: true, MarkdownDescription: "The chart's `README.md`; null where it has none."},
	} {
		attributes[name] = attribute
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A Helm chart: its version, its default values and the schema of its values. Nothing is installed and no cluster is asked; " +
			"a bundled or local chart needs no network.",
		Attributes: attributes,
	}
}

// chartAttributes say where a chart comes from.
func chartAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"chart":               schema.StringAttribute{Optional: true, MarkdownDescription: chartDescription},
		"repository":          schema.StringAttribute{Optional: true, MarkdownDescription: repositoryDescription},
		"version":             schema.StringAttribute{Optional: true, MarkdownDescription: chartVersionDescription},
		"repository_username": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: repositoryUsernameDescription},
		"repository_password": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: repositoryPasswordDescription},
	}
}

func (*chartDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model chartDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	loaded := model.load(ctx, &resp.Diagnostics)
	if loaded == nil {
		return
	}
	model.describe(ctx, loaded)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (m *chartDataModel) describe(ctx context.Context, loaded *chart.Chart) {
	m.Name = types.StringValue(loaded.Name())
	m.Description = stringOrNull(loaded.Metadata.Description)
	m.ChartVersion = types.StringValue(loaded.Metadata.Version)
	m.AppVersion = stringOrNull(loaded.AppVersion())
	m.KubernetesVersion = stringOrNull(loaded.Metadata.KubeVersion)
	m.ChartDigest = types.StringValue(release.Digest(loaded))
	m.Dependencies = []string{}
	for _, dependency := range loaded.Dependencies() {
		m.Dependencies = append(m.Dependencies, dependency.Name())
	}
	m.DefaultValues = types.DynamicValue(dynamicValue(ctx, loaded.Values))
	m.DefaultValuesYAML = types.StringValue(fileOf(loaded.Raw, chartutil.ValuesfileName))
	m.ValuesSchema = stringOrNull(string(loaded.Schema))
	m.Readme = stringOrNull(fileOf(loaded.Files, "README.md"))
}

// fileOf is the text of a chart's file, or "".
func fileOf(files []*chart.File, name string) string {
	for _, file := range files {
		if file.Name == name {
			return string(file.Data)
		}
	}
	return ""
}
