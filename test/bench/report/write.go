package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed readme.md.tmpl
var readmeText string

var readme = template.Must(template.New("readme").Funcs(template.FuncMap{
	"thousands": thousands, "number": number,
}).Parse(readmeText))

// Write writes results.json, README.md and the plots to a folder, and the page of the provider where it was measured.
func (r *Results) Write(dir string) error {
	if r.Provider != nil {
		if err := r.Provider.Write(dir); err != nil {
			return err
		}
	}
	if r.onlyProvider() {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{"results.json": append(raw, '\n')}
	for _, plot := range r.plots() {
		if files[plot.File], err = plot.draw(); err != nil {
			return fmt.Errorf("plot %s: %w", plot.File, err)
		}
	}
	var page bytes.Buffer
	if err := readme.Execute(&page, map[string]any{"Results": r, "Rows": r.Rows(), "Plots": r.plots(), "Flat": flatGrowth}); err != nil {
		return err
	}
	files["README.md"] = page.Bytes()
	return writeFiles(dir, files)
}

// writeFiles writes files by name into a folder, which is made.
func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Summary is the rows that were measured, for a terminal.
func (r *Results) Summary() string {
	var b strings.Builder
	for _, row := range r.Rows() {
		if row.Verdict != NotMeasured {
			b.WriteString(row.text())
		}
	}
	if r.Provider != nil {
		b.WriteString(r.Provider.Summary())
	}
	return b.String()
}

// onlyProvider reports whether nothing else was measured.
func (r *Results) onlyProvider() bool {
	return r.Provider != nil && len(r.Apply)+len(r.Answers)+len(r.Throughput)+len(r.Memory)+len(r.Footprints)+len(r.Status)+len(r.Benchmarks) == 0
}
