package release

import (
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
)

// renderVersion is the Kubernetes version for which a chart is rendered when no
// cluster is asked.
const renderVersion = "v1.36.0"

// Rendered is what a release would consist of.
type Rendered struct {
	// Manifest is the objects as a stream of YAML documents, hooks not included.
	Manifest string
	// Notes are the chart's words to the user.
	Notes string
}

// Render renders a release without a cluster: the error is one of the chart or
// of the values. Templates that ask the cluster (lookup) find nothing.
func Render(spec Spec) (*Rendered, error) {
	version, err := chartutil.ParseKubeVersion(renderVersion)
	if err != nil {
		return nil, fmt.Errorf("kubernetes version %s: %w", renderVersion, err)
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ClientOnly, install.DryRun = true, true
	install.KubeVersion = version
	install.ReleaseName, install.Namespace = spec.Name, spec.Namespace
	install.SkipCRDs = spec.SkipCRDs
	install.DisableHooks = spec.DisableHooks
	rendered, err := install.Run(spec.Chart, spec.Values)
	if err != nil {
		return nil, err
	}
	return &Rendered{Manifest: rendered.Manifest, Notes: rendered.Info.Notes}, nil
}
