package hcl

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// lineWidth is how long a list or an object on one line may be.
const lineWidth = 72

// expression is the literal of a value at a depth of indentation. A heredoc needs the rest of its line for itself;
// heredoc says whether it may have it.
func expression(value any, depth int, heredoc bool) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case Reference:
		return string(value)
	case bool:
		return strconv.FormatBool(value)
	case int64:
		return strconv.FormatInt(value, 10)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case string:
		if text, ok := document(value, depth); ok && heredoc {
			return text
		}
		return quote(value)
	case []any:
		return list(value, depth)
	case map[string]any:
		return object(value, depth)
	default:
		return unexpected(value)
	}
}

func list(items []any, depth int) string {
	if text, ok := oneLine(items, nil); ok {
		return "[" + text + "]"
	}
	var text strings.Builder
	text.WriteString("[\n")
	for _, item := range items {
		text.WriteString(indentation(depth+1) + expression(item, depth+1, false) + ",\n")
	}
	text.WriteString(indentation(depth) + "]")
	return text.String()
}

func object(members map[string]any, depth int) string {
	if len(members) == 0 {
		return "{}"
	}
	names := slices.Sorted(maps.Keys(members))
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = members[name]
	}
	if text, ok := oneLine(values, names); ok {
		return "{ " + text + " }"
	}
	var text strings.Builder
	text.WriteString("{\n")
	for i, name := range names {
		text.WriteString(indentation(depth+1) + key(name) + " = " + expression(values[i], depth+1, true) + "\n")
	}
	text.WriteString(indentation(depth) + "}")
	return text.String()
}

// oneLine is the content of a list, or with names of an object, where it is short and has nothing nested but what is
// empty.
func oneLine(values []any, names []string) (string, bool) {
	parts := make([]string, len(values))
	for i, value := range values {
		switch value := value.(type) {
		case []any:
			if len(value) > 0 {
				return "", false
			}
		case map[string]any:
			if len(value) > 0 {
				return "", false
			}
		case string:
			if names != nil && strings.Contains(value, "\n") {
				return "", false
			}
		}
		if parts[i] = expression(value, 0, false); names != nil {
			parts[i] = key(names[i]) + " = " + parts[i]
		}
	}
	text := strings.Join(parts, ", ")
	return text, len(text) <= lineWidth
}

// keywords are names that begin another kind of expression where a key is expected.
var keywords = []string{"false", "for", "null", "true"}

// key is the name of an object's member.
func key(name string) string {
	if hclsyntax.ValidIdentifier(name) && !slices.Contains(keywords, name) {
		return name
	}
	return quote(name)
}

// quote is the text between quotes, with templates escaped.
func quote(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}

// document is a text of several lines as a heredoc, in which a script stays readable. It reports false for a text that
// would not come out of it as it is.
func document(text string, depth int) (string, bool) {
	body, terminated := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !terminated && len(lines) < 2 || !indentable(lines) {
		return "", false
	}
	delimiter := "EOT"
	for slices.ContainsFunc(lines, func(line string) bool { return strings.TrimSpace(line) == delimiter }) {
		delimiter += "_"
	}
	var out strings.Builder
	out.WriteString("<<-" + delimiter + "\n")
	for _, line := range lines {
		if line != "" {
			line = indentation(depth+1) + templateEscape.Replace(line)
		}
		out.WriteString(line + "\n")
	}
	out.WriteString(indentation(depth) + delimiter)
	if terminated {
		return out.String(), true
	}
	return "chomp(" + out.String() + "\n" + indentation(depth) + ")", true
}

// templateEscape keeps a heredoc from evaluating what looks like a template.
var templateEscape = strings.NewReplacer("${", "$${", "%{", "%%{")

// indentable reports whether lines can be indented in a heredoc and come out the same: what they have in common is
// taken off, so one of them must begin at the margin, and nothing in them may need the escapes of a quoted text.
func indentable(lines []string) bool {
	margin := false
	for _, line := range lines {
		trimmed := strings.TrimLeft(line, " \t")
		if trimmed == "" && line != "" {
			return false // white space that nobody sees
		}
		margin = margin || line != "" && trimmed == line
		for _, r := range line {
			// A combining mark would make one character with the indentation before it.
			if r != '\t' && !strconv.IsPrint(r) || unicode.IsMark(r) {
				return false
			}
		}
	}
	return margin && lines[len(lines)-1] != ""
}
