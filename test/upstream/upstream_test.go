package upstream_test

import (
	"path/filepath"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"

	"terraform-provider-emissary/test/upstream"
)

// TestReleases: each release has a chart that Helm loads, CRDs and fixtures.
func TestReleases(t *testing.T) {
	t.Parallel()
	for _, r := range []*upstream.Release{upstream.WithAgent, upstream.Newest} {
		t.Run(r.Version, func(t *testing.T) {
			t.Parallel()
			chart, err := loader.Load(r.ChartDir(t))
			if err != nil {
				t.Fatal(err)
			}
			if chart.Name() != "emissary-ingress" || chart.Metadata.Version != r.Chart || chart.AppVersion() != r.Version {
				t.Errorf("the chart is %s %s of Emissary %s", chart.Name(), chart.Metadata.Version, chart.AppVersion())
			}
			for _, crd := range r.CRDs(t) {
				if crd.Spec.Group != "getambassador.io" || len(crd.Spec.Versions) == 0 {
					t.Errorf("%s is of %s and has %d versions", crd.Name, crd.Spec.Group, len(crd.Spec.Versions))
				}
			}
			count := map[string]int{}
			for _, fixture := range r.Fixtures(t) {
				count[filepath.Ext(fixture.File)+" "+fixture.Object["apiVersion"].(string)]++
			}
			t.Log(count)
			for _, version := range []string{"v1", "v2", "v3alpha1"} {
				if count[".yaml getambassador.io/"+version] == 0 {
					t.Errorf("there are no fixtures of %s", version)
				}
			}
		})
	}
}
