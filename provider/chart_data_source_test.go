package provider_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
	"terraform-provider-emissary/test/upstream"
)

// TestChartDataSource reads the example, which needs neither cluster nor network.
func TestChartDataSource(t *testing.T) {
	t.Parallel()
	bundled, err := charts.Load(charts.Ingress)
	if err != nil {
		t.Fatal(err)
	}
	is := func(attribute string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.emissary_chart.ingress", tfjsonpath.New(attribute), want)
	}
	runTerraform(t, resource.TestStep{
		Config: nowhere(t) + readFile(t, "../examples/data-sources/emissary_chart/data-source.tf"),
		ConfigStateChecks: []statecheck.StateCheck{
			is("name", knownvalue.StringExact(charts.Ingress)),
			is("chart_version", knownvalue.StringExact(bundled.Metadata.Version)),
			is("app_version", knownvalue.StringExact(bundled.AppVersion())),
			is("kubernetes_version", knownvalue.StringExact(bundled.Metadata.KubeVersion)),
			is("chart_digest", knownvalue.StringExact(release.Digest(bundled))),
			is("dependencies", knownvalue.ListSizeExact(0)),
			is("default_values_yaml", knownvalue.StringRegexp(regexp.MustCompile(`(?m)^replicaCount: 3$`))),
			is("readme", knownvalue.StringRegexp(regexp.MustCompile(`^# `))),
			statecheck.ExpectKnownOutputValue("default_replicas", knownvalue.Int64Exact(3)),
			statecheck.ExpectKnownOutputValue("values", knownvalue.ListPartial(map[int]knownvalue.Check{0: knownvalue.StringExact("adminService")})),
		},
	})
}

// TestChartDataSourceLocal reads a chart from a folder, and one that is not there.
func TestChartDataSourceLocal(t *testing.T) {
	t.Parallel()
	runTerraform(t,
		resource.TestStep{
			Config: fmt.Sprintf(`data "emissary_chart" "other" { chart = %q }`, upstream.Newest.ChartDir(t)),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.emissary_chart.other", tfjsonpath.New("chart_version"), knownvalue.StringExact(upstream.Newest.Chart)),
				statecheck.ExpectKnownValue("data.emissary_chart.other", tfjsonpath.New("values_schema"), knownvalue.Null()),
				statecheck.ExpectKnownValue("data.emissary_chart.other", tfjsonpath.New("readme"), knownvalue.Null()),
			},
		},
		resource.TestStep{
			Config:      fmt.Sprintf(`data "emissary_chart" "other" { chart = %q }`, t.TempDir()+"/nothing"),
			ExpectError: regexp.MustCompile(`(?s)Cannot load the chart.*there is no\s+file`),
		},
	)
}
