package provider_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"terraform-provider-emissary/crds"
)

// TestQuery finds an object of every kind with the example of its list, has
// Terraform write the configuration of all that it found, and imports that: it says
// what the objects say, so nothing changes.
func TestQuery(t *testing.T) {
	t.Parallel()
	engineHas(t, "queries", "1.14", never)
	w := newWorld(t)
	w.applyKinds()
	f := newFolder(t, map[string]string{"main.tf": w.config(""), "all.tfquery.hcl": w.kindExamples("list-resources", "list-resource.tfquery.hcl")})
	if found := f.run("query", "-no-color", "-generate-config-out=found.tf"); strings.Count(found, "list.emissary_") != len(crds.Kinds()) {
		t.Errorf("an object of each of %d kinds is wanted:\n%s", len(crds.Kinds()), found)
	}
	f.importsKinds()
}

// TestImportByIdentity imports an object of every kind by the example of that,
// into the configuration that it was made from.
func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	engineHas(t, "identities", "1.12", "1.12")
	w := newWorld(t)
	w.applyKinds()
	f := newFolder(t, map[string]string{"main.tf": w.config(w.kindExamples("resources", "resource.tf")), "import.tf": w.kindExamples("resources", "import-by-identity.tf")})
	f.importsKinds()
}

// TestRefreshOnly refreshes an object of every kind right after it was made: the
// state is what it was, for the engine too.
func TestRefreshOnly(t *testing.T) {
	t.Parallel()
	engineHas(t, "right exit status of plan -refresh-only", "1.15", "1.6")
	w := newWorld(t)
	w.applyKinds().run("plan", "-no-color", "-refresh-only", "-detailed-exitcode")
}

// applyKinds makes the objects of all examples, and returns the folder that has
// their state.
func (w *world) applyKinds() *folder {
	w.Helper()
	f := newFolder(w.T, map[string]string{"main.tf": w.config(w.kindExamples("resources", "resource.tf"))})
	f.run("apply", "-no-color", "-auto-approve")
	return f
}

// importsKinds imports an object of each kind, which changes nothing, and then
// there is nothing to do.
func (f *folder) importsKinds() {
	f.Helper()
	want := fmt.Sprintf("Resources: %d imported, 0 added, 0 changed, 0 destroyed.", len(crds.Kinds()))
	if output := f.run("apply", "-no-color", "-auto-approve"); !strings.Contains(output, want) {
		f.Errorf("%q is wanted:\n%s", want, output)
	}
	f.run("plan", "-no-color", "-detailed-exitcode")
}

// kindExamples is a file of the examples of every kind, in the test's namespace.
func (w *world) kindExamples(folder, file string) string {
	w.Helper()
	lists, err := filepath.Glob("../examples/list-resources/*")
	if err != nil || len(lists) != len(crds.Kinds()) {
		w.Fatalf("%d of %d kinds have an example of a list: %v", len(lists), len(crds.Kinds()), err)
	}
	var all strings.Builder
	for _, kind := range lists {
		all.WriteString(readFile(w.T, filepath.Join("../examples", folder, filepath.Base(kind), file)))
	}
	return strings.ReplaceAll(all.String(), `"default"`, fmt.Sprintf("%q", w.namespace))
}
