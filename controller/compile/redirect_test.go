package compile

import (
	"strings"
	"testing"
)

// TestRedirectsGoToServices has services of redirects, which are read as those of any Mapping.
func TestRedirectsGoToServices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ service, scheme, host string }{
		"name":               {"other", "", "other.team"},
		"name and port":      {"Other:8443", "", "other.team:8443"},
		"host in capitals":   {"Example.COM", "", "example.com"},
		"scheme":             {"https://example.com", "https", "example.com"},
		"path":               {"https://example.com/path", "https", "example.com"},
		"IPv6":               {"[::1]", "", "[::1]"},
		"IPv6 and port":      {"[::1]:8443", "", "[::1]:8443"},
		"localhost and port": {"localhost:8443", "", "localhost:8443"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, routes := routesOnly(t, strings.Replace(mappingYAML("a", "{hostname: '*', prefix: /, host_redirect: true, service: '"+test.service+"'}"),
				"namespace: default", "namespace: team", 1))
			redirect := routes[0].GetRedirect()
			if got := redirect.GetHostRedirect(); got != test.host {
				t.Errorf("the host is %q, want %q", got, test.host)
			}
			if got := redirect.GetSchemeRedirect(); got != test.scheme {
				t.Errorf("the scheme is %q, want %q", got, test.scheme)
			}
		})
	}
}
