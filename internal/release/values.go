package release

import (
	"fmt"
	"maps"

	"sigs.k8s.io/yaml"
)

// MergeValues merges values as Helm does: a later map wins over an earlier one
// key by key, lists and scalars are replaced whole, and a null takes a key of the
// chart's defaults away. The arguments stay as they are.
func MergeValues(layers ...map[string]any) map[string]any {
	merged := map[string]any{}
	for _, layer := range layers {
		merged = merge(merged, layer)
	}
	return merged
}

func merge(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, value := range over {
		below, isMap := value.(map[string]any)
		if !isMap {
			out[key] = value
			continue
		}
		underneath, _ := out[key].(map[string]any)
		if underneath == nil {
			underneath = map[string]any{}
		}
		out[key] = merge(underneath, below)
	}
	return out
}

// ParseValues reads a values file. Empty text is an empty map.
func ParseValues(text string) (map[string]any, error) {
	values := map[string]any{}
	var parsed any
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		return nil, fmt.Errorf("not valid YAML: %w", err)
	}
	switch parsed := parsed.(type) {
	case nil:
		return values, nil
	case map[string]any:
		return parsed, nil
	default:
		return nil, fmt.Errorf("the top level must be a map of values, not %T", parsed)
	}
}
