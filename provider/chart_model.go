package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v3/pkg/chart"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

// chartModel says where a chart comes from, in every schema that takes one.
type chartModel struct {
	Chart              types.String `tfsdk:"chart"`
	Repository         types.String `tfsdk:"repository"`
	Version            types.String `tfsdk:"version"`
	RepositoryUsername types.String `tfsdk:"repository_username"`
	RepositoryPassword types.String `tfsdk:"repository_password"`
}

// The descriptions of these attributes.
const (
	chartDescription = "The chart: one of the bundled ones (`" + charts.Ingress + "`, `" + charts.Config + "`, `" + charts.CRDs + "`), " +
		"the path of a folder or archive, a name in `repository`, or a URL (`https://….tgz`, `oci://…`). Default `" + charts.Ingress + "`."
	repositoryDescription         = "URL of a chart repository (`https://…`) or of a folder in an OCI registry (`oci://…`) that has `chart`. Default: none."
	chartVersionDescription       = "Version of the chart, or a range such as `~8.2`. Default: the newest. A bundled chart has the version of the provider."
	repositoryUsernameDescription = "User name for the repository or registry. Default: what `helm registry login` or `docker login` stored."
	repositoryPasswordDescription = "Password for the repository or registry. Default: what `helm registry login` or `docker login` stored."
)

// source says where the chart comes from. It reports false while that is not
// known.
func (m *chartModel) source() (release.Source, bool) {
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

// load loads the chart, wherever it is. It is nil after an error.
func (m *chartModel) load(ctx context.Context, diags *diag.Diagnostics) *chart.Chart {
	source, _ := m.source()
	loaded, err := source.Load(ctx)
	if err != nil {
		diags.AddAttributeError(path.Root("chart"), "Cannot load the chart", sentence(err)+".")
		return nil
	}
	return loaded
}

// sameChart reports whether two models name the same chart. A chart in a folder
// or archive may have changed all the same; its digest tells.
func (m *chartModel) sameChart(other *chartModel) bool {
	mine, known := m.source()
	theirs, alsoKnown := other.source()
	mine.Username, mine.Password, theirs.Username, theirs.Password = "", "", "", ""
	return known && alsoKnown && mine == theirs
}
