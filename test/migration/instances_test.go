package migration

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// all are two objects of one resource.
const all = `
resource "kubectl_manifest" "all" {
  for_each  = toset(["quote", "shop"])
  yaml_body = <<-EOT
    apiVersion: getambassador.io/v3alpha1
    kind: Mapping
    metadata: {name: ${each.key}}
    spec: {hostname: example.com, prefix: "/${each.key}/", service: ${each.key}, timeout_ms: 4000}
  EOT
}
`

// oneQuote is a resource for one of them.
const oneQuote = `
resource "emissary_mapping" "quote" {
  name       = "quote"
  hostname   = "example.com"
  prefix     = "/quote/"
  service    = "quote"
  timeout_ms = 4000
}
`

// TestMovedInstances moves the instances of a resource with for_each.
func TestMovedInstances(t *testing.T) {
	chain := guide(t, "taking-over", "Resources of other providers")
	for name, test := range map[string]struct {
		want   map[string]string
		blocks []string
	}{
		"as a whole": {
			map[string]string{`emissary_mapping.all["quote"]`: "no-op moved", `emissary_mapping.all["shop"]`: "no-op moved"},
			[]string{`
moved {
  from = kubectl_manifest.all
  to   = emissary_mapping.all
}

resource "emissary_mapping" "all" {
  for_each   = toset(["quote", "shop"])
  name       = each.key
  hostname   = "example.com"
  prefix     = "/${each.key}/"
  service    = each.key
  timeout_ms = 4000
}
`},
		},
		"one by one, with a change": {
			map[string]string{"emissary_mapping.quote": "no-op moved", "emissary_mapping.shop": "update moved"},
			[]string{oneQuote, `
moved {
  from = kubectl_manifest.all["quote"]
  to   = emissary_mapping.quote
}

moved {
  from = kubectl_manifest.all["shop"]
  to   = emissary_mapping.shop
}

resource "emissary_mapping" "shop" {
  name     = "shop"
  hostname = "example.com"
  prefix   = "/store/"
  service  = "shop"
}
`},
		},
		"one of them, as the guide does": {
			map[string]string{"emissary_mapping.quote": "no-op moved", `kubectl_manifest.all["shop"]`: "no-op"},
			[]string{oneQuote, strings.Replace(all, `"quote", `, "", 1), chain[len(chain)-1]},
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, []peer{kubectl}, func(w *world) {
				w.apply(ourCRDs)
				w.apply(ourCRDs, all)
				quote, shop := w.get(mappings, "default", "quote"), w.get(mappings, "default", "shop")
				want := maps.Clone(test.want)
				want["emissary_crds.this"] = "no-op"
				w.takesOver(want, append(slices.Clone(test.blocks), ourCRDs)...)
				w.same("the move", quote, shop)
			})
		})
	}
}

// TestMovedElsewhere moves an object that is not in the namespace of its manifest.
// What the old provider has set is changed and removed by the new resource.
func TestMovedElsewhere(t *testing.T) {
	for _, p := range []peer{kubectl, alekc} {
		t.Run(p.source, func(t *testing.T) { each(t, []peer{p}, movedElsewhere) })
	}
}

func movedElsewhere(w *world) {
	w.apply(ourCRDs)
	w.apply(ourCRDs, `
resource "kubectl_manifest" "quote" {
  override_namespace = "kube-public"
  yaml_body          = <<-EOT
    apiVersion: getambassador.io/v3alpha1
    kind: Mapping
    metadata: {name: quote, namespace: default}
    spec: {hostname: example.com, prefix: /quote/, service: quote, timeout_ms: 4000}
  EOT
}
`)
	before := w.get(mappings, "kube-public", "quote")
	moved := []string{ourCRDs, `
moved {
  from = kubectl_manifest.quote
  to   = emissary_mapping.quote
}

resource "emissary_mapping" "quote" {
  name       = "quote"
  namespace  = "kube-public"
  hostname   = "example.com"
  prefix     = "/quote/"
  service    = "quote"
  timeout_ms = 4000
}
`}
	w.takesOver(map[string]string{"emissary_crds.this": "no-op", "emissary_mapping.quote": "no-op moved"}, moved...)
	w.same("the move", before)

	moved[1] = strings.NewReplacer(`  timeout_ms = 4000`+"\n", "", `"/quote/"`, `"/other/"`).Replace(moved[1])
	w.takesOver(map[string]string{"emissary_crds.this": "no-op", "emissary_mapping.quote": "update"}, moved...)
	now := w.get(mappings, "kube-public", "quote")
	if diff := cmp.Diff(map[string]any{"hostname": "example.com", "prefix": "/other/", "service": "quote"}, now.Object["spec"]); diff != "" {
		w.Errorf("the spec after a change (-want +got):\n%s", diff)
	}
	w.same("the change", before)
}
