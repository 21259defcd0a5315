package release

import (
	"regexp"
	"slices"
)

// secretName matches the names of values that hold a secret, and not those that
// hold the name of one.
var (
	secretName   = regexp.MustCompile(`(?i)(password|passwd|passphrase|token|credentials?|secret|api_?key|private_?key|secret_?key|license_?key)$`)
	nameOfSecret = regexp.MustCompile(`(?i)(existing|pull)_?secret$`)
)

// SplitSecrets divides values into those that may be shown and those that look
// like secrets. A list goes as a whole, since values replace lists as wholes.
func SplitSecrets(values map[string]any) (shown, secret map[string]any) {
	shown, secret = map[string]any{}, map[string]any{}
	for key, value := range values {
		below, isMap := value.(map[string]any)
		switch {
		case isMap && len(below) > 0:
			shownBelow, secretBelow := SplitSecrets(below)
			if len(shownBelow) > 0 {
				shown[key] = shownBelow
			}
			if len(secretBelow) > 0 {
				secret[key] = secretBelow
			}
		case looksSecret(key, value):
			secret[key] = value
		default:
			shown[key] = value
		}
	}
	return shown, secret
}

// looksSecret reports whether a value is a text with a telling name, or a list
// that has one: {name: DB_PASSWORD, value: …} counts, as in an environment.
func looksSecret(name string, value any) bool {
	switch value := value.(type) {
	case string:
		return value != "" && secretName.MatchString(name) && !nameOfSecret.MatchString(name)
	case map[string]any:
		if label, ok := value["name"].(string); ok && looksSecret(label, value["value"]) {
			return true
		}
		for key, below := range value {
			if looksSecret(key, below) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(element any) bool { return looksSecret("", element) })
	}
	return false
}
