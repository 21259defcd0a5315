// Command generate writes what is generated in the charts: the templates of
// emissary-crds that hold the definitions of package crds, without those of kinds
// that are gone, and each chart's values.schema.json. It runs in the folder of
// package charts.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"terraform-provider-emissary/charts"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := writeCRDs(charts.CRDs); err != nil {
		return err
	}
	for _, chart := range charts.Names() {
		schema, err := schemaOf(".", chart)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(chart, schemaFile), schema, 0o644); err != nil {
			return err
		}
	}
	return nil
}

const schemaFile = "values.schema.json"

// schemaOf is the schema of a chart's values; folder is that of package charts.
func schemaOf(folder, chart string) ([]byte, error) {
	values, err := os.ReadFile(filepath.Join(folder, chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	schema, err := valuesSchema(chart, values, rules[chart])
	if err != nil {
		return nil, fmt.Errorf("the values of %s: %w", chart, err)
	}
	return schema, nil
}

func writeCRDs(chart string) error {
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
