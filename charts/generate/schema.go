package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// object is a JSON Schema, or a part of one.
type object = map[string]any

// valuesSchema derives values.schema.json from the text of values.yaml: a key
// there is a key here, with its comment as the description and the type of its
// default. What a default cannot tell is in the rules, by path ("service.ports").
// So the two files cannot disagree. An empty map or list holds anything, a map
// with keys only these, and null, which takes a default away, is allowed but for
// maps whose keys the templates read.
func valuesSchema(chart string, text []byte, rules map[string]rule) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	d := deriver{rules: rules, used: map[string]bool{}}
	root, err := d.closed("", document.Content[0])
	if err != nil {
		return nil, err
	}
	for path := range rules {
		if !d.used[path] {
			return nil, fmt.Errorf("the rule %q is for no key of values.yaml", path)
		}
	}
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Values of the chart " + chart
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(root)
	return out.Bytes(), err
}

type deriver struct {
	rules map[string]rule
	used  map[string]bool
}

// of derives the schema of one value.
func (d *deriver) of(path string, value *yaml.Node) (object, error) {
	rule := d.rules[path]
	d.used[path] = true
	if rule.schema != nil {
		return rule.schema, nil
	}
	switch value.Tag {
	case "!!str":
		return text(), nil
	case "!!bool":
		return boolean(), nil
	case "!!int":
		return whole(), nil
	case "!!seq":
		return listOf(nil), nil
	case "!!map":
		if len(value.Content) == 0 {
			return anyMap(), nil
		}
		return d.closed(path, value)
	default:
		return nil, fmt.Errorf("%s has the default %s %q, which tells no type: it needs a rule", path, value.Tag, value.Value)
	}
}

// closed is the schema of a map that has these keys and no others, unless its
// rule opens it, and the keys that the rule adds.
func (d *deriver) closed(path string, value *yaml.Node) (object, error) {
	rule := d.rules[path]
	d.used[path] = true
	properties := object{}
	for i := 0; i < len(value.Content); i += 2 {
		key := value.Content[i]
		below := strings.TrimPrefix(path+"."+key.Value, ".")
		property, err := d.of(below, value.Content[i+1])
		if err != nil {
			return nil, err
		}
		properties[key.Value] = described(property, prose(key.HeadComment))
	}
	for name, property := range rule.also {
		if properties[name] != nil {
			return nil, fmt.Errorf("the rule %q adds %s, which values.yaml has", path, name)
		}
		properties[name] = property
	}
	return object{"type": "object", "properties": properties, "additionalProperties": rule.open}, nil
}

// described adds a description to a copy of a schema.
func described(schema object, description string) object {
	if description == "" || schema["description"] != nil {
		return schema
	}
	out := object{"description": description}
	for key, value := range schema {
		out[key] = value
	}
	return out
}

// prose is a comment without its hash signs and without the examples, which are
// indented.
func prose(comment string) string {
	// A comment that belongs to a key is the last paragraph above it.
	paragraphs := strings.Split(comment, "\n\n")
	var words []string
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "#")
		if !strings.HasPrefix(line, "  ") {
			words = append(words, strings.TrimSpace(line))
		}
	}
	return strings.TrimSpace(strings.Join(words, " "))
}
