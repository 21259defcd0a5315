package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v3/pkg/chart"

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

	chartModel
	contentModel
	// ValuesWO is in a configuration only.
	ValuesWO         types.Dynamic `tfsdk:"values_wo"`
	ValuesWORevision types.Int64   `tfsdk:"values_wo_revision"`

	CreateNamespace types.Bool  `tfsdk:"create_namespace"`
	Wait            types.Bool  `tfsdk:"wait"`
	WaitForJobs     types.Bool  `tfsdk:"wait_for_jobs"`
	Atomic          types.Bool  `tfsdk:"atomic"`
	SkipCRDs        types.Bool  `tfsdk:"skip_crds"`
	TakeOwnership   types.Bool  `tfsdk:"take_ownership"`
	DisableHooks    types.Bool  `tfsdk:"disable_hooks"`
	MaxHistory      types.Int64 `tfsdk:"max_history"`
	IgnoreDrift     types.List  `tfsdk:"ignore_drift"`

	Revision     types.Int64  `tfsdk:"revision"`
	Status       types.String `tfsdk:"status"`
	ChartVersion types.String `tfsdk:"chart_version"`
	AppVersion   types.String `tfsdk:"app_version"`
	ChartDigest  types.String `tfsdk:"chart_digest"`
	Drift        types.List   `tfsdk:"drift"`

	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

func (m *releaseModel) ref() release.Ref {
	return release.Ref{Namespace: m.Namespace.ValueString(), Name: m.Name.ValueString()}
}

// spec is what internal/release takes.
func (m *releaseModel) spec(loaded *chart.Chart, content content) release.Spec {
	return release.Spec{
		Name:            m.Name.ValueString(),
		Namespace:       m.Namespace.ValueString(),
		Chart:           loaded,
		Values:          content.values(),
		Kustomization:   content.kustomization,
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
// other values since it was applied. Write-only values are not in the state, so
// they are left out; an import has nothing to compare with.
func (m *releaseModel) differs(ctx context.Context, info *release.Info, writeOnly [][]string, diags *diag.Diagnostics) bool {
	if m.Revision.IsNull() || info.Revision == int(m.Revision.ValueInt64()) {
		return false
	}
	content := m.content(ctx, types.DynamicNull(), diags)
	return !content.complete || info.ChartVersion != m.ChartVersion.ValueString() ||
		!sameValues(withoutPaths(content.values(), writeOnly), withoutPaths(info.Values, writeOnly))
}

// stringOrNull is null for an empty text.
func stringOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}
