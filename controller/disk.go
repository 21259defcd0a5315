package controller

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// disk is the controller's own, which is that of the Envoy beside it.
type disk struct{}

// ReadFile implements compile.Disk.
func (disk) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// OpenLog implements compile.Disk. Devices are left alone: /dev/fd/1 is another file to Envoy than to the controller,
// and opening a pipe may wait for its reader.
func (disk) OpenLog(path string) error {
	if strings.HasPrefix(path, "/dev/") {
		return nil
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder: give the path of a file", path)
	case err == nil && !info.Mode().IsRegular():
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}
