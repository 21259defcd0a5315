package address

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// PodLabels is where a pod of the chart finds its own labels, as Emissary's does.
const PodLabels = "/tmp/ambassador-pod-info/labels"

// ReadLabels reads labels from a file of the downward API: name="value", one on each line, the values as Go strings. There
// are none where there is no file.
func ReadLabels(path string) (labels.Set, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the pod's labels: %w", err)
	}
	return parseLabels(string(raw))
}

func parseLabels(text string) (labels.Set, error) {
	set := labels.Set{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, quoted, found := strings.Cut(line, "=")
		value, err := strconv.Unquote(quoted)
		if !found || err != nil {
			return nil, fmt.Errorf("the pod's labels: %q is not name=\"value\"", line)
		}
		set[name] = value
	}
	return set, nil
}
