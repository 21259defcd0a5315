package kustomization

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
)

// longText is from how many bytes on a text is kept as a hash.
const longText = 256

// condense is an object as it may be kept and shown: what a Secret holds, the
// schemas of a CRD and long texts are hashes of them. Everything else is as it
// is, in the same places.
func condense(o Object) map[string]any {
	short, _ := condenseValue(runtime.DeepCopyJSONValue(o.Object)).(map[string]any)
	if o.is(crdKind) {
		spec, _ := short["spec"].(map[string]any)
		versions, _ := spec["versions"].([]any)
		for _, version := range versions {
			if fields, ok := version.(map[string]any); ok && fields["schema"] != nil {
				fields["schema"] = hash(fields["schema"])
			}
		}
	}
	if o.IsSecret() {
		hide(short, o)
	}
	return short
}

// hide makes hashes of what a secret object holds. Equal values in two of them do
// not look equal.
func hide(short map[string]any, o Object) {
	for field := range short {
		// What an object is, and what kind of Secret, is no secret.
		if slices.Contains([]string{"apiVersion", "kind", "metadata", "type", "immutable"}, field) {
			continue
		}
		short[field] = hashLeaves(o.Object[field], o.ID()+"."+field)
	}
	metadata, _ := short["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	for name, value := range annotations { // such as kubectl's last-applied-configuration
		if _, ok := keepers[name]; !ok {
			annotations[name] = hashLeaves(value, o.ID()+name)
		}
	}
}

// hashLeaves keeps the shape of a value.
func hashLeaves(value any, salt string) any {
	switch value := value.(type) {
	case map[string]any:
		hashes := make(map[string]any, len(value))
		for name, field := range value {
			hashes[name] = hashLeaves(field, salt+"."+name)
		}
		return hashes
	case []any:
		hashes := make([]any, len(value))
		for i, element := range value {
			hashes[i] = hashLeaves(element, salt)
		}
		return hashes
	}
	return hash([]any{salt, value})
}

func condenseValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			value[name] = condenseValue(field)
		}
		return value
	case []any:
		for i, element := range value {
			value[i] = condenseValue(element)
		}
		return value
	case string:
		if len(value) >= longText {
			return fmt.Sprintf("%d bytes %s", len(value), hash(value))
		}
	}
	return value
}

// hash is short: it is there to be compared, and to be read by people.
func hash(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		content = fmt.Append(nil, value) // of no type that JSON has, and none of a manifest
	}
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:6])
}

// leavesOf are the fields of a condensed object by their paths:
// `spec.template.spec.containers[quote].image`.
func leavesOf(value any) map[string]string {
	leaves := map[string]string{}
	collect(value, "", leaves)
	return leaves
}

func collect(value any, path string, leaves map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			below := name
			if path != "" {
				below = path + "." + name
			}
			collect(field, below, leaves)
		}
		if len(value) > 0 {
			return
		}
	case []any:
		names := namesIn(value)
		for i, element := range value {
			step := fmt.Sprint(i)
			if names != nil {
				step = names[i]
			}
			collect(element, path+"["+step+"]", leaves)
		}
		if len(value) > 0 {
			return
		}
	}
	leaves[path] = inShort(value)
}

// namesIn are the names of the elements of a list when each has one of its own.
func namesIn(list []any) (names []string) {
	for _, element := range list {
		fields, _ := element.(map[string]any)
		name, ok := fields["name"].(string)
		if !ok || slices.Contains(names, name) {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// inShort is a value in one line.
func inShort(value any) string {
	text, err := json.Marshal(value)
	if err != nil || len(text) >= longText {
		return hash(value)
	}
	return string(text)
}
