package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"terraform-provider-emissary/internal/release"
)

// ValidateConfig finds what is wrong with the name and the values by themselves.
func (r *releaseResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config releaseModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !config.Name.IsUnknown() {
		if err := chartutil.ValidateReleaseName(config.Name.ValueString()); err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("name"), "Invalid release name",
				"The name "+config.Name.String()+" must be 1 to 53 lower case letters, digits, dots and dashes, and begin and end with a letter or digit.")
		}
	}
	config.chartValues(ctx, &resp.Diagnostics)
}

// ModifyPlan renders the chart, which finds errors in the values before anything
// is applied, and makes known what follows from chart and configuration, so that
// only a real change shows as one. It needs no cluster, and a network never: a
// chart from a repository is loaded when it is applied.
func (r *releaseResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	var state *releaseModel
	if !req.State.Raw.IsNull() {
		state = new(releaseModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	values, known := plan.chartValues(ctx, &resp.Diagnostics)
	plan.planChart(ctx, state, values, known, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ID = types.StringUnknown()
	if !plan.Namespace.IsUnknown() && !plan.Name.IsUnknown() {
		plan.ID = types.StringValue(plan.ref().String())
	}
	plan.Status = types.StringValue(release.StatusDeployed)
	plan.Revision = types.Int64Unknown()
	if state != nil && known && !plan.changes(ctx, state, values, &resp.Diagnostics) {
		plan.Revision = state.Revision
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// planChart plans what describes the chart, and checks that it can be rendered.
func (m *releaseModel) planChart(ctx context.Context, state *releaseModel, values map[string]any, known bool, diags *diag.Diagnostics) {
	source, sourceKnown := m.source()
	if !sourceKnown || !source.IsLocal() {
		m.ChartVersion, m.AppVersion, m.ChartDigest = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
		if state != nil && state.sameChart(m) {
			m.ChartVersion, m.AppVersion, m.ChartDigest = state.ChartVersion, state.AppVersion, state.ChartDigest
		}
		return
	}
	loaded, err := source.Load(ctx)
	if err != nil {
		diags.AddAttributeError(path.Root("chart"), "Cannot load the chart", sentence(err)+".")
		return
	}
	m.describeChart(loaded)
	if known {
		m.render(ctx, loaded, values, diags)
	}
}

// render reports what the chart says against the values.
func (m *releaseModel) render(ctx context.Context, loaded *chart.Chart, values map[string]any, diags *diag.Diagnostics) {
	spec := m.spec(loaded, values)
	// Names that are not known yet matter little to the templates.
	if m.Name.IsUnknown() {
		spec.Name = "release"
	}
	if m.Namespace.IsUnknown() {
		spec.Namespace = "default"
	}
	if _, err := release.Render(spec, release.Capabilities{}); err != nil {
		diags.AddAttributeError(path.Root("values"), "The chart cannot be rendered with these values", m.redact(ctx, sentence(err)))
	}
}

// changes reports whether the release itself differs from the state, and not
// only how it is applied.
func (m *releaseModel) changes(ctx context.Context, state *releaseModel, values map[string]any, diags *diag.Diagnostics) bool {
	before, known := state.chartValues(ctx, diags)
	return !known ||
		!sameValues(values, before) ||
		!m.sameChart(state) ||
		!m.ChartDigest.Equal(state.ChartDigest) ||
		!m.Status.Equal(state.Status) ||
		!m.Name.Equal(state.Name) || !m.Namespace.Equal(state.Namespace)
}
