package provider_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/provider/document"
)

// TestEveryAttributeIsDescribed reads what a user reads: every block, attribute and parameter has a description that is
// a sentence; one that may be left out names its default, and a number its unit.
func TestEveryAttributeIsDescribed(t *testing.T) {
	t.Parallel()
	schemas, err := provider.NewServer("test").GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]*tfprotov6.SchemaBlock{"provider": schemas.Provider.Block}
	for prefix, group := range map[string]map[string]*tfprotov6.Schema{
		"": schemas.ResourceSchemas, "data.": schemas.DataSourceSchemas, "list.": schemas.ListResourceSchemas, "ephemeral.": schemas.EphemeralResourceSchemas,
	} {
		for name, schema := range group {
			blocks[prefix+name] = schema.Block
		}
	}
	for name, schema := range schemas.ActionSchemas {
		blocks["action."+name] = schema.Schema.Block
	}
	for name, block := range blocks {
		if !isSentence(block.Description) {
			t.Errorf("%s is described as %q: a sentence is wanted", name, block.Description)
		}
		checkBlock(t, name, block)
	}
	for name, function := range schemas.Functions {
		if function.Summary == "" || !isSentence(function.Description) {
			t.Errorf("function %s is described as %q, %q", name, function.Summary, function.Description)
		}
		for _, parameter := range function.Parameters {
			if !isSentence(parameter.Description) {
				t.Errorf("parameter %s of function %s is described as %q: a sentence is wanted", parameter.Name, name, parameter.Description)
			}
		}
	}
}

func checkBlock(t *testing.T, at string, block *tfprotov6.SchemaBlock) {
	t.Helper()
	checkAttributes(t, at, block.Attributes)
	for _, nested := range block.BlockTypes {
		checkBlock(t, at+"."+nested.TypeName, nested.Block)
	}
}

// namesDefault are the words that say what happens without an attribute.
var namesDefault = regexp.MustCompile(`(?i)default|has no effect`)

// units are what numbers count.
var units = regexp.MustCompile(`(?i)milliseconds|seconds|bytes|percent|port\b|status code|connections|requests|retries|probes|` +
	`in a row|how many|number of|rank|revisions|has no effect`)

func checkAttributes(t *testing.T, at string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, attribute := range attributes {
		name := at + "." + attribute.Name
		if !isSentence(attribute.Description) {
			t.Errorf("%s is described as %q: a sentence is wanted", name, attribute.Description)
		}
		if attribute.Optional && !namesDefault.MatchString(attribute.Description) {
			t.Errorf("%s is described as %q: its default is missing", name, attribute.Description)
		}
		if attribute.NestedType != nil {
			checkAttributes(t, name, attribute.NestedType.Attributes)
			continue
		}
		if attribute.Type.Is(tftypes.Number) && !units.MatchString(attribute.Description) {
			t.Errorf("%s is described as %q: its unit is missing", name, attribute.Description)
		}
		if strings.HasSuffix(attribute.Name, "_ms") && !strings.Contains(attribute.Description, "milliseconds") {
			t.Errorf("%s is described as %q: milliseconds are not mentioned", name, attribute.Description)
		}
	}
}

// TestDocumentIsWhatTheEngineSees compares what the documentation is made from with what the engine prints, in all that
// this engine knows of.
func TestDocumentIsWhatTheEngineSees(t *testing.T) {
	t.Parallel()
	server := provider.NewServer("test")
	schemas, err1 := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	identities, err2 := server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	ours, err3 := json.Marshal(document.Schema("emissary", schemas, identities))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	parts := func(text string) map[string]any {
		t.Helper()
		var all struct {
			Providers map[string]map[string]any `json:"provider_schemas"`
		}
		if err := json.Unmarshal([]byte(text), &all); err != nil || len(all.Providers) != 1 {
			t.Fatalf("%d providers: %v", len(all.Providers), err)
		}
		for _, parts := range all.Providers {
			return parts
		}
		return nil
	}
	documented := parts(string(ours))
	for part, want := range parts(newFolder(t, map[string]string{"main.tf": "provider \"emissary\" {}\n"}).run("providers", "schema", "-json")) {
		if diff := cmp.Diff(want, documented[part]); diff != "" {
			t.Errorf("%s is not what the engine prints (-engine +documented):\n%s", part, diff)
		}
	}
}

// TestEverythingHasAPage finds a page for all that there is, and an example on it, which other tests apply.
func TestEverythingHasAPage(t *testing.T) {
	t.Parallel()
	schemas, err := provider.NewServer("test").GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string][]string{
		"list-resources": slices.Collect(maps.Keys(schemas.ListResourceSchemas)),
		"resources":      slices.Collect(maps.Keys(schemas.ResourceSchemas)), "data-sources": slices.Collect(maps.Keys(schemas.DataSourceSchemas)),
		"functions": slices.Collect(maps.Keys(schemas.Functions)), "actions": slices.Collect(maps.Keys(schemas.ActionSchemas)),
		"ephemeral-resources": slices.Collect(maps.Keys(schemas.EphemeralResourceSchemas)),
	}
	for folder, names := range wanted {
		for _, name := range names {
			if found, _ := filepath.Glob(filepath.Join("../examples", folder, name, "*.tf*")); len(found) == 0 {
				t.Errorf("examples/%s/%s is missing", folder, name)
			}
			if page := filepath.Join("../docs", folder, strings.TrimPrefix(name, "emissary_")+".md"); !strings.Contains(readFile(t, page), "## Example Usage\n") {
				t.Errorf("%s has no example", page)
			}
		}
	}
}

// isSentence reports whether a text begins like a sentence and ends like one.
func isSentence(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && strings.HasSuffix(strings.TrimRight(text, "`)"), ".") && text[:1] == strings.ToUpper(text[:1])
}

// TestDocsAreGrouped finds each page of the documentation in a group of the sidebar.
func TestDocsAreGrouped(t *testing.T) {
	t.Parallel()
	pages := 0
	err := filepath.WalkDir("../docs", func(path string, entry fs.DirEntry, err error) error {
		folder := filepath.Base(filepath.Dir(path))
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" || folder == "docs" || folder == "guides" || folder == "benchmarks" {
			return err
		}
		pages++
		if !regexp.MustCompile(`(?m)^subcategory: "[^"]+"$`).MatchString(readFile(t, path)) {
			t.Errorf("%s has no subcategory: templates/%s.md.tmpl names the groups", path, folder)
		}
		return nil
	})
	if err != nil || pages == 0 {
		t.Fatalf("%d pages were read: %v", pages, err)
	}
}
