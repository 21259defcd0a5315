// Package charts holds the Helm charts of the product and gives them out as
// they were at build time, so that an install needs no chart repository.
//
//   - emissary-crds: the getambassador.io custom resource definitions, generated
//     from package crds;
//   - emissary-ingress: the controller, values-compatible with Emissary's charts
//     8.x and 4.x;
//   - emissary-config: Hosts, Mappings and the other kinds as plain values.
package charts

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

//go:generate go run ./generate

// The names Load accepts.
const (
	CRDs    = "emissary-crds"
	Ingress = "emissary-ingress"
	Config  = "emissary-config"
)

// files holds the chart directories; "all:" because Go otherwise leaves out
// files that begin with an underscore, which Helm's partial templates do.
//
//go:embed all:emissary-crds all:emissary-ingress all:emissary-config
var files embed.FS

// Names returns the names of the charts, sorted.
func Names() []string {
	return []string{Config, CRDs, Ingress}
}

// Load returns a bundled chart by its name. Every call returns a chart of its
// own, which Helm may change. The error of an unknown name lists the known ones.
func Load(name string) (*chart.Chart, error) {
	var buffered []*loader.BufferedFile
	err := fs.WalkDir(files, name, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		buffered = append(buffered, &loader.BufferedFile{Name: strings.TrimPrefix(path, name+"/"), Data: data})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no bundled chart is named %q: the bundled charts are %s", name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("read the bundled chart %q: %w", name, err)
	}
	loaded, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, fmt.Errorf("load the bundled chart %q: %w", name, err)
	}
	return loaded, nil
}
