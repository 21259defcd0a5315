package provider

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/crd"
	"terraform-provider-emissary/internal/kube"
)

var _ datasource.DataSourceWithConfigure = (*crdsDataSource)(nil)

// crdsDataSource tells which CRDs are embedded in the provider and, when asked,
// which ones a cluster has.
type crdsDataSource struct {
	data *providerData
}

func newCRDsDataSource() datasource.DataSource { return &crdsDataSource{} }

func (*crdsDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_crds"
}

// crdsDataModel is the data source's configuration and result.
type crdsDataModel struct {
	Cluster   types.Bool              `tfsdk:"cluster"`
	Digest    string                  `tfsdk:"digest"`
	Kinds     map[string]embeddedKind `tfsdk:"kinds"`
	Manifests map[string]string       `tfsdk:"manifests"`
	Installed map[string]liveKind     `tfsdk:"installed"`
	Changes   []string                `tfsdk:"changes"`
}

type embeddedKind struct {
	CRD      string   `tfsdk:"crd"`
	Versions []string `tfsdk:"versions"`
	Fields   int64    `tfsdk:"fields"`
	Summary  string   `tfsdk:"summary"`
}

type liveKind struct {
	Versions       []string `tfsdk:"versions"`
	StoredVersions []string `tfsdk:"stored_versions"`
	Summary        string   `tfsdk:"summary"`
	Current        bool     `tfsdk:"current"`
	Owner          *string  `tfsdk:"owner"`
}

func (*crdsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The custom resource definitions of `getambassador.io` that are embedded in the provider, as manifests for GitOps or for `kubectl apply --server-side`; " +
			"with `cluster = true` also those that the cluster has. Without that, it needs no cluster.",
		Attributes: map[string]schema.Attribute{
			"cluster": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to look at the cluster, too: see `installed` and `changes`. Default: `false`."},
			"digest":  schema.StringAttribute{Computed: true, MarkdownDescription: "A hash of all manifests, such as `sha256:0f7a1c…`. It changes when one of them does."},
			"kinds": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "What is embedded, by kind.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"crd":      schema.StringAttribute{Computed: true, MarkdownDescription: "The name of the definition, such as `mappings.getambassador.io`."},
					"versions": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The versions it has."},
					"fields":   schema.Int64Attribute{Computed: true, MarkdownDescription: "How many fields its newest version has, at any depth."},
					"summary":  schema.StringAttribute{Computed: true, MarkdownDescription: "The versions and a hash of what they say, as in `kinds` of the resource `emissary_crds`."},
				}}},
			"manifests": schema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The definitions as YAML, by name, such as `mappings.getambassador.io`."},
			"installed": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "What the cluster has, by kind; null without `cluster`.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"versions":        schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The versions it serves."},
					"stored_versions": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The versions that objects may be stored in."},
					"summary":         schema.StringAttribute{Computed: true, MarkdownDescription: "The versions and a hash of what they say."},
					"current":         schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it says the same as the embedded one."},
					"owner":           schema.StringAttribute{Computed: true, MarkdownDescription: "The Helm release, Argo CD Application or Flux object that manages it; null when none does."},
				}}},
			"changes": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "What the resource `emissary_crds` would change in the cluster, such as `Mapping v3alpha1: +2 fields (spec.a, spec.b)`; null without `cluster`."},
		},
	}
}

func (d *crdsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData) // Absent while Terraform only validates.
}

func (d *crdsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model crdsDataModel
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("cluster"), &model.Cluster)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := model.describeEmbedded(); err != nil {
		resp.Diagnostics.AddError("Cannot read the embedded CRDs", sentence(err)+".")
		return
	}
	if model.Cluster.ValueBool() {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		client, err := d.data.Kube()
		if err == nil {
			err = model.describeInstalled(ctx, client)
		}
		if err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("cluster"), "Cannot read the CRDs", sentence(err)+".")
			return
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (m *crdsDataModel) describeEmbedded() error {
	m.Kinds, m.Manifests = map[string]embeddedKind{}, map[string]string{}
	all := sha256.New()
	for _, definition := range crds.Definitions() {
		manifest, err := crds.Manifest(definition.Name)
		if err != nil {
			return err
		}
		all.Write(manifest)
		m.Manifests[definition.Name] = string(manifest)
		m.Kinds[definition.Spec.Names.Kind] = embeddedKind{
			CRD: definition.Name, Versions: versionNames(definition), Fields: crd.CountFields(definition), Summary: crds.Summary(definition)}
	}
	m.Digest = fmt.Sprintf("sha256:%x", all.Sum(nil))
	return nil
}

func (m *crdsDataModel) describeInstalled(ctx context.Context, client *kube.Client) error {
	survey, err := crd.Look(ctx, client)
	if err != nil {
		return err
	}
	m.Installed, m.Changes = map[string]liveKind{}, append([]string{}, survey.Changes...)
	for _, live := range survey.Live {
		owner, err := crd.Owner(ctx, client, live)
		if err != nil {
			return err
		}
		kind, summary := live.Spec.Names.Kind, crds.Summary(live)
		m.Installed[kind] = liveKind{Versions: versionNames(live), StoredVersions: live.Status.StoredVersions,
			Summary: summary, Current: summary == m.Kinds[kind].Summary, Owner: orNull(owner)}
	}
	return nil
}

// versionNames are the versions that a CRD serves, sorted.
func versionNames(definition *kube.CRD) (names []string) {
	for _, version := range definition.Spec.Versions {
		if version.Served {
			names = append(names, version.Name)
		}
	}
	slices.Sort(names)
	return names
}
