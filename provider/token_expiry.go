package provider

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

const (
	// shortLived is what a token should last at least: a plan may wait that long for its apply.
	shortLived = time.Hour
	// eksTokenLife is how long aws-iam-authenticator takes a token of EKS after it was made.
	eksTokenLife = 15 * time.Minute
	// eksTokenPrefix is before the presigned URL that such a token is.
	eksTokenPrefix = "k8s-aws-v1."
)

// warnOfShortLivedToken warns of a token in the provider block that a saved plan may well outlive: the plan keeps it, and
// its apply, hours later at times, fails with it.
func warnOfShortLivedToken(token string, now time.Time) diag.Diagnostics {
	expires, known := tokenExpiry(token)
	if !known || expires.Sub(now) >= shortLived {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(path.Root("token"), "The provider's token is short-lived",
		fmt.Sprintf("It expires at %s. A saved plan keeps the token, and its apply may come later. Use exec, config_path or "+
			"environment variables, which are evaluated when they are used.", expires.UTC().Format(time.RFC3339)))}
}

// tokenExpiry reads when a token expires: of a JSON web token, which service accounts and OpenID Connect have, and of
// EKS. Other tokens do not say.
func tokenExpiry(token string) (expires time.Time, known bool) {
	if presigned, isEKS := strings.CutPrefix(token, eksTokenPrefix); isEKS {
		text, err1 := base64.RawURLEncoding.DecodeString(presigned)
		request, err2 := url.Parse(string(text))
		if err1 != nil || err2 != nil {
			return time.Time{}, false
		}
		made, err := time.Parse("20060102T150405Z", request.Query().Get("X-Amz-Date"))
		return made.Add(eksTokenLife), err == nil
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	var claims struct {
		Expiry float64 `json:"exp"` // RFC 7519: seconds since the epoch, of any precision
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Expiry == 0 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Expiry), 0), true
}
