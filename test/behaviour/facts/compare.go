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
		if !means(spelledOut(name, want[name]), got[name]) {
			differences = append(differences, Difference{Fact: name, Got: show(got[name]), Want: show(want[name])})
		}
	}
	return differences
}

// spelledOut gives the long form of facts that have a short one: a mirror may be just its percentage, and
// circuit breakers may stand under their priorities.
func spelledOut(name string, want any) any {
	switch w := want.(type) {
	case float64:
		if name == "mirror" {
			return object{"percent": w}
		}
	case object:
		_, normal := w["default"].(object)
		_, high := w["high"].(object)
		if name != "circuit_breakers" || !normal && !high {
			return want
		}
		var thresholds []any
		for _, priority := range sortedKeys(w) {
			limits, _ := w[priority].(object)
			threshold := maps.Clone(limits)
			threshold["priority"] = priority
			thresholds = append(thresholds, threshold)
		}
		return thresholds
	}
	return want
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
		if got == nil { // Envoy leaves defaults out
			return slices.Contains(defaults, scalar(want))
		}
		return scalar(want) == scalar(got)
	}
}

// defaults are the values that Envoy's interface does not print: zero, and the first value of an enum.
var defaults = []string{"0", "DEFAULT", "HUNDRED"}

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
