package provider_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// TestBadConfiguration expects an error at plan, which names the field and what
// to do, for what a person gets wrong.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	listener := func(body string) string {
		return "resource \"emissary_listener\" \"x\" {\n  name = \"x\"\n  port = 8080\n  protocol = \"HTTP\"\n  security_model = \"XFP\"\n  host_binding = { namespace = { from = \"ALL\" } }\n" + body + "\n}\n"
	}
	tests := map[string]struct{ config, want string }{
		"misspelt root field":       {quote(`timeout = 3`), `An argument named "timeout" is not expected here`},
		"wrong type":                {quote(`timeout_ms = "soon"`), `Inappropriate value for attribute "timeout_ms": a number is required`},
		"fraction":                  {quote(`timeout_ms = 1.5`), `timeout_ms`},
		"port out of range":         {`resource "emissary_listener" "x" { PORT }`, `port is 70000; it must be from 1 to 65535`},
		"unknown enum value":        {quote(`redirect_response_code = 200`), `redirect_response_code is 200; it must be one of 301, 302, 303, 307, 308`},
		"misspelt enum value":       {quote(`retry_policy = { retry_on = "5x" }`), `retry_policy.retry_on is "5x"; .*Did you mean "5xx"\?`},
		"missing required field":    {`resource "emissary_mapping" "x" { name = "x" }`, `The argument "prefix" is required`},
		"misspelt nested field":     {quote(`retry_policy = { retryOn = "5xx" }`), `retry_policy sets none of the keys allowed here: num_retries, per_try_timeout, retry_on`},
		"misspelt required nested":  {quote(`regex_rewrite = { patern = "x" }`), `attribute "pattern" is required`},
		"misspelt key in free form": {quote(`rate_limit_labels = { ambassador = [{ g = [{ generic_kye = { value = "x" } }] }] }`), `Did you mean "generic_key"\?`},
		"wrong type in free form":   {quote(`rate_limit_labels = { ambassador = [{ g = [{ generic_key = { value = 3 } }] }] }`), `must be a string`},
		"both rules of a Listener":  {listener(`protocol_stack = ["HTTP", "TCP"]`), `protocol_stack excludes protocol`},
		"service without a port":    {quote(`shadow = true`, `host_rewrite = "x"`) + `resource "emissary_tcp_mapping" "x" { SERVICE }`, `service is "db:mysql": the port "mysql" must be from 1 to 65535`},
		"null for a required field": {strings.Replace(quote(), `prefix    = "/backend/"`, `prefix = null`, 1), `prefix is required but not set`},
		"duration without a unit":   {quote(`retry_policy = { retry_on = "5xx", per_try_timeout = "3" }`), `retry_policy.per_try_timeout is "3"; it must be a duration such as 3s`},
		"group that is not there":   {quote(`regex_rewrite = { pattern = "/(a)", substitution = "/\\2" }`), `refers to the group 2; the pattern "/\(a\)" has 1`},
		"header that is the host":   {quote(`add_request_headers = { Host = { value = "x" } }`), `use host_rewrite for the host`},
		"name in capitals":          {`resource "emissary_mapping" "x" { CAPITALS }`, `name is "Quote"; a lowercase RFC 1123 subdomain must consist of`},
		"label with a space":        {quote(`labels = { team = "the web" }`), `labels\["team"\] is "the web"; a valid label must be an empty string or consist of`},
		"timeout of nothing":        {quote("timeouts {\n    create = \"soon\"\n  }"), `timeouts.create is "soon"; it must be a duration above zero`},
		"weight over 100":           {quote(`weight = 101`), `weight is 101; it is a percentage`},
		"two redirects":             {quote(`host_redirect = true`, `path_redirect = "/a"`, `prefix_redirect = "/b"`), `prefix_redirect excludes path_redirect`},
		"regex that RE2 refuses":    {quote(`regex_headers = { x-a = "(?=b)" }`), `no RE2 regular expression`},
		"hostname with inner star":  {`resource "emissary_host" "x" { HOSTNAME }`, `a \* is allowed alone, at the start or at the end`},
		"rule of the CRD":           {quote(`load_balancer = { policy = "maglev", header = "x", source_ip = true }`), `set only one of cookie, header and source_ip`},
		"rule of the CRD by name":   {`resource "emissary_host" "x" { SETTINGS }`, `tls and tls_context exclude each other: keep the settings here or name a TLSContext`},
		"balancer without a key":    {quote(`load_balancer = { policy = "maglev" }`), `needs one of cookie, header, source_ip`},
		"what the controller knows": {quote(`add_request_headers = { x-share = { value = "100%" } }`), `add_request_headers.x-share: the % in "100%" starts no %COMMAND%`},
		"key of the Module":         {`resource "emissary_module" "x" { MODULE }`, `config.gzip: .* unknown field "min_contents_length"`},
		"null in a list":            {quote(`remove_request_headers = [null]`), `remove_request_headers\[0\] is null`},
	}
	replace := map[string]string{
		"NAMESPACE": "default",
		"PORT":      "\n  name = \"x\"\n  port = 70000\n  protocol = \"HTTP\"\n  security_model = \"XFP\"\n  host_binding = { namespace = { from = \"ALL\" } }\n",
		"SERVICE":   "\n  name = \"x\"\n  port = 1\n  service = \"db:mysql\"\n",
		"CAPITALS":  "\n  name = \"Quote\"\n  hostname = \"*\"\n  prefix = \"/\"\n  service = \"x\"\n",
		"SETTINGS":  "\n  name = \"x\"\n  tls_secret = { name = \"x\" }\n  tls = { sni = \"x\" }\n  tls_context = { name = \"x\" }\n",
		"MODULE":    "\n  name = \"ambassador\"\n  config = { gzip = { min_contents_length = 32 } }\n",
		"HOSTNAME":  "\n  name = \"x\"\n  hostname = \"a*b\"\n",
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := test.config
			for placeholder, body := range replace {
				config = strings.ReplaceAll(config, placeholder, body)
			}
			runTerraform(t, resource.TestStep{Config: config, PlanOnly: true, ExpectError: oneLine(test.want)})
		})
	}
}

// TestUnreachable says which server and which object.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close() // Nothing listens there any more.
	runTerraform(t, resource.TestStep{
		Config:      fmt.Sprintf("provider \"emissary\" {\n  host = \"https://%s\"\n}\n", address) + inDefault(quote()),
		ExpectError: oneLine(`Cannot apply Mapping default/quote on https://` + address + `: the server cannot be reached: .*connection refused\. Check host`),
	})
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runTerraform(t, resource.TestStep{
		Config:      strings.ReplaceAll(fmt.Sprintf("provider \"emissary\" {\n  host = %q\n  insecure = true\n  token = \"wrong\"\n}\n", w.Config.Host)+quote(), "NAMESPACE", w.namespace),
		ExpectError: oneLine(`Cannot apply Mapping ` + w.namespace + `/quote on .*: the server does not accept the credentials`),
	})
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kubeconfig, err := w.User("nobody")
	if err != nil {
		t.Fatal(err)
	}
	runTerraform(t, resource.TestStep{
		Config:      strings.ReplaceAll(fmt.Sprintf("provider \"emissary\" {\n  config_raw = <<EOT\n%s\nEOT\n}\n", kubeconfig)+quote(), "NAMESPACE", w.namespace),
		ExpectError: oneLine(`Cannot apply Mapping ` + w.namespace + `/quote on .*: it is forbidden: User "nobody" cannot patch resource "mappings" .* Give these credentials the verb on mappings.getambassador.io`),
	})
}
