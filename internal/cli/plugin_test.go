package cli

import "testing"

// TestLogsAreWanted switches logs off only where nobody asks for any.
func TestLogsAreWanted(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]bool{
		"HOME=/root": false, "TF_LOG=": false, "TF_LOG=debug": true, "TF_LOG_PROVIDER=trace": true, "TF_LOG_SDK_PROTO=info": true, "TF_LOG_PATH=/log": true,
	} {
		if got := logsAreWanted([]string{"PATH=/bin", variable}); got != want {
			t.Errorf("%s: %v, want %v", variable, got, want)
		}
	}
}
