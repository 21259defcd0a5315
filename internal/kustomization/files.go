package kustomization

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// files is the file system that kustomize sees: the disk, under what a Source
// brings along. Every kustomization file passes through it, which is where those
// are refused that reach for more.
type files struct {
	filesys.FileSystem
	// root is the absolute folder of the kustomization, without symbolic links.
	root string
	// given are the files of the Source by absolute path.
	given map[string][]byte
	// replaced are paths that do not exist any more.
	replaced []string

	remote bool
	// refused is why a file was not given to kustomize, which tries other ways to
	// read it and reports only the last.
	refused error
}

func newFiles(source Source) (*files, error) {
	f := &files{FileSystem: filesys.MakeFsOnDisk(), given: map[string][]byte{}, remote: source.Remote}
	path := source.Path
	if path == "" {
		path = "."
	}
	if isRemote(path) {
		return nil, fmt.Errorf("the path %s is not a folder on disk: a remote kustomization can be a base (resources) of one that is", path)
	}
	root, err := filesys.ConfirmDir(f.FileSystem, path)
	if err != nil {
		return nil, fmt.Errorf("the folder %s cannot be read: %w", path, err)
	}
	f.root = root.String()
	for _, given := range []map[string]string{source.Files, source.SensitiveFiles} {
		for name, content := range given {
			if !filepath.IsLocal(name) {
				return nil, fmt.Errorf("the file %q is not in the folder: give its path relative to it, without \"..\"", name)
			}
			f.given[filepath.Join(f.root, name)] = []byte(content)
		}
	}
	if source.Kustomization != nil {
		for _, name := range konfig.RecognizedKustomizationFileNames() {
			f.replaced = append(f.replaced, filepath.Join(f.root, name))
		}
		content, err := kustomizationFile(source.Kustomization)
		if err != nil {
			return nil, err
		}
		f.given[filepath.Join(f.root, konfig.DefaultKustomizationFileName())] = content
	}
	return f, nil
}

// CleanedAbs splits a path into its folder and, if it is a file, its name.
func (f *files) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	if _, ok := f.given[absolute]; ok {
		return filesys.ConfirmedDir(filepath.Dir(absolute)), filepath.Base(absolute), nil
	}
	if slices.Contains(f.replaced, absolute) {
		return "", "", fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	dir, name, err := f.FileSystem.CleanedAbs(path)
	if err != nil && f.holds(absolute) {
		return filesys.ConfirmedDir(absolute), "", nil
	}
	return dir, name, err
}

// holds reports whether given files are in the folder, which is on no disk.
func (f *files) holds(folder string) bool {
	for path := range f.given {
		if strings.HasPrefix(path, folder+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// IsDir reports whether the path is a folder.
func (f *files) IsDir(path string) bool {
	_, name, err := f.CleanedAbs(path)
	return err == nil && name == ""
}

// Exists reports whether the path is a file or a folder.
func (f *files) Exists(path string) bool {
	_, _, err := f.CleanedAbs(path)
	return err == nil
}

// ReadFile returns the content of a file. It refuses one that would have
// kustomize reach beyond the disk.
func (f *files) ReadFile(path string) ([]byte, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	content, ok := f.given[absolute]
	switch {
	case ok:
	case slices.Contains(f.replaced, absolute):
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	default:
		if content, err = f.FileSystem.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if !f.remote && f.refused == nil {
		f.refused = f.check(absolute, content)
	}
	if f.refused != nil {
		return nil, f.refused
	}
	return content, nil
}
