package charts_test

import (
	"path"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"

	"terraform-provider-emissary/charts"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, name := range charts.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart, err := charts.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := chart.Validate(); err != nil {
				t.Errorf("the chart is not valid: %v", err)
			}
			if chart.Name() != name {
				t.Errorf("the chart is named %q", chart.Name())
			}
			if chart.Metadata.Version != chart.AppVersion() {
				t.Errorf("version %q and appVersion %q differ: the chart is released with the binary", chart.Metadata.Version, chart.AppVersion())
			}
		})
	}
}

func TestLoadUnknown(t *testing.T) {
	t.Parallel()
	_, err := charts.Load("emissary")
	if err == nil {
		t.Fatal("no error for a chart that is not there")
	}
	for _, want := range append(charts.Names(), `"emissary"`) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error %q does not name %s", err, want)
		}
	}
}

// TestLint runs Helm's own linter. Its only remark is that there is no icon.
func TestLint(t *testing.T) {
	t.Parallel()
	for _, name := range charts.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := lint.All(name, nil, "test", false)
			for _, message := range result.Messages {
				if message.Severity > support.InfoSev {
					t.Errorf("%s: %s", path.Join(name, message.Path), message.Err)
				}
			}
		})
	}
}

// TestNoGeneratedValues: a chart that generates certificates, passwords or dates
// renders differently each time and never settles under GitOps.
func TestNoGeneratedValues(t *testing.T) {
	t.Parallel()
	forbidden := []string{"genCA", "genSelfSigned", "genSignedCert", "genPrivateKey", "randAlpha", "randNumeric", "randAscii", "randBytes", "uuidv4", "lookup ", "now |", "(now)"}
	for _, name := range charts.Names() {
		chart, err := charts.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, template := range chart.Templates {
			for _, function := range forbidden {
				if strings.Contains(actions(string(template.Data)), function) {
					t.Errorf("%s/%s uses %q", name, template.Name, function)
				}
			}
		}
	}
}

// actions returns what stands between {{ and }} in a template.
func actions(template string) string {
	var inside strings.Builder
	for _, part := range strings.Split(template, "{{")[1:] {
		action, _, _ := strings.Cut(part, "}}")
		inside.WriteString(action + "\n")
	}
	return inside.String()
}
