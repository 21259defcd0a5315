package conversion_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/provider/conversion"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden converts every testdata/*.in.yaml to configuration with import blocks (*.out.tf) and to manifests
// (*.out.yaml); what is said about it stands above.
func TestGolden(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden inputs: %v", err)
	}
	for _, input := range inputs {
		for format, extension := range map[conversion.Format]string{conversion.HCL: ".tf", conversion.YAML: ".yaml"} {
			name := strings.TrimSuffix(filepath.Base(input), ".in.yaml") + ".out" + extension
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(input)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, filepath.Join("testdata", name), convert(t, string(data), conversion.Options{To: format, Imports: format == conversion.HCL}))
			})
		}
	}
}

// convert returns the messages as comments, then the output.
func convert(t *testing.T, manifests string, options conversion.Options) string {
	t.Helper()
	sources := []conversion.Source{{Name: "input", Data: []byte(manifests)}}
	result, err := conversion.Convert(sources, options)
	if err != nil {
		t.Fatal(err)
	}
	again, err := conversion.Convert(sources, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(result, again); diff != "" {
		t.Errorf("a second conversion differs:\n%s", diff)
	}
	var text strings.Builder
	for _, message := range result.Messages {
		text.WriteString("# " + message.String() + "\n")
	}
	if text.Len() > 0 {
		text.WriteString("\n")
	}
	text.Write(result.Text)
	return text.String()
}

// compare holds the text to that of a golden file.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (run go test -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the output differs from %s (-want +got):\n%s", golden, diff)
	}
}
