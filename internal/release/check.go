package release

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"terraform-provider-emissary/internal/suggest"
)

// Problem is one thing that is wrong with the values of a release.
type Problem struct {
	// Path leads to the value: names of keys, and numbers for positions in a list.
	Path []string
	// Text says what is wrong: "must be a list". It never quotes the value.
	Text string
	// Value is the value as JSON, where it is short enough to be shown; it may be
	// a secret.
	Value string
}

// PathText is a path as people write it: service.ports[0].port.
func PathText(path []string) string {
	var text strings.Builder
	for i, step := range path {
		if _, err := strconv.Atoi(step); err == nil && i > 0 {
			fmt.Fprintf(&text, "[%s]", step)
			continue
		}
		if i > 0 {
			text.WriteByte('.')
		}
		text.WriteString(step)
	}
	return text.String()
}

// CheckValues checks values against the values.schema.json of a chart and of its
// dependencies, as Helm does when it renders, but says where each problem is and
// which key was meant. Values that are incomplete, because some are not known
// yet, lack nothing. A schema that cannot be read, or that refers to another
// server, is left to Helm.
func CheckValues(loaded *chart.Chart, values map[string]any, complete bool) ([]Problem, error) {
	all, err := chartutil.CoalesceValues(loaded, values)
	if err != nil {
		return nil, err
	}
	c := checker{complete: complete}
	c.chart(loaded, nil, all)
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return slices.Compare(a.Path, b.Path) })
	return c.problems, nil
}

type checker struct {
	complete bool
	problems []Problem
}

func (c *checker) chart(loaded *chart.Chart, prefix []string, values map[string]any) {
	if document, schema := compileSchema(loaded.Schema); schema != nil {
		var invalid *jsonschema.ValidationError
		if errors.As(schema.Validate(values), &invalid) {
			(&schemaCheck{checker: c, document: document, prefix: prefix, values: values}).add(invalid)
		}
	}
	for _, dependency := range loaded.Dependencies() {
		if below, ok := values[dependency.Name()].(map[string]any); ok {
			c.chart(dependency, append(slices.Clone(prefix), dependency.Name()), below)
		}
	}
}

const schemaURL = "file:///values.schema.json"

// compileSchema returns a schema and its document, or nil.
func compileSchema(text []byte) (document any, schema *jsonschema.Schema) {
	if len(text) == 0 {
		return nil, nil
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, nil
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{})
	if compiler.AddResource(schemaURL, document) != nil {
		return nil, nil
	}
	if schema, err = compiler.Compile(schemaURL); err != nil {
		return nil, nil
	}
	return document, schema
}

// schemaCheck turns the errors of one schema into problems.
type schemaCheck struct {
	*checker
	document any
	prefix   []string
	values   any
}

func (s *schemaCheck) add(invalid *jsonschema.ValidationError) {
	at := invalid.InstanceLocation
	switch what := invalid.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range invalid.Causes {
			s.add(cause)
		}
	case *kind.AdditionalProperties:
		for _, name := range what.Properties {
			s.problem(append(slices.Clone(at), name), "unknown"+s.meant(invalid.SchemaURL, name), false)
		}
	case *kind.Required:
		if s.complete {
			s.problem(at, "needs "+strings.Join(what.Missing, ", "), false)
		}
	case *kind.Type:
		s.problem(at, "must be "+typeNames(what.Want), true)
	case *kind.Enum:
		s.problem(at, "must be "+oneOf(what.Want), true)
	case *kind.Pattern:
		if types, _ := s.lookup(invalid.SchemaURL)["type"].([]any); slices.Contains(types, any("integer")) {
			s.problem(at, "must be a whole number", true)
			return
		}
		s.problem(at, "must match "+what.Want, true)
	default:
		s.problem(at, what.LocalizedString(message.NewPrinter(language.English)), true)
	}
}

func (s *schemaCheck) problem(at []string, text string, showValue bool) {
	problem := Problem{Path: slices.Concat(s.prefix, at), Text: text}
	if value := ValueAt(s.values, at); showValue {
		if data, err := json.Marshal(value); err == nil && len(data) <= 60 {
			problem.Value = string(data)
		}
	}
	s.problems = append(s.problems, problem)
}

// meant is "; did you mean …?" for a key that is not in the schema: a similar one
// beside it, or the one of that name elsewhere.
func (s *schemaCheck) meant(url, name string) string {
	beside, _ := s.lookup(url)["properties"].(map[string]any)
	candidates := slices.Sorted(maps.Keys(beside))
	if word := suggest.Word(name, candidates); word != "" {
		return "; did you mean " + word + "?"
	}
	var elsewhere []string
	findKey(s.document, nil, name, &elsewhere)
	switch {
	case len(elsewhere) == 1:
		return "; did you mean " + elsewhere[0] + "?"
	case len(candidates) > 0 && len(candidates) <= 12:
		return "; allowed are " + strings.Join(candidates, ", ")
	default:
		return ""
	}
}

// lookup returns the part of the schema at a URL such as
// file:///values.schema.json#/properties/service.
func (s *schemaCheck) lookup(url string) map[string]any {
	_, pointer, _ := strings.Cut(url, "#")
	part := s.document
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if below, ok := part.(map[string]any); ok && step != "" {
			part = below[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
		}
	}
	found, _ := part.(map[string]any)
	return found
}

// findKey collects the paths of the keys of a name in a schema.
func findKey(schema any, path []string, name string, found *[]string) {
	part, _ := schema.(map[string]any)
	properties, _ := part["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		below := append(slices.Clone(path), key)
		if strings.EqualFold(key, name) {
			*found = append(*found, PathText(below))
		}
		findKey(properties[key], below, name, found)
	}
}

// ValueAt returns what a path of keys and positions leads to, or nil.
func ValueAt(value any, path []string) any {
	for _, step := range path {
		switch container := value.(type) {
		case map[string]any:
			value = container[step]
		case chartutil.Values:
			value = container[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(container) {
				return nil
			}
			value = container[i]
		default:
			return nil
		}
	}
	return value
}

// HasPath reports whether values have what a path leads to.
func HasPath(values map[string]any, path []string) bool {
	if len(path) == 0 {
		return false
	}
	last := path[len(path)-1]
	switch container := ValueAt(values, path[:len(path)-1]).(type) {
	case map[string]any:
		_, found := container[last]
		return found
	case []any:
		i, err := strconv.Atoi(last)
		return err == nil && i < len(container)
	default:
		return false
	}
}

// LineOf returns the line of a values file, from 1, on which stands what a path
// leads to; 0 where it does not.
func LineOf(text string, path []string) int {
	var document yaml.Node
	if len(path) == 0 || yaml.Unmarshal([]byte(text), &document) != nil || len(document.Content) == 0 {
		return 0
	}
	line, node := 0, document.Content[0]
	for _, step := range path {
		line = 0
		for i, child := range node.Content {
			switch {
			case node.Kind == yaml.MappingNode && i%2 == 0 && child.Value == step:
				line, node = child.Line, node.Content[i+1]
			case node.Kind == yaml.SequenceNode && strconv.Itoa(i) == step:
				line, node = child.Line, child
			default:
				continue
			}
			break
		}
		if line == 0 {
			return 0
		}
	}
	return line
}

// typeWords are the types of JSON in words, in the order in which they are said.
var typeWords = [][2]string{
	{"object", "a map"}, {"array", "a list"}, {"string", "text"}, {"integer", "a whole number"}, {"number", "a number"}, {"boolean", "true or false"},
}

func typeNames(types []string) string {
	var names []string
	for _, word := range typeWords {
		// A number may be text where a template gives it: the number is meant.
		asText := word[0] == "string" && slices.Contains(types, "integer")
		if slices.Contains(types, word[0]) && !asText {
			names = append(names, word[1])
		}
	}
	return cmp.Or(strings.Join(names, " or "), "null")
}

func oneOf(values []any) string {
	var words []string
	for _, value := range values {
		if data, err := json.Marshal(value); err == nil && value != nil {
			words = append(words, string(data))
		}
	}
	return strings.Join(words, ", ")
}
