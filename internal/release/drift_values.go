package release

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
)

// moveTexts puts the stringData of a Secret where the API server does.
func moveTexts(secret, texts map[string]any) {
	data, _ := secret["data"].(map[string]any)
	data = maps.Clone(data)
	if data == nil {
		data = map[string]any{}
	}
	for key, text := range texts {
		if text, ok := text.(string); ok {
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
	}
	secret["data"] = data
	delete(secret, "stringData")
}

// restoreZeros adds to an object what its Go type leaves out as empty: a manifest
// that says false wants it to be so.
func restoreZeros(manifest, stored any) {
	switch manifest := manifest.(type) {
	case map[string]any:
		stored, ok := stored.(map[string]any)
		if !ok {
			return
		}
		for key, value := range manifest {
			if _, found := stored[key]; found {
				restoreZeros(value, stored[key])
			} else if value != nil && isEmpty(value) {
				stored[key] = value
			}
		}
	case []any:
		stored, _ := stored.([]any)
		for i := range min(len(manifest), len(stored)) {
			restoreZeros(manifest[i], stored[i])
		}
	}
}

// isEmpty reports whether a value says no more than its absence: Kubernetes
// leaves most of them out.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case bool:
		return !value
	case int64:
		return value == 0
	case float64:
		return value == 0
	case map[string]any:
		for _, below := range value {
			if !isEmpty(below) {
				return false
			}
		}
		return true
	case []any:
		return len(value) == 0
	default:
		return false
	}
}

func allScalars(list []any) bool {
	return !slices.ContainsFunc(list, func(element any) bool {
		switch element.(type) {
		case map[string]any, []any:
			return true
		default:
			return false
		}
	})
}

// normal makes numbers comparable that were decoded in two ways.
func normal(value any) any {
	encoded, err := json.Marshal(value)
	if err != nil {
		return value
	}
	var out any
	if json.Unmarshal(encoded, &out) != nil {
		return value
	}
	return out
}

func asJSON(value any) string {
	if value == nil {
		return ""
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(encoded)
}

func sortedKeys(values map[string]any) []string { return slices.Sorted(maps.Keys(values)) }
