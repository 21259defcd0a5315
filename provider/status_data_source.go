package provider

import (
	"context"
	"math"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/install"
)

var _ datasource.DataSourceWithConfigure = (*statusDataSource)(nil)

// statusDataSource tells what an install reports.
type statusDataSource struct {
	data *providerData
}

func newStatusDataSource() datasource.DataSource { return &statusDataSource{} }

func (*statusDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_status"
}

// statusModel is the data source's configuration and result.
type statusModel struct {
	Name         types.String           `tfsdk:"name"`
	Namespace    types.String           `tfsdk:"namespace"`
	AmbassadorID types.String           `tfsdk:"ambassador_id"`
	Addresses    []string               `tfsdk:"addresses"`
	Hosts        map[string]statusHost  `tfsdk:"hosts"`
	Objects      map[string]statusCount `tfsdk:"objects"`
	Refused      []statusRefusal        `tfsdk:"refused"`
	FirstExpiry  *string                `tfsdk:"first_expiry"`
	ExpiresIn    *int64                 `tfsdk:"expires_in_days"`
}

type statusHost struct {
	Hostname    string             `tfsdk:"hostname"`
	Served      bool               `tfsdk:"served"`
	Why         *string            `tfsdk:"why"`
	Certificate *statusCertificate `tfsdk:"certificate"`
}

type statusCertificate struct {
	Secret    string   `tfsdk:"secret"`
	NotAfter  *string  `tfsdk:"not_after"`
	ExpiresIn *int64   `tfsdk:"expires_in_days"`
	DNSNames  []string `tfsdk:"dns_names"`
	Issuer    *string  `tfsdk:"issuer"`
	Problem   *string  `tfsdk:"problem"`
}

type statusCount struct {
	Total   int64 `tfsdk:"total"`
	Served  int64 `tfsdk:"served"`
	Refused int64 `tfsdk:"refused"`
	Pending int64 `tfsdk:"pending"`
}

type statusRefusal struct {
	Kind string `tfsdk:"kind"`
	Name string `tfsdk:"name"`
	Why  string `tfsdk:"why"`
}

func (*statusDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What an install in the cluster reports: where it is reached, which of its objects Envoy serves, why the others are not served, and when certificates expire. " +
			"Made for `check` blocks and `terraform test`. Reading it asks the cluster; nothing of a private key is kept. " +
			"A release of the same configuration belongs into `depends_on`: the first plan then leaves the reading to the apply, where there is something to read.",
		Attributes: map[string]schema.Attribute{
			"name":          schema.StringAttribute{Required: true, MarkdownDescription: "Name of the release."},
			"namespace":     schema.StringAttribute{Optional: true, MarkdownDescription: "Namespace of the release. Default: `default`."},
			"ambassador_id": schema.StringAttribute{Optional: true, MarkdownDescription: "The instance whose objects are looked at, in all namespaces. Default: `default`."},
			"addresses":     schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The IP addresses and hostnames of the release's load balancers, sorted; empty where there are none yet."},
			"hosts": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "The Hosts, by `namespace/name`.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"hostname": schema.StringAttribute{Computed: true, MarkdownDescription: "The hostname that the Host is for."},
					"served":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether Envoy serves the Host as it is now."},
					"why":      schema.StringAttribute{Computed: true, MarkdownDescription: "Why it does not; null when it does."},
					"certificate": schema.SingleNestedAttribute{Computed: true, MarkdownDescription: "The certificate that the Host presents: of its `tls_secret`, or of its `tls_context`. Null without TLS.",
						Attributes: map[string]schema.Attribute{
							"secret":          schema.StringAttribute{Computed: true, MarkdownDescription: "The Secret, as `namespace/name`."},
							"not_after":       schema.StringAttribute{Computed: true, MarkdownDescription: "When it expires, in RFC 3339; null where that is not known."},
							"expires_in_days": schema.Int64Attribute{Computed: true, MarkdownDescription: "The number of whole days until then, negative after it."},
							"dns_names":       schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The names that it is for."},
							"issuer":          schema.StringAttribute{Computed: true, MarkdownDescription: "Who has signed it."},
							"problem":         schema.StringAttribute{Computed: true, MarkdownDescription: "Why it could not be read; null when it was."},
						}},
				}}},
			"objects": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "The objects, counted by kind, such as `Mapping`. A kind without objects is not there.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"total":   schema.Int64Attribute{Computed: true, MarkdownDescription: "How many objects there are."},
					"served":  schema.Int64Attribute{Computed: true, MarkdownDescription: "How many of them are served as they are now."},
					"refused": schema.Int64Attribute{Computed: true, MarkdownDescription: "How many of them are not served: see `refused` beside this."},
					"pending": schema.Int64Attribute{Computed: true, MarkdownDescription: "How many of them nothing was reported on yet."},
				}}},
			"refused": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "The objects that are not served, sorted by kind and name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"kind": schema.StringAttribute{Computed: true, MarkdownDescription: "The kind."},
					"name": schema.StringAttribute{Computed: true, MarkdownDescription: "The object, as `namespace/name`."},
					"why":  schema.StringAttribute{Computed: true, MarkdownDescription: "The controller's reason."},
				}}},
			"first_expiry":    schema.StringAttribute{Computed: true, MarkdownDescription: "When the first of the Hosts' certificates expires, in RFC 3339; null where none could be read."},
			"expires_in_days": schema.Int64Attribute{Computed: true, MarkdownDescription: "The number of whole days until `first_expiry`, negative after it; null without."},
		},
	}
}

func (d *statusDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData) // Absent while Terraform only validates.
}

func (d *statusDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model statusModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ref := install.Ref{Namespace: orDefault(model.Namespace), Name: model.Name.ValueString()}
	client, err := d.data.Kube()
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the status of "+ref.String(), sentence(err)+".")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	status, err := install.Look(ctx, client, ref, orDefault(model.AmbassadorID))
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the status of "+ref.String(), sentence(err)+".")
		return
	}
	model.describe(status, time.Now())
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// orDefault is "default" for what is not set: the name of Kubernetes' first
// namespace and of the instance without an id.
func orDefault(value types.String) string {
	if value.IsNull() {
		return "default"
	}
	return value.ValueString()
}

func (m *statusModel) describe(status *install.Status, now time.Time) {
	m.Addresses = status.Addresses
	m.Hosts, m.Objects, m.Refused = map[string]statusHost{}, map[string]statusCount{}, []statusRefusal{}
	for name, host := range status.Hosts {
		m.Hosts[name] = statusHost{Hostname: host.Hostname, Served: host.Served, Why: orNull(host.Why), Certificate: describeCertificate(host.Certificate, now)}
	}
	for kind, count := range status.Objects {
		m.Objects[kind] = statusCount(count)
	}
	for _, refusal := range status.Refused {
		m.Refused = append(m.Refused, statusRefusal(refusal))
	}
	m.FirstExpiry, m.ExpiresIn = expiry(status.FirstExpiry(), now)
}

func describeCertificate(certificate *install.Certificate, now time.Time) *statusCertificate {
	if certificate == nil {
		return nil
	}
	described := &statusCertificate{Secret: certificate.Secret, DNSNames: certificate.DNSNames,
		Issuer: orNull(certificate.Issuer), Problem: orNull(certificate.Problem)}
	described.NotAfter, described.ExpiresIn = expiry(certificate.NotAfter, now)
	return described
}

// expiry is a time and how many days are left until then; null for none.
func expiry(at, now time.Time) (notAfter *string, days *int64) {
	if at.IsZero() {
		return nil, nil
	}
	text, left := at.Format(time.RFC3339), int64(math.Floor(at.Sub(now).Hours()/24))
	return &text, &left
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
