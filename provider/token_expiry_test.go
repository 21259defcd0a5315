package provider

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestShortLivedToken(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	until := func(at time.Time) string { return jwt(fmt.Sprintf(`{"sub": "x", "exp": %d}`, at.Unix())) }
	eks := func(query string) string {
		return eksTokenPrefix + base64.RawURLEncoding.EncodeToString([]byte("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&"+query))
	}
	for name, test := range map[string]struct{ token, want string }{
		"minutes left":      {until(now.Add(15 * time.Minute)), "2026-11-21T12:15:00Z"},
		"expired":           {until(now.Add(-time.Minute)), "2026-11-21T11:59:00Z"},
		"a day left":        {until(now.Add(24 * time.Hour)), ""},
		"without an end":    {jwt(`{"sub": "x"}`), ""},
		"of EKS":            {eks("X-Amz-Date=20261121T115500Z&X-Amz-Expires=60"), "2026-11-21T12:10:00Z"},
		"of EKS, cut":       {eks("X-Amz-Expires=60"), ""},
		"not of EKS":        {eksTokenPrefix + "%", ""},
		"three words":       {"a.b.c", ""},
		"that says nothing": {"ya29.a0", ""},
		"none":              {"", ""},
	} {
		diags := warnOfShortLivedToken(test.token, now)
		switch {
		case test.want == "" && len(diags) > 0:
			t.Errorf("%s: %v", name, diags)
		case test.want != "" && (diags.WarningsCount() != 1 || !strings.Contains(diags[0].Detail(), "expires at "+test.want+". ")):
			t.Errorf("%s: got %v, want a warning with %s", name, diags, test.want)
		}
		if test.token != "" && len(diags) > 0 && strings.Contains(diags[0].Detail(), test.token) {
			t.Errorf("%s: the warning shows the token", name)
		}
	}
}
