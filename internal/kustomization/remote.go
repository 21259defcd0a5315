package kustomization

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/yaml"
)

// remote is what kustomize fetches instead of reading it from disk: URLs, and
// what git clones. kustomize has no setting against it.
// See NewRepoSpecFromURL in kustomize's api/internal/git.
var remote = regexp.MustCompile(`(?i)^(git::|(ssh|https?|file)://|[a-z][a-z0-9-]*@|github\.com[/:])`)

func isRemote(path string) bool { return remote.MatchString(path) }

// loading are the fields of a kustomization file, and of the configuration of a
// built-in generator or transformer, that name what is to be loaded.
var loading = []string{
	"resources", "bases", "components", "crds", "configurations", "generators", "transformers", "validators",
	"patchesStrategicMerge", "files", "envs", "env", "path", "paths",
}

// plugins are the fields that name such configurations.
var plugins = []string{"generators", "transformers", "validators"}

// check refuses a file that would have kustomize fetch something, before it does.
// A plan must not depend on what a server says today, and must not run programs
// with what a pull request brings.
func (f *files) check(path string, content []byte) error {
	name, err := filepath.Rel(f.root, path)
	if err != nil {
		name = path
	}
	isKustomization := slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path))
	for _, document := range bytes.Split(content, []byte("\n---")) {
		var value map[string]any
		if yaml.Unmarshal(document, &value) != nil {
			continue // kustomize says what is wrong with it, or does not care.
		}
		if !isKustomization && value["apiVersion"] != konfig.BuiltinPluginApiVersion {
			continue
		}
		if err := f.checkFields(filepath.Dir(path), value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// checkFields looks for remote names in the fields that are loaded, at any depth.
func (f *files) checkFields(folder string, fields map[string]any) error {
	for _, field := range sortedKeys(fields) {
		value := fields[field]
		if slices.Contains(loading, field) {
			for _, entry := range texts(value) {
				if err := f.checkEntry(folder, field, entry); err != nil {
					return err
				}
			}
		}
		for _, element := range append(elements(value), value) {
			if below, ok := element.(map[string]any); ok {
				if err := f.checkFields(folder, below); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *files) checkEntry(folder, field, entry string) error {
	if strings.Contains(entry, "\n") { // a configuration or patch in place
		var value map[string]any
		if slices.Contains(plugins, field) && yaml.Unmarshal([]byte(entry), &value) == nil {
			return f.checkFields(folder, value)
		}
		return nil
	}
	location := entry
	if _, after, ok := strings.Cut(entry, "="); ok && field == "files" { // name=path
		location = after
	}
	switch {
	case isRemote(entry), isRemote(location):
		return fmt.Errorf("%s: %q is remote, and a build reads only files on disk. Copy it into the repository, or allow remote bases", field, entry)
	case slices.Contains(plugins, field) && f.IsDir(filepath.Join(folder, entry)):
		// Its build may make configurations that are in no file.
		return fmt.Errorf("%s: %q is a folder: name the files in it, or allow remote bases", field, entry)
	}
	return nil
}

// texts are the texts in a value that is one or a list of them.
func texts(value any) (found []string) {
	for _, element := range append(elements(value), value) {
		if text, ok := element.(string); ok {
			found = append(found, text)
		}
	}
	return found
}

func elements(value any) []any {
	list, _ := value.([]any)
	return slices.Clone(list)
}
