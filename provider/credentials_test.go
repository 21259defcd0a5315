package provider_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terraform-provider-emissary/test/faultproxy"
	"terraform-provider-emissary/test/workspace"
)

// credentials is a file with a token, which someone renews.
type credentials struct {
	t    *testing.T
	path string
}

func newCredentials(t *testing.T, token string) *credentials {
	t.Helper()
	c := &credentials{t: t, path: filepath.Join(t.TempDir(), "token")}
	c.renew(token)
	return c
}

func (c *credentials) renew(token string) {
	c.t.Helper()
	// At once, as whoever renews such a file does.
	next := c.path + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(token), 0o600), os.Rename(next, c.path)); err != nil {
		c.t.Error(err)
	}
}

// exec is a kubeconfig's user whose credentials come from a command: it prints the
// token that is in the file now.
func (c *credentials) exec() string {
	return fmt.Sprintf(`exec:
  apiVersion: client.authentication.k8s.io/v1
  interactiveMode: Never
  command: sh
  args: ["-c", "printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%%s\"}}' $(cat %s)"]`, c.path)
}

func (c *credentials) tokenFile() string { return "tokenFile: " + c.path }

// TestCredentialsAreRenewed has the token expire between plan and apply, and once
// more in the middle of the apply. Where it comes from a command or a file, both
// go on with the new one.
func TestCredentialsAreRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, user := range map[string]func(*credentials) string{"exec": (*credentials).exec, "token-file": (*credentials).tokenFile} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := faultproxy.Start(t, w.Config)
			p.Accept("planned")
			token := newCredentials(t, "planned")
			terraform := workspace.New(t, `
provider "emissary" {
  config_raw = <<EOT
`+p.Kubeconfig(user(token))+`EOT
}

resource "emissary_mapping" "many" {
  count     = 40
  name      = "`+name+`-${count.index}"
  namespace = "`+w.namespace+`"
  hostname  = "*"
  prefix    = "/${count.index}/"
  service   = "quote"
}
`)
			terraform.Must("plan", "-out=saved")
			p.Accept("applied")
			token.renew("applied")
			expires := p.Break(1, faultproxy.After(20, faultproxy.Writes), func(response http.ResponseWriter, request *http.Request, server http.Handler) {
				token.renew("late")
				p.Accept("late")
				faultproxy.Unauthorized(response, request, server)
			})
			terraform.Must("apply", "saved")
			terraform.NoChanges()
			if expires.Met() == 0 {
				t.Error("the token did not expire during the apply")
			}
		})
	}
}

// TestTokenExpires has a token that is given as text expire between plan and
// apply. The apply says what to do, and that works.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := faultproxy.Start(t, w.Config)
	terraform := workspace.New(t, `
variable "token" {
  type      = string
  sensitive = true
}

`+p.Provider("token = var.token")+strings.ReplaceAll(quote(), "NAMESPACE", w.namespace))

	p.Accept("old")
	terraform.Must("plan", "-out=saved", "-var=token=old")
	p.Accept("new")
	terraform.Fails(`Cannot apply Mapping `+w.namespace+`/quote on .* the server does not accept the credentials \(401 Unauthorized\)\. `+
		`They are a token that was given as text\. If it has expired since the plan, get a new one and plan again`, "apply", "saved")
	terraform.Must("plan", "-out=saved", "-var=token=new")
	terraform.Must("apply", "saved")
	terraform.NoChanges("-var=token=new")

	// What the error says of ephemeral variables.
	terraform.Write(strings.Replace(terraform.Config, "sensitive = true", "ephemeral = true", 1))
	terraform.Must("plan", "-out=saved", "-destroy", "-var=token=new")
	p.Accept("newest")
	terraform.Must("apply", "-var=token=newest", "saved")
}
