package compile

import (
	"encoding/json"
	"testing"
)

func TestCheckLogFormat(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format any
		ok     bool
	}{
		"a line":                 {format: "ACCESS %RESPONSE_CODE%", ok: true},
		"a line with its end":    {format: "ACCESS\t%RESPONSE_CODE%\n", ok: true},
		"fields":                 {format: map[string]any{"code": "%RESPONSE_CODE%", "nested": map[string]any{"text": "a\nb"}}, ok: true},
		"an unknown command":     {format: "%NO_SUCH_COMMAND%"},
		"one in a nested field":  {format: map[string]any{"nested": map[string]any{"code": "%NO_SUCH_COMMAND%"}}},
		"neither text nor field": {format: 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := json.Marshal(test.format)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkLogFormat(raw); (err == nil) != test.ok {
				t.Errorf("error = %v, want ok %v", err, test.ok)
			}
		})
	}
}
