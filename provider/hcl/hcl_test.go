package hcl_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"terraform-provider-emissary/provider/hcl"
)

// TestFormat shows the forms that values take.
func TestFormat(t *testing.T) {
	t.Parallel()
	got := string(hcl.Format([]hcl.Block{
		{Type: "import", Attributes: []hcl.Attribute{{"to", hcl.Reference("emissary_module.ambassador")}, {"id", "default/ambassador"}}},
		{Comment: "First line.\nSecond line.", Type: "resource", Labels: []string{"emissary_module", "ambassador"}, Attributes: []hcl.Attribute{
			{"name", "ambassador"},
			{"script", "function f()\n  return \"${x} %{y}\"\nend\n"},
			{"chomped", "one\ntwo"},
			{"spaced", "  a\n  b\n"},
			{"carriage", "a\r\nb\r\n"},
			{"template", "${x} %{y} $${z} 100% $"},
			{"number", 0.1},
			{"whole", int64(1 << 40)},
			{"nothing", nil},
			{"empty", map[string]any{}},
			{"none", []any{}},
			{"short", map[string]any{"a": int64(1), "b.c/d": true, "for": "x"}},
			{"list", []any{"a", "b"}},
			{"nested", []any{map[string]any{"a": map[string]any{"b": []any{int64(1)}}}}},
		}},
		{Type: "resource", Labels: []string{"emissary_crds", "crds"}},
	}))
	want := `import {
  to = emissary_module.ambassador
  id = "default/ambassador"
}

# First line.
# Second line.
resource "emissary_module" "ambassador" {
  name   = "ambassador"
  script = <<-EOT
    function f()
      return "$${x} %%{y}"
    end
  EOT
  chomped = chomp(<<-EOT
    one
    two
  EOT
  )
  spaced   = "  a\n  b\n"
  carriage = "a\r\nb\r\n"
  template = "$${x} %%{y} $$${z} 100% $"
  number   = 0.1
  whole    = 1099511627776
  nothing  = null
  empty    = {}
  none     = []
  short    = { a = 1, "b.c/d" = true, "for" = "x" }
  list     = ["a", "b"]
  nested = [
    {
      a = {
        b = [1]
      }
    },
  ]
}

resource "emissary_crds" "crds" {}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestIdentifier makes names out of what Kubernetes takes for names, and out of anything else.
func TestIdentifier(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"quote": "quote", "my-mapping": "my_mapping", "a.b.c": "a_b_c", "1st": "_1st", "": "_", "ünï": "_n_", "A_1": "A_1",
	} {
		if got := hcl.Identifier(name); got != want {
			t.Errorf("Identifier(%q) is %q, want %q", name, got, want)
		}
	}
}

// FuzzEvaluate writes random values; HCL's own evaluation gives them back.
func FuzzEvaluate(f *testing.F) {
	for seed := range uint64(500) {
		f.Add(seed, "")
	}
	for _, text := range []string{"EOT\nEOT_\n", "$${a}\n$$${b}\n", "a\n\n  b\n\n", "\n", "\ta\nb\n", "a\n \nb\n", "%%{x}", "$", "a\n${", "\u2028\nx\n", "# x\n// y\n/* z\n", "\u0308a\nb\n"} {
		f.Add(uint64(0), text)
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		if !utf8.ValidString(text) {
			t.Skip("skipped: no YAML or JSON holds such a text")
		}
		g := &generator{rand.New(rand.NewPCG(seed, 0)), text}
		want := map[string]any{"value": g.value(4)}
		source := hcl.Format([]hcl.Block{{Type: "block", Attributes: []hcl.Attribute{{"value", want["value"]}}}})
		if diff := cmp.Diff(plain(cty.ObjectVal(map[string]cty.Value{"value": valueOf(want["value"])})), plain(evaluate(t, source))); diff != "" {
			t.Fatalf("written as\n%s\n(-written +read):\n%s", source, diff)
		}
	})
}

func evaluate(t *testing.T, source []byte) cty.Value {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(source, "test.tf", hcl2.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, source)
	}
	attribute := file.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes["value"]
	value, diags := attribute.Expr.Value(&hcl2.EvalContext{Functions: map[string]function.Function{"chomp": stdlib.ChompFunc}})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, source)
	}
	return cty.ObjectVal(map[string]cty.Value{"value": value})
}

type generator struct {
	*rand.Rand
	text string
}

var pieces = []string{"a", "EOT", "\n", "\n", "\n  ", " ", "\t", "${", "%{", "$", "%", "{", "}", "\"", "\\", "\r", "ü", "\x00", "~}", "#"}

func (g *generator) string() string {
	text := g.text
	for range g.IntN(8) {
		text += pieces[g.IntN(len(pieces))]
	}
	return text
}

func (g *generator) value(depth int) any {
	choices := 7
	if depth == 0 {
		choices = 5
	}
	switch g.IntN(choices) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2:
		return []int64{0, -1, 1 << 60}[g.IntN(3)]
	case 3:
		return []float64{0.1, -2.5, 1e21, 1e-7}[g.IntN(4)]
	case 4:
		return g.string()
	case 5:
		list := make([]any, g.IntN(4))
		for i := range list {
			list[i] = g.value(depth - 1)
		}
		return list
	default:
		object := map[string]any{}
		for range g.IntN(4) {
			object[g.string()+fmt.Sprint(g.IntN(9))] = g.value(depth - 1)
		}
		if g.IntN(3) == 0 {
			object[[]string{"for", "null", "true", "false", "if", "in", "a-b"}[g.IntN(7)]] = g.value(depth - 1)
		}
		return object
	}
}

// valueOf is the value that the literal must have.
func valueOf(value any) cty.Value {
	switch value := value.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType)
	case bool:
		return cty.BoolVal(value)
	case int64:
		return cty.NumberIntVal(value)
	case float64:
		return cty.MustParseNumberVal(fmt.Sprint(value))
	case string:
		return cty.StringVal(value)
	case []any:
		items := make([]cty.Value, len(value))
		for i, item := range value {
			items[i] = valueOf(item)
		}
		return cty.TupleVal(items)
	default:
		members := map[string]cty.Value{}
		for name, member := range value.(map[string]any) {
			members[cty.NormalizeString(name)] = valueOf(member)
		}
		return cty.ObjectVal(members)
	}
}

// plain is a value in a form that is easy to compare.
func plain(value cty.Value) any {
	switch t := value.Type(); {
	case value.IsNull():
		return nil
	case t == cty.String:
		return value.AsString()
	case t == cty.Bool:
		return value.True()
	case t == cty.Number:
		return value.AsBigFloat().Text('g', 30)
	case t.IsTupleType():
		items := []any{}
		for _, item := range value.AsValueSlice() {
			items = append(items, plain(item))
		}
		return items
	default:
		members := map[string]any{}
		for name, member := range value.AsValueMap() {
			members[name] = plain(member)
		}
		return members
	}
}
