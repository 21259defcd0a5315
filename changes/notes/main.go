// Command notes writes the release notes of a version from the fragments in changes/unreleased. With -write it puts them
// at the top of CHANGELOG.md and removes the fragments.
//
// The fragments have changie's form, so that changie can take over where it can be installed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// kinds are the sections of the notes in their order, the one of Terraform's own providers: what may break comes first.
var kinds = []string{"BREAKING CHANGES", "NOTES", "FEATURES", "ENHANCEMENTS", "BUG FIXES"}

// versionForm is a semantic version without the v of its tag.
var versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func main() {
	version := flag.String("version", "", "the `version`, such as 0.2.0")
	folder := flag.String("changes", "changes/unreleased", "the `folder` of the fragments")
	changelog := flag.String("changelog", "CHANGELOG.md", "the `file` that -write changes")
	write := flag.Bool("write", false, "put the notes into the changelog and remove the fragments")
	flag.Parse()
	if err := run(*folder, *version, *changelog, *write); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

func run(folder, version, changelog string, write bool) error {
	if !versionForm.MatchString(version) {
		return fmt.Errorf("-version is %q: a version such as 0.2.0 is wanted", version)
	}
	fragments, err := read(folder)
	if err != nil {
		return err
	}
	text := notes(version, fragments)
	if !write {
		_, err := os.Stdout.WriteString(text)
		return err
	}
	before, err := os.ReadFile(changelog)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(before) > 0 {
		text += "\n" + string(before)
	}
	if err := os.WriteFile(changelog, []byte(text), 0o644); err != nil {
		return err
	}
	for _, f := range fragments {
		if err := os.Remove(f.file); err != nil {
			return err
		}
	}
	return nil
}

// fragment is one change.
type fragment struct {
	Kind string `json:"kind"`
	Body string `json:"body"`
	file string
}

// read returns the fragments of a folder by the names of their files. Each must be of a known kind and say what it is
// about: "resource/emissary_mapping: new resource".
func read(folder string) ([]fragment, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no fragment in %s: nothing has changed", folder)
	}
	var fragments []fragment
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		f := fragment{file: file}
		if err := yaml.UnmarshalStrict(data, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !slices.Contains(kinds, f.Kind) {
			return nil, fmt.Errorf("%s: kind is %q: one of %s is wanted", file, f.Kind, strings.Join(kinds, ", "))
		}
		if strings.TrimSpace(f.Body) == "" {
			return nil, fmt.Errorf("%s: body is empty", file)
		}
		fragments = append(fragments, f)
	}
	return fragments, nil
}

// notes are the changes by kind, each a paragraph of a list.
func notes(version string, fragments []fragment) string {
	var text strings.Builder
	fmt.Fprintf(&text, "## %s\n", version)
	for _, kind := range kinds {
		var items []string
		for _, f := range fragments {
			if f.Kind == kind {
				items = append(items, "* "+strings.Join(strings.Fields(f.Body), " ")+"\n")
			}
		}
		slices.Sort(items)
		if len(items) > 0 {
			fmt.Fprintf(&text, "\n%s:\n\n%s", kind, strings.Join(items, ""))
		}
	}
	return text.String()
}
