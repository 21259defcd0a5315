package upstream

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Fixture is an object that Emissary's own tests use.
type Fixture struct {
	// File is where it is, below the source.
	File   string
	Object map[string]any
}

// ours is the API group of the objects that are Emissary's.
const ours = "getambassador.io/"

// Fixtures returns the objects of Emissary's API, in any version, that its tests
// have: in files of YAML, and in the texts within the programs of its end-to-end
// tests, with a name in place of what those put in as they run.
func (r *Release) Fixtures(t testing.TB) []Fixture {
	t.Helper()
	source := r.Source(t)
	var all []Fixture
	for _, root := range []string{"pkg/api", "cmd/entrypoint/testdata", "python/tests"} {
		err := filepath.WalkDir(filepath.Join(source, root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			var texts [][]byte
			switch filepath.Ext(path) {
			case ".yaml":
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				texts = [][]byte{text}
			case ".py":
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				texts = embedded(text)
			}
			file, _ := filepath.Rel(source, path)
			for _, text := range texts {
				for _, object := range objectsIn(text) {
					all = append(all, Fixture{File: file, Object: object})
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Fatalf("Emissary %s has no fixtures", r.Version)
	}
	return all
}

var (
	pythonText = regexp.MustCompile(`(?s)"""(.*?)"""`)
	// pythonValue is what a formatted text of Python puts in, such as {self.name};
	// the braces of YAML are doubled in it.
	pythonValue = regexp.MustCompile(`\{[\w.()\[\]'"-]+\}`)
)

// embedded returns the texts in a Python program that have objects of Emissary.
func embedded(program []byte) (texts [][]byte) {
	for _, match := range pythonText.FindAllSubmatch(program, -1) {
		text := match[1]
		if !bytes.Contains(text, []byte("apiVersion: "+ours)) {
			continue
		}
		text = pythonValue.ReplaceAll(text, []byte("fixture"))
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("{{"), []byte("{")), []byte("}}"), []byte("}"))
		texts = append(texts, text)
	}
	return texts
}

// objectsIn returns the objects of Emissary's API in a text: one a document, or
// lists of them. What is no YAML is left out: some tests are about just that.
func objectsIn(text []byte) (objects []map[string]any) {
	for _, document := range regexp.MustCompile(`(?m)^---.*$`).Split(string(text), -1) {
		var content any
		if yaml.Unmarshal([]byte(document), &content) != nil {
			continue
		}
		items, isList := content.([]any)
		if !isList {
			items = []any{content}
		}
		for _, item := range items {
			object, _ := item.(map[string]any)
			apiVersion, _ := object["apiVersion"].(string)
			// Those without metadata are flat: they belong into annotations.
			if _, whole := object["metadata"].(map[string]any); whole && strings.HasPrefix(apiVersion, ours) {
				objects = append(objects, object)
			}
		}
	}
	return objects
}
