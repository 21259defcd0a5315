package atlantis

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// mirrorVersion is the version under which the mirror has the provider.
const mirrorVersion = "0.1.0"

// writeMirror writes the folder that the server's terraformrc names, in the
// registry's own form, a zip archive, so that init unpacks it into the shared
// plugin cache. The provider in it is this test's binary: see TestMain.
func writeMirror(t *testing.T, dir string) {
	t.Helper()
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		folder := filepath.Join(dir, host, "emissary", "emissary")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		archive := filepath.Join(folder, fmt.Sprintf("terraform-provider-emissary_%s_%s_%s.zip", mirrorVersion, runtime.GOOS, runtime.GOARCH))
		if err := archiveProvider(archive); err != nil {
			t.Fatal(err)
		}
	}
}

func archiveProvider(path string) error {
	binary, err := os.Open(os.Args[0])
	if err != nil {
		return err
	}
	defer binary.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	header := &zip.FileHeader{Name: "terraform-provider-emissary_v" + mirrorVersion, Method: zip.Store}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := io.Copy(entry, binary); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return file.Close()
}
