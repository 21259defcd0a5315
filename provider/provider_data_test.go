package provider

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/kube"
)

// TestRefreshClientWarnsOnce keeps the comment on a pull request short: every
// warning of a plan lands there, however many objects it concerns.
func TestRefreshClientWarnsOnce(t *testing.T) {
	t.Parallel()
	data := newProviderData(t.Context(), providerConfig{Host: types.StringUnknown()}, []string{"host", "token"}, "test")
	var diags diag.Diagnostics
	for range 3 {
		if data.RefreshClient(&diags) != nil {
			t.Fatal("a client was made of unknown settings")
		}
	}
	if len(diags) != 1 || diags.HasError() || !strings.Contains(diags[0].Detail(), "the provider's host, token will be known only after apply") {
		t.Errorf("diagnostics: %v", diags)
	}
	if _, err := data.Kube(); !errors.Is(err, kube.ErrNotConfigured) {
		t.Errorf("error: %v", err)
	}
}

// TestRefreshClientReportsMistakes does not take a mistake for a cluster that is
// yet to come.
func TestRefreshClientReportsMistakes(t *testing.T) {
	t.Parallel()
	data := newProviderData(t.Context(), providerConfig{ConfigRaw: types.StringValue("{")}, nil, "test")
	var diags diag.Diagnostics
	if data.RefreshClient(&diags) != nil || !diags.HasError() {
		t.Errorf("diagnostics: %v", diags)
	}
}
