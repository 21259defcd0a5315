package testbed

import (
	"bytes"
	"os"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Folder is a folder of manifests for the controller to serve.
type Folder string

// NewFolder makes a new folder within another.
func NewFolder(dir string) (Folder, error) {
	made, err := os.MkdirTemp(dir, "manifests-")
	return Folder(made), err
}

// Write puts objects into one file, in place of those it held, so that nobody reads half of it.
func (f Folder) Write(file string, objects ...client.Object) error {
	var stream bytes.Buffer
	for _, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		stream.WriteString("---\n")
		stream.Write(document)
	}
	draft := filepath.Join(string(f), "."+file)
	if err := os.WriteFile(draft, stream.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(string(f), file))
}
