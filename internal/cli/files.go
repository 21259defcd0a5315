package cli

import (
	"fmt"
	"io"
	"os"

	"terraform-provider-emissary/controller/watch/manifest"
)

// readFiles calls each with the content of standard input ("-"), of files, and of the manifests in folders, by name.
func readFiles(files []string, stdin io.Reader, each func(name string, data []byte)) error {
	for _, name := range files {
		if name == "-" {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return fmt.Errorf("reading standard input: %w", err)
			}
			each("standard input", data)
			continue
		}
		found, err := manifest.Files(name)
		if err != nil {
			return err
		}
		for _, file := range found {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			each(file, data)
		}
	}
	return nil
}
