package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFragments reads those of this checkout.
func TestFragments(t *testing.T) {
	t.Parallel()
	if files, _ := filepath.Glob("../unreleased/*.yaml"); len(files) == 0 {
		t.Skip("skipped: nothing has changed since the last release")
	}
	if _, err := read("../unreleased"); err != nil {
		t.Error(err)
	}
}

// TestWrite makes two releases from fragments.
func TestWrite(t *testing.T) {
	t.Parallel()
	folder, changelog := t.TempDir(), filepath.Join(t.TempDir(), "CHANGELOG.md")
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("features-b.yaml", "kind: FEATURES\nbody: |-\n  b: the\n  second\n")
	put("features-c.yaml", "kind: FEATURES\nbody: \"a: the first\"\n")
	put("fixes-a.yaml", "kind: BUG FIXES\nbody: \"c: the last\"\n")
	if err := run(folder, "0.1.0", changelog, true); err != nil {
		t.Fatal(err)
	}
	put("notes-a.yaml", "kind: NOTES\nbody: \"d: later\"\n")
	if err := run(folder, "0.2.0", changelog, true); err != nil {
		t.Fatal(err)
	}
	want := "## 0.2.0\n\nNOTES:\n\n* d: later\n\n## 0.1.0\n\nFEATURES:\n\n* a: the first\n* b: the second\n\nBUG FIXES:\n\n* c: the last\n"
	got, err := os.ReadFile(changelog)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) > 0 {
		t.Errorf("fragments are left: %v", left)
	}
}

// TestBadFragments names the file and what is wrong in it.
func TestBadFragments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kind: FIXES\nbody: x\n":              `kind is "FIXES": one of BREAKING CHANGES, NOTES`,
		"kind: NOTES\n":                       "body is empty",
		"kind: NOTES\nbody: x\nissue: 1\n":    `unknown field "issue"`,
		"kind: NOTES\nkind: NOTES\nbody: x\n": `"kind" already set`,
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "bad.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(folder); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := run(t.TempDir(), "0.1.0", "", false); err == nil || !strings.Contains(err.Error(), "nothing has changed") {
		t.Errorf("no fragments: %v", err)
	}
	if err := run(t.TempDir(), "v1", "", false); err == nil || !strings.Contains(err.Error(), `-version is "v1"`) {
		t.Errorf("no version: %v", err)
	}
}
