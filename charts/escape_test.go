package charts

import (
	"bytes"
	"testing"
	"text/template"
)

func TestEscapeActions(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "no braces", "{{ .Values.x }}", "{{{{", "${x} {{- `a` -}}\n{{/* c */}}", "}} {{"} {
		parsed, err := template.New("").Parse(string(escapeActions([]byte(text))))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, nil); err != nil || out.String() != text {
			t.Errorf("%q becomes %q, %v", text, out.String(), err)
		}
	}
}
