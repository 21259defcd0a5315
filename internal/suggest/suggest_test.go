package suggest_test

import (
	"testing"

	"terraform-provider-emissary/internal/suggest"
)

func TestWord(t *testing.T) {
	t.Parallel()
	candidates := []string{"replicaCount", "resources", "service", "env"}
	for word, want := range map[string]string{
		"replicaCuont": "replicaCount",
		"REPLICACOUNT": "replicaCount",
		"services":     "service",
		"envs":         "env",
		"res":          "resources",
		"re":           "",
		"banana":       "",
		"":             "",
	} {
		if got := suggest.Word(word, candidates); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
