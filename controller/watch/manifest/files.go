package manifest

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// Files lists the manifests of a folder and its sub-folders by name: files ending in .yaml, .yml or .json whose path
// below the folder has no part starting with a dot. A path that is a file itself is returned as it is, whatever its name.
func Files(path string) ([]string, error) {
	root, err := filepath.EvalSymlinks(path) // WalkDir does not follow a link given as its root
	if err != nil {
		return nil, err
	}
	var names []string
	err = filepath.WalkDir(root, func(found string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case found == root && entry.IsDir():
			return nil
		case found == root:
			names = append(names, path)
			return nil
		case strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		switch filepath.Ext(found) {
		case ".yaml", ".yml", ".json":
			below, err := filepath.Rel(root, found)
			if err != nil {
				return err
			}
			names = append(names, filepath.Join(path, below))
		}
		return nil
	})
	return names, err
}
