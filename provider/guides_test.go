package provider_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"terraform-provider-emissary/test/deps"
)

// guides are the texts of the guides by name.
func guides(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deps.Root(), "templates", "guides", "*.md.tmpl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	texts := map[string]string{}
	for _, file := range files {
		texts[strings.TrimSuffix(filepath.Base(file), ".md.tmpl")] = readFile(t, file)
	}
	return texts
}

// guideBlock is configuration in a guide.
var guideBlock = regexp.MustCompile("(?s)```(?:terraform|hcl)\n(.*?)```")

// TestGuidesAreFormatted reads all configuration in the guides.
func TestGuidesAreFormatted(t *testing.T) {
	t.Parallel()
	for guide, text := range guides(t) {
		for _, match := range guideBlock.FindAllStringSubmatch(text, -1) {
			if _, diags := hclsyntax.ParseConfig([]byte(match[1]), guide, hcl.InitialPos); diags.HasErrors() {
				t.Errorf("%s: %v in\n%s", guide, diags, match[1])
			}
			if got := string(hclwrite.Format([]byte(match[1]))); got != match[1] {
				t.Errorf("%s: terraform fmt would write\n%s", guide, got)
			}
		}
	}
}

// TestGuidesPlan plans the resources in the guides about moving here and about releases, as they are.
func TestGuidesPlan(t *testing.T) {
	t.Parallel()
	planned := 0
	for guide, text := range guides(t) {
		if guide != "migrating-from-helm" && guide != "troubleshooting" && guide != "releases" {
			continue
		}
		for _, match := range guideBlock.FindAllStringSubmatch(text, -1) {
			if resources := ownResources(t, match[1]); resources != "" {
				planned++
				runTerraform(t, resource.TestStep{Config: resources, PlanOnly: true, ExpectNonEmptyPlan: true})
			}
		}
	}
	if planned < 5 {
		t.Errorf("only %d blocks were planned", planned)
	}
}

// ownResources are the resources of this provider in a text.
func ownResources(t *testing.T, text string) string {
	t.Helper()
	file, diags := hclwrite.ParseConfig([]byte(text), "guide", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var resources strings.Builder
	for _, block := range file.Body().Blocks() {
		if block.Type() == "resource" && strings.HasPrefix(block.Labels()[0], "emissary_") {
			resources.Write(block.BuildTokens(nil).Bytes())
		}
	}
	// The only file that a guide reads, and the only variable.
	return strings.NewReplacer(
		`templatefile("${path.module}/values.yaml", { replicas = 2 })`, `"replicaCount: 2"`,
		"var.redis_password", `"x"`,
	).Replace(resources.String())
}

// TestGuideMessages finds the words of the messages that the guides explain in the code that says them.
func TestGuideMessages(t *testing.T) {
	t.Parallel()
	messages := map[string][]string{
		"troubleshooting": {
			"no Listener is open",
			"holds no usable certificate",
			"there is no PEM block of type ",
			"the server does not know",
			"Install the CRDs, for example with the resource emissary_crds.",
			"was applied but is not served",
			"no controller has reported on it; is one running that serves its ambassador_id?",
			"other field managers own what it sets: ",
			"Remove these fields from one of the two, or set force_conflicts = true to take them over.",
			"it exists and does not belong to this release",
			"Delete it, or set take_ownership = true to make it part of this release.",
			"the server does not accept the credentials (401 Unauthorized)",
			"the server cannot be reached: ",
			"is being deleted",
			" and held: ",
		},
		"multiple-installs": {
			"it exists and does not belong to this release",
			"Delete it, or set take_ownership = true to make it part of this release.",
		},
		"convert": {
			"the kind has no such field",
			"a plan will refuse it: ",
			"it is left out: ",
			"no resource of this provider manages it",
		},
	}
	code := sources(t)
	texts := guides(t)
	for guide, fragments := range messages {
		text := strings.Join(strings.Fields(texts[guide]), " ")
		for _, fragment := range fragments {
			if !strings.Contains(text, strings.TrimSpace(fragment)) {
				t.Errorf("%s does not mention %q", guide, fragment)
			}
			if !strings.Contains(code, fragment) {
				t.Errorf("%s mentions %q, which nothing says any more", guide, fragment)
			}
		}
	}
}

// sources is the code of the product, without tests.
func sources(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, folder := range []string{"controller", "internal", "provider"} {
		err := filepath.WalkDir(filepath.Join(deps.Root(), folder), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				text.WriteString(readFile(t, path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}
