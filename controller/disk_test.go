package controller

import (
	"path/filepath"
	"testing"
)

func TestOpenLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]bool{
		"/dev/fd/1":                        true,
		filepath.Join(dir, "log"):          true,
		dir:                                false,
		filepath.Join(dir, "none", "log"):  false,
		filepath.Join(dir, "log", "below"): false,
	}
	for path, fine := range tests {
		if err := (disk{}).OpenLog(path); (err == nil) != fine {
			t.Errorf("OpenLog(%s) = %v, want an error: %t", path, err, !fine)
		}
	}
}
