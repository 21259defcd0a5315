package conversion_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"terraform-provider-emissary/provider/conversion"
)

// FuzzConvert gives conversion whatever there is: it says what is wrong with it, and what it writes is configuration,
// formatted.
func FuzzConvert(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		f.Fatalf("no inputs: %v", err)
	}
	for _, input := range inputs {
		data, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{
		"{apiVersion: getambassador.io/v2, kind: Mapping, metadata: [], spec: []}",
		"{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a, labels: [b], annotations: {c: 1}}, spec: {labels: 1}}",
		"{apiVersion: v1, kind: List, items: {a: b}}",
		"{apiVersion: v1, kind: Service, metadata: {name: a, annotations: {getambassador.io/config: '- a'}}}",
		"{apiVersion: v1, kind: Secret, type: helm.sh/release.v1, metadata: {name: a}, data: [release]}",
		"{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [null]}}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sources := []conversion.Source{{Name: "input", Data: data}}
		if _, err := conversion.Convert(sources, conversion.Options{To: conversion.YAML}); err != nil {
			return
		}
		result, err := conversion.Convert(sources, conversion.Options{To: conversion.HCL, Imports: true})
		if err != nil {
			t.Fatalf("it has manifests but no configuration: %v", err)
		}
		if _, diags := hclsyntax.ParseConfig(result.Text, "output.tf", hcl.InitialPos); diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, result.Text)
		}
		if formatted := hclwrite.Format(result.Text); string(formatted) != string(result.Text) {
			t.Fatalf("it is not formatted:\n%s", result.Text)
		}
	})
}
