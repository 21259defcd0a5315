package release

import (
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"terraform-provider-emissary/charts"
)

// Where Emissary publishes its chart emissary-ingress: since version 4 in an OCI
// registry, before in a chart repository.
const (
	emissaryRegistry   = "oci://ghcr.io/emissary-ingress"
	emissaryRepository = "https://app.getambassador.io"
)

// published is where the chart can be had that this is the metadata of, if it is
// Emissary's own. The bundled chart has the same name, and no home.
func published(metadata *chart.Metadata) Source {
	if metadata.Name != charts.Ingress || !slices.ContainsFunc(append(metadata.Sources, metadata.Home), isEmissarys) {
		return Source{}
	}
	source := Source{Chart: metadata.Name, Repository: emissaryRegistry, Version: metadata.Version}
	// Before 4 came 6 to 8: the chart had versions of its own.
	if major, _, _ := strings.Cut(metadata.Version, "."); slices.Contains([]string{"6", "7", "8"}, major) {
		source.Repository = emissaryRepository
	}
	return source
}

// Source is what a configuration says of the chart to keep the one that the release has: nothing for the bundled
// ingress chart, which is the default, or for a chart of which nothing is known.
func (i *Info) Source() Source {
	switch {
	case i.Published.Chart != "":
		return i.Published
	case i.ChartName != charts.Ingress && slices.Contains(charts.Names(), i.ChartName):
		return Source{Chart: i.ChartName}
	}
	return Source{}
}

// isEmissarys reports whether a link in a chart's metadata leads to Emissary.
func isEmissarys(link string) bool {
	return strings.Contains(link, "getambassador.io") || strings.Contains(link, "datawire/ambassador") || strings.Contains(link, "emissary-ingress/emissary")
}
