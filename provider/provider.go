// Package provider is the Terraform side of the product: thin adaptors that turn
// configuration, plan and state into calls of internal/kube and
// internal/release. It holds no Kubernetes logic of its own.
//
// Nothing here opens a connection while a new object is planned.
package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	functions "terraform-provider-emissary/provider/function"
)

// TypeName prefixes every resource: emissary_mapping, emissary_host and so on.
const TypeName = "emissary"

var (
	_ provider.ProviderWithFunctions = (*emissaryProvider)(nil)
	_ provider.ProviderWithActions   = (*emissaryProvider)(nil)
)

// emissaryProvider is the part of the provider that the plugin framework serves;
// NewServer adds the kinds.
type emissaryProvider struct {
	version string
	data    *providerData // nil until configured
}

func (p *emissaryProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = TypeName
	resp.Version = p.version
}

func (p *emissaryProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = providerSchema()
}

// Configure stores how to reach the cluster. It does not reach for it: the
// first resource that is applied or refreshed does.
func (p *emissaryProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerConfig
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(warnOfShortLivedToken(config.Token.ValueString(), time.Now())...)
	p.data = newProviderData(ctx, config, unknownAttributes(req.Config.Raw), p.version)
	resp.ResourceData = p.data
	resp.DataSourceData = p.data
	resp.ActionData = p.data
}

// Resources lists the resources with code of their own.
func (p *emissaryProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newCRDsResource, newKustomizationResource, newReleaseResource}
}

func (p *emissaryProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newChartDataSource, newCRDsDataSource, newKustomizationDataSource, newManifestsDataSource, newRoutesDataSource, newStatusDataSource,
	}
}

// Actions lists what can be done with an install that runs.
func (p *emissaryProvider) Actions(context.Context) []func() action.Action {
	return newActions()
}

// Functions lists what works on values alone: it needs no configuration.
func (p *emissaryProvider) Functions(context.Context) []func() function.Function {
	return functions.All()
}
