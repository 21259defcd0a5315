package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/test/deps"
)

var (
	// guideFile is a manifest in a guide, with its name.
	guideFile = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n```yaml\n(.*?)```")
	// guideConsole is a console session in a guide.
	guideConsole = regexp.MustCompile("(?s)```console\n(.*?)```")
)

// TestGuides runs the commands of this program that the guides show with manifests of their own, and compares what it
// prints with what they show.
func TestGuides(t *testing.T) {
	t.Parallel()
	guides, err := filepath.Glob(filepath.Join(deps.Root(), "templates", "guides", "*.md.tmpl"))
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	commands := 0
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		var files []string
		for _, match := range guideFile.FindAllStringSubmatch(string(text), -1) {
			files = append(files, match[1])
			if err := os.WriteFile(filepath.Join(folder, match[1]), []byte(match[2]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, match := range guideConsole.FindAllStringSubmatch(string(text), -1) {
			command, want, _ := strings.Cut(match[1], "\n")
			args, ours := strings.CutPrefix(command, "$ terraform-provider-emissary ")
			named := regexp.MustCompile(`-f (\S+)`).FindAllStringSubmatch(args, -1)
			if !ours || len(named) == 0 || slices.ContainsFunc(named, func(m []string) bool { return !slices.Contains(files, m[1]) }) {
				continue
			}
			commands++
			if got := inFolder(t, folder, strings.Fields(args)); strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("%s shows something else for %q (-guide +now):\n%s", filepath.Base(guide), command, cmp.Diff(want, got))
			}
		}
	}
	if commands < 3 {
		t.Errorf("only %d commands of the guides were run", commands)
	}
}

// inFolder returns what a command prints on standard output, with files read from a folder.
func inFolder(t *testing.T, folder string, args []string) string {
	t.Helper()
	for i, arg := range args {
		if i > 0 && args[i-1] == "-f" {
			args[i] = filepath.Join(folder, arg)
		}
	}
	stdout, _, _ := run(t, "", args...) // the exit status is part of what they show
	return stdout
}
