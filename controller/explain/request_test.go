package explain_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/controller/explain"
)

func TestNewRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]explain.Request{
		"http://a.example":             {Host: "a.example", Path: "/"},
		"https://a.example/x/../y?q#f": {TLS: true, ServerName: "a.example", Host: "a.example", Path: "/x/../y?q"},
		"https://a.example?q=%20":      {TLS: true, ServerName: "a.example", Host: "a.example", Path: "/?q=%20"},
		"http://a.example:8080/":       {Port: 8080, Host: "a.example:8080", Path: "/"},
		"https://a.example:443/":       {Port: 443, TLS: true, ServerName: "a.example", Host: "a.example", Path: "/"},
		"https://127.0.0.1:8443/":      {Port: 8443, TLS: true, Host: "127.0.0.1:8443", Path: "/"},
		"http://[::1]:80/a%2Fb":        {Port: 80, Host: "[::1]", Path: "/a%2Fb"},
	}
	for url, want := range tests {
		got, err := explain.NewRequest("", url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
	for url, want := range map[string]string{
		"a.example/x":        "write http:// or https://",
		"ftp://a.example/":   `the scheme is "ftp"`,
		"http:///x":          "has no host",
		"http://a:0/":        "port 0 is out of range",
		"http://a/b c":       "percent-encode it",
		"http://a\u00fc.de/": "xn--",
	} {
		if _, err := explain.NewRequest("GET", url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", url, err, want)
		}
	}
}

// FuzzNewRequest reads random texts as URLs. A request that is understood has what every request has.
func FuzzNewRequest(f *testing.F) {
	for _, seed := range []string{"http://a.example", "https://a.example:8443/x/../y?q#f", "https://[::1]:80/%2F", "http://a:0/", "://", "http://%zz/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		request, err := explain.NewRequest("", url)
		if err == nil && (request.Host == "" || !strings.HasPrefix(request.Path, "/") || request.Port > 65535) {
			t.Errorf("%q is %+v", url, request)
		}
	})
}
