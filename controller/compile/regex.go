package compile

import (
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
)

// Envoy compiles regular expressions with RE2 and has it read them as Latin-1: a character outside ASCII is the bytes of
// its UTF-8 form, and \x{100} does not exist. Go's regular expressions share RE2's syntax, but not that, and not the
// names of Unicode classes.

// maxRE2Size is the size of a program that RE2 still has memory for (8 MiB by default), whatever regex_max_size says.
// Envoy takes 690,000 single characters and refuses 700,000.
const maxRE2Size = 500_000

// checkRegex reports whether Envoy can use a pattern. Go's programs are never larger than RE2's, so nothing that
// Emissary accepts is refused for its size.
func checkRegex(field, pattern string, maxProgramSize int) error {
	if pattern == "" {
		return fmt.Errorf("%s: the regular expression is empty: write .* to match anything", field)
	}
	parsed, err := parseRE2(pattern)
	if err != nil {
		return fmt.Errorf("%s: %q is not an RE2 regular expression: %w", field, pattern, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return fmt.Errorf("%s: %q is not an RE2 regular expression: %w", field, pattern, err)
	}
	if len(program.Inst) > maxProgramSize {
		return fmt.Errorf("%s: the regular expression %.200q compiles to %d instructions, %d are allowed: simplify it, "+
			"or raise regex_max_size in the ambassador Module", field, pattern, len(program.Inst), maxProgramSize)
	}
	size := 0
	for _, instruction := range program.Inst {
		// RE2 needs an instruction for each range of a class, and at most one more to choose between two.
		size += max(1, len(instruction.Rune))
	}
	if size > maxRE2Size {
		return fmt.Errorf("%s: the regular expression %.200q needs up to %d instructions, Envoy has memory for %d: simplify it",
			field, pattern, size, maxRE2Size)
	}
	return nil
}

// checkGroups reports whether a substitution (\1 to \9) refers only to groups its pattern has. Envoy refuses the rest.
func checkGroups(field, pattern, substitution string) error {
	parsed, err := parseRE2(pattern)
	if err != nil {
		return err
	}
	for i := 0; i < len(substitution); i++ {
		if substitution[i] != '\\' {
			continue
		}
		i++
		switch {
		case i == len(substitution), substitution[i] != '\\' && (substitution[i] < '0' || substitution[i] > '9'):
			return fmt.Errorf("%s: %q has a backslash that starts no group: write \\0 to \\9, or \\\\ for a backslash", field, substitution)
		case substitution[i] != '\\' && int(substitution[i]-'0') > parsed.MaxCap():
			return fmt.Errorf("%s: %q refers to group %c, the pattern %q has %d", field, substitution, substitution[i], pattern, parsed.MaxCap())
		}
	}
	return nil
}

// parseRE2 parses what RE2 parses, as it does. Classes are not exact: any stands for every Unicode class.
func parseRE2(pattern string) (*syntax.Regexp, error) {
	var known strings.Builder
	for i := 0; i < len(pattern); {
		length := 1
		if pattern[i] == '\\' {
			var err error
			if length, err = escape(pattern[i:]); err != nil {
				return nil, err
			}
			if class := pattern[i : i+length]; isUnicodeClass(class) {
				if err := checkUnicodeClass(class); err != nil {
					return nil, err
				}
				known.WriteString(`\pL`)
				i += length
				continue
			}
		}
		for _, b := range []byte(pattern[i : i+length]) {
			known.WriteRune(rune(b))
		}
		i += length
	}
	return syntax.Parse(known.String(), syntax.Perl)
}

// escape returns the length of what a backslash starts: an escaped character, a character's number, a Unicode class, or
// text between \Q and \E.
func escape(text string) (length int, err error) {
	if len(text) < 2 {
		return len(text), nil
	}
	switch c := text[1]; {
	case c == 'Q':
		if end := strings.Index(text, `\E`); end >= 0 {
			return end + len(`\E`), nil
		}
		return len(text), nil
	case strings.HasPrefix(text[1:], "x{"), strings.HasPrefix(text[1:], "p{"), strings.HasPrefix(text[1:], "P{"):
		end := strings.IndexByte(text, '}')
		if end < 0 {
			return 2, nil
		}
		if number, err := strconv.ParseUint(text[3:end], 16, 32); c == 'x' && err == nil && number > 0xff {
			return 0, fmt.Errorf("%s is beyond \\x{ff}: Envoy matches bytes, write the character itself", text[:end+1])
		}
		return end + 1, nil
	case c == 'p', c == 'P':
		return min(3, len(text)), nil
	case '1' <= c && c <= '7':
		if number, err := strconv.ParseUint(text[1:min(4, len(text))], 8, 32); err == nil && number > 0xff {
			return 0, fmt.Errorf(`%s is beyond \377: Envoy matches bytes`, text[:4])
		}
	}
	return 2, nil
}

// isUnicodeClass tells \pN, \PN, \p{Name} and \p{^Name}.
func isUnicodeClass(text string) bool {
	return len(text) > 2 && (text[1] == 'p' || text[1] == 'P')
}

// checkUnicodeClass reports whether RE2 has a class. It knows general categories by their short names and scripts by
// their long ones, in that spelling only; Go knows more.
func checkUnicodeClass(class string) error {
	name := strings.TrimPrefix(strings.Trim(class[2:], "{}"), "^")
	category := unicode.Categories[name] != nil && name != "LC" && name != "Cn"
	if name == "Any" || category || unicode.Scripts[name] != nil {
		return nil
	}
	return fmt.Errorf(`no Unicode class %s in Envoy: use a category such as \p{L} or \p{Lu}, or a script such as \p{Greek}`, class)
}
