// Command generate writes the templates of the emissary-crds chart that hold the
// definitions of package crds, and removes those of kinds that are gone. It runs
// in the folder of package charts.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"terraform-provider-emissary/charts"
)

func main() {
	if err := run(charts.CRDs); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(chart string) error {
	templates, err := charts.CRDTemplates()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(chart, "templates", "getambassador.io_*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	for name, data := range templates {
		if err := os.WriteFile(filepath.Join(chart, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
