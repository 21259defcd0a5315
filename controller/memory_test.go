package controller

import (
	"os"
	"path/filepath"
	"testing"
)

func TestContainerLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(content string) string {
		path := filepath.Join(dir, content)
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	for name, test := range map[string]struct {
		files []string
		want  int64
		found bool
	}{
		"version 2":                 {[]string{file("629145600"), missing}, 629145600, true},
		"version 2 without a limit": {[]string{file("max"), file("1")}, 0, false},
		"version 1":                 {[]string{missing, file("629145600")}, 629145600, true},
		"version 1 without a limit": {[]string{missing, file("9223372036854771712")}, 9223372036854771712, false},
		"no container":              {[]string{missing, missing}, 0, false},
	} {
		if got, found := containerLimit(test.files); found != test.found || found && got != test.want {
			t.Errorf("%s: %d, %t, want %d, %t", name, got, found, test.want, test.found)
		}
	}
}
