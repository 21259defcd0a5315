package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/charts"
)

// TestSchemasAreCurrent compares the schemas in the charts with what values.yaml
// and the rules say.
func TestSchemasAreCurrent(t *testing.T) {
	t.Parallel()
	for _, chart := range charts.Names() {
		want, err := schemaOf("..", chart)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", chart, schemaFile))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s/%s is not what values.yaml says; run go generate ./charts (-want +got):\n%s", chart, schemaFile, diff)
		}
	}
}

func TestValuesSchema(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values string
		rules  map[string]rule
		want   string
		err    string
	}{
		"types": {
			values: "# About a.\n#   a: example\na: x\nb: true\nc: 1\nd: []\ne: {}\n",
			want: `{"properties":{"a":{"description":"About a.","type":["string","null"]},"b":{"type":["boolean","null"]},` +
				`"c":{"minimum":0,"pattern":"^[0-9]*$","type":["integer","string","null"]},"d":{"type":["array","null"]},"e":{"type":["object","null"]}}}`,
		},
		"rules": {
			values: "m:\n  # Its port.\n  p:\n",
			rules:  map[string]rule{"m": {open: true, also: object{"old": text()}}, "m.p": {schema: boolean()}},
			want: `{"properties":{"m":{"additionalProperties":true,"properties":{"old":{"type":["string","null"]},` +
				`"p":{"description":"Its port.","type":["boolean","null"]}},"type":"object"}}}`,
		},
		"no type":            {values: "m:\n  p:\n", err: `m.p has the default !!null "", which tells no type: it needs a rule`},
		"a rule for nothing": {values: "a: x\n", rules: map[string]rule{"b": {}}, err: `the rule "b" is for no key`},
		"a key twice":        {values: "a: x\n", rules: map[string]rule{"": {also: object{"a": text()}}}, err: "adds a, which values.yaml has"},
		"not YAML":           {values: "a: {", err: "did not find"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := valuesSchema("mine", []byte(test.values), test.rules)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if compact := strings.NewReplacer("\n", "", "  ", "", `": `, `":`).Replace(string(got)); !strings.Contains(compact, strings.Trim(test.want, "{}")) {
				t.Errorf("got %s", compact)
			}
		})
	}
}
