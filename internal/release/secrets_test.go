package release_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/internal/release"
)

func TestSplitSecrets(t *testing.T) {
	t.Parallel()
	shown, secret := release.SplitSecrets(map[string]any{
		"replicaCount": 2.0, "empty": map[string]any{}, "password": "", "existingSecret": "tls", "imagePullSecrets": []any{"mirror"},
		"env":    map[string]any{"AMBASSADOR_ID": "a", "REDIS_PASSWORD": "hunter2"},
		"auth":   map[string]any{"apiKey": "k"},
		"envRaw": []any{map[string]any{"name": "DB_TOKEN", "value": "t"}},
	})
	if diff := cmp.Diff(map[string]any{
		"replicaCount": 2.0, "empty": map[string]any{}, "password": "", "existingSecret": "tls", "imagePullSecrets": []any{"mirror"},
		"env": map[string]any{"AMBASSADOR_ID": "a"},
	}, shown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{
		"env": map[string]any{"REDIS_PASSWORD": "hunter2"}, "auth": map[string]any{"apiKey": "k"},
		"envRaw": []any{map[string]any{"name": "DB_TOKEN", "value": "t"}},
	}, secret); diff != "" {
		t.Error(diff)
	}
}
