package matchtree

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// literalPrefix returns what every text that a regular expression matches from its first byte on is known to start
// with. Envoy's RE2 and Go's regexp read the same syntax; for what only one of them knows the answer is "".
func literalPrefix(pattern string) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return ""
	}
	var literal strings.Builder
	for pc := program.Start; ; {
		inst := &program.Inst[pc]
		switch inst.Op {
		case syntax.InstNop, syntax.InstCapture, syntax.InstEmptyWidth:
			// These consume nothing; an assertion that fails makes the literal no less true.
		case syntax.InstRune1:
			r := inst.Rune[0]
			if syntax.Flags(inst.Arg)&syntax.FoldCase != 0 || r >= utf8.RuneSelf {
				return literal.String()
			}
			literal.WriteByte(byte(r))
		default:
			return literal.String()
		}
		pc = int(inst.Out)
	}
}
