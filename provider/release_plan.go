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
	content := config.content(ctx, config.ValuesWO, &resp.Diagnostics)
	config.checkValues(ctx, content, &resp.Diagnostics)
}

// checkValues checks the values against the schema of a chart that is at hand.
func (m *releaseModel) checkValues(ctx context.Context, content content, diags *diag.Diagnostics) {
	source, known := m.source()
	if diags.HasError() || !known || !source.IsLocal() {
		return
	}
	if loaded, err := source.Load(ctx); err == nil { // Else the plan says why.
		content.check(loaded, diags)
	}
}

// ModifyPlan renders the chart, which finds errors in the values before anything
// is applied, and makes known what follows from chart and configuration, so that
// only a real change shows as one. It needs no cluster, and a network never: a
// chart from a repository is loaded when it is applied.
func (r *releaseResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, config releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	var state *releaseModel
	if !req.State.Raw.IsNull() {
		state = new(releaseModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	plan.planChart(ctx, state, plan.content(ctx, config.ValuesWO, &resp.Diagnostics), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ID = types.StringUnknown()
	if !plan.Namespace.IsUnknown() && !plan.Name.IsUnknown() {
		plan.ID = types.StringValue(plan.ref().String())
	}
	plan.Status, plan.Drift = types.StringValue(release.StatusDeployed), noDrift
	plan.Revision = types.Int64Unknown()
	if state != nil && !plan.changes(ctx, state, &resp.Diagnostics) {
		plan.Revision = state.Revision
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// planChart plans what describes the chart, and checks that it can be rendered.
func (m *releaseModel) planChart(ctx context.Context, state *releaseModel, content content, diags *diag.Diagnostics) {
	source, sourceKnown := m.source()
	if !sourceKnown || !source.IsLocal() {
		m.ChartVersion, m.AppVersion, m.ChartDigest = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
		if state != nil && state.sameChart(&m.chartModel) {
			m.ChartVersion, m.AppVersion, m.ChartDigest = state.ChartVersion, state.AppVersion, state.ChartDigest
		}
		return
	}
	loaded := m.load(ctx, diags)
	if loaded == nil {
		return
	}
	m.describeChart(loaded)
	if state != nil && state.ChartDigest.IsNull() && state.ChartVersion.Equal(m.ChartVersion) {
		m.ChartDigest = state.ChartDigest // An import: see release.Info.
	}
	if content.complete {
		m.render(loaded, content, diags)
	}
}

// render reports what the chart says against the values.
func (m *releaseModel) render(loaded *chart.Chart, content content, diags *diag.Diagnostics) {
	spec := m.spec(loaded, content)
	// Names that are not known yet matter little to the templates.
	if m.Name.IsUnknown() {
		spec.Name = "release"
	}
	if m.Namespace.IsUnknown() {
		spec.Namespace = "default"
	}
	if _, err := release.Render(spec); err != nil {
		diags.AddAttributeError(path.Root("values"), "The chart cannot be rendered with these values", content.redact(sentence(err)))
	}
}

// changes reports whether the release itself differs from the state, and not
// only how it is applied. Write-only values are compared by their revision.
func (m *releaseModel) changes(ctx context.Context, state *releaseModel, diags *diag.Diagnostics) bool {
	before, after := state.content(ctx, types.DynamicNull(), diags), m.content(ctx, types.DynamicNull(), diags)
	sameChart := m.sameChart(&state.chartModel) && m.ChartDigest.Equal(state.ChartDigest) ||
		!m.ChartDigest.IsUnknown() && !m.ChartDigest.IsNull() && m.ChartDigest.Equal(state.ChartDigest)
	return !before.complete || !after.complete || !sameChart ||
		!sameValues(after.values(), before.values()) ||
		!m.Kustomize.Equal(state.Kustomize) ||
		!m.ValuesWORevision.Equal(state.ValuesWORevision) ||
		!m.Status.Equal(state.Status) ||
		len(state.Drift.Elements()) > 0 ||
		!m.Name.Equal(state.Name) || !m.Namespace.Equal(state.Namespace)
}
