package facts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Difference is a fact that is not as expected.
type Difference struct{ Fact, Got, Want string }

// Compare checks expected facts against found ones. Expected maps are subsets; values are compared by
// meaning: "3s" is 3, "high" is HIGH, and null is absent.
func Compare(want, got map[string]any) []Difference {
	var differences []Difference
	for _, name := range sortedKeys(want) {
		if !means(want[name], got[name]) {
			differences = append(differences, Difference{Fact: name, Got: show(got[name]), Want: show(want[name])})
		}
	}
	return differences
}

// means tells whether got says what want says.
func means(want, got any) bool {
	switch w := want.(type) {
	case nil:
		return absent(got)
	case object:
		if items, ok := got.([]any); ok && len(items) == 1 { // one of a list, written without the list
			got = items[0]
		}
		g, ok := got.(object)
		if !ok {
			return len(w) == 0 && absent(got)
		}
		for name, value := range w {
			if !means(value, g[name]) {
				return false
			}
		}
		return true
	case []any:
		g, _ := got.([]any)
		return slices.EqualFunc(w, g, means)
	case bool:
		if b, ok := got.(bool); ok {
			return b == w
		}
		return w != absent(got) // whether there is one at all
	default:
		return got != nil && scalar(want) == scalar(got)
	}
}

func absent(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	case bool:
		return !v
	default:
		return v == ""
	}
}

// scalar is a canonical spelling of one value.
func scalar(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return scalar(f)
		}
		if d, err := time.ParseDuration(v); err == nil {
			return scalar(d.Seconds())
		}
		return strings.ToUpper(strings.ReplaceAll(v, "-", "_"))
	default:
		return fmt.Sprint(v)
	}
}

// seconds reads a duration as Envoy prints it ("3s", "0.250s"); nil if there is none.
func seconds(v any) any {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil
	}
	return d.Seconds()
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

func show(v any) string {
	if absent(v) && v != false {
		return "none"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func sortedKeys(o object) []string { return slices.Sorted(maps.Keys(o)) }
