package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v3/pkg/chart"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

// defaultReleaseTimeout leaves time for images to be pulled.
const defaultReleaseTimeout = 10 * time.Minute

// statusModified is the status of a release that someone else has changed since
// the last apply. The others are Helm's.
const statusModified = "modified"

// releaseModel is the configuration, plan or state of an emissary_release.
type releaseModel struct {
	ID        types.String `tfsdk:"id"`
	Name      types.String `tfsdk:"name"`
	Namespace types.String `tfsdk:"namespace"`

	Chart              types.String `tfsdk:"chart"`
	Repository         types.String `tfsdk:"repository"`
	Version            types.String `tfsdk:"version"`
	RepositoryUsername types.String `tfsdk:"repository_username"`
	RepositoryPassword types.String `tfsdk:"repository_password"`

	Values          types.Dynamic `tfsdk:"values"`
	ValuesYAML      types.List    `tfsdk:"values_yaml"`
	SensitiveValues types.Dynamic `tfsdk:"sensitive_values"`

	CreateNamespace types.Bool  `tfsdk:"create_namespace"`
	Wait            types.Bool  `tfsdk:"wait"`
	WaitForJobs     types.Bool  `tfsdk:"wait_for_jobs"`
	Atomic          types.Bool  `tfsdk:"atomic"`
	SkipCRDs        types.Bool  `tfsdk:"skip_crds"`
	TakeOwnership   types.Bool  `tfsdk:"take_ownership"`
	DisableHooks    types.Bool  `tfsdk:"disable_hooks"`
	MaxHistory      types.Int64 `tfsdk:"max_history"`

	Revision     types.Int64  `tfsdk:"revision"`
	Status       types.String `tfsdk:"status"`
	ChartVersion types.String `tfsdk:"chart_version"`
	AppVersion   types.String `tfsdk:"app_version"`
	ChartDigest  types.String `tfsdk:"chart_digest"`

	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

func (m *releaseModel) ref() release.Ref {
	return release.Ref{Namespace: m.Namespace.ValueString(), Name: m.Name.ValueString()}
}

// source says where the chart comes from. It reports false while that is not
// known.
func (m *releaseModel) source() (release.Source, bool) {
	source := release.Source{
		Chart:      m.Chart.ValueString(),
		Repository: m.Repository.ValueString(),
		Version:    m.Version.ValueString(),
		Username:   m.RepositoryUsername.ValueString(),
		Password:   m.RepositoryPassword.ValueString(),
	}
	if source.Chart == "" && source.Repository == "" {
		source.Chart = charts.Ingress
	}
	return source, !m.Chart.IsUnknown() && !m.Repository.IsUnknown() && !m.Version.IsUnknown()
}

// sameChart reports whether two models name the same chart. A chart in a folder
// or archive may have changed all the same; its digest tells.
func (m *releaseModel) sameChart(other *releaseModel) bool {
	mine, known := m.source()
	theirs, alsoKnown := other.source()
	mine.Username, mine.Password, theirs.Username, theirs.Password = "", "", "", ""
	return known && alsoKnown && mine == theirs
}

// spec is what internal/release takes.
func (m *releaseModel) spec(loaded *chart.Chart, values map[string]any) release.Spec {
	return release.Spec{
		Name:            m.Name.ValueString(),
		Namespace:       m.Namespace.ValueString(),
		Chart:           loaded,
		Values:          values,
		CreateNamespace: m.CreateNamespace.ValueBool(),
		Wait:            m.Wait.ValueBool(),
		WaitForJobs:     m.WaitForJobs.ValueBool(),
		Atomic:          m.Atomic.ValueBool(),
		SkipCRDs:        m.SkipCRDs.ValueBool(),
		TakeOwnership:   m.TakeOwnership.ValueBool(),
		DisableHooks:    m.DisableHooks.ValueBool(),
		MaxHistory:      int(m.MaxHistory.ValueInt64()),
	}
}

// describeChart fills in what is known of the release from its chart alone.
func (m *releaseModel) describeChart(loaded *chart.Chart) {
	m.ChartVersion = types.StringValue(loaded.Metadata.Version)
	m.AppVersion = types.StringValue(loaded.AppVersion())
	m.ChartDigest = types.StringValue(release.Digest(loaded))
}

// describe fills in what the cluster says.
func (m *releaseModel) describe(info *release.Info) {
	m.ID = types.StringValue(m.ref().String())
	m.Revision = types.Int64Value(int64(info.Revision))
	m.Status = types.StringValue(info.Status)
}

// differs reports whether someone else has given the release another chart or
// other values since it was applied. An import has nothing to compare with.
func (m *releaseModel) differs(ctx context.Context, info *release.Info, diags *diag.Diagnostics) bool {
	if m.Revision.IsNull() || info.Revision == int(m.Revision.ValueInt64()) {
		return false
	}
	values, known := m.chartValues(ctx, diags)
	return !known || info.ChartVersion != m.ChartVersion.ValueString() || !sameValues(values, info.Values)
}

// stringOrNull is null for an empty text.
func stringOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}
