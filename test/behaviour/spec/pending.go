package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// Pending reads pending.yaml of a folder of cases: those that are known not to hold yet, and why. A folder
// without the file has none.
func Pending(root string) (map[string]string, error) {
	file := filepath.Join(root, "pending.yaml")
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pending map[string]string
	if err := yaml.UnmarshalStrict(data, &pending); err != nil {
		return nil, fmt.Errorf("%s: want case: reason: %w", file, err)
	}
	for name, reason := range pending {
		if reason == "" {
			return nil, fmt.Errorf("%s: %s has no reason", file, name)
		}
	}
	return pending, nil
}
