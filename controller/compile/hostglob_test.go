package compile

import "testing"

func TestHostnamesOverlap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"*", "*", true},
		{"*", "*.example.com", true},
		{"foo.example.com", "foo.example.com", true},
		{"foo.example.com", "bar.example.com", false},
		{"*.example.com", "foo.example.com", true},
		{"*.example.com", "foo.bar.example.com", true},
		{"*.example.com", "example.com", false},
		{"*example.com", "example.com", false},
		{"*example.com", "foo-example.com", true},
		{"*example.com", "*.example.com", true},
		{"*.example.com", "*.foo.example.com", true},
		{"*.example.com", "*.example.org", false},
		{"example.*", "example.com", true},
		{"example.*", "example.", false},
		{"example.*", "foo.example.com", false},
		{"example.*", "exam*", true},
		{"example.*", "sample.*", false},
		{"*.com", "example.*", true},
		{"foo*", "*bar", true},
		{"*foo*", "xfooy", false},
		{"*foo*", "*foo*", true},
		{"foo.*.com", "foo.bar.com", false},
		{"foo.*.com", "foo.*.com", true},
		{".example.com", "*.example.com", false},
		{"*.example.com", ".example.com", false},
	}
	for _, test := range tests {
		if got := hostnamesOverlap(test.a, test.b); got != test.want {
			t.Errorf("hostnamesOverlap(%q, %q) = %t, want %t", test.a, test.b, got, test.want)
		}
		if got := hostnamesOverlap(test.b, test.a); got != test.want {
			t.Errorf("hostnamesOverlap(%q, %q) = %t, want %t", test.b, test.a, got, test.want)
		}
	}
}

func TestHostWithoutPort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"example.com": "example.com", "example.com:8443": "example.com", "*": "*", "[::1]": "[::1]", "[::1]:80": "[::1]",
	} {
		if got := hostWithoutPort(in); got != want {
			t.Errorf("hostWithoutPort(%q) = %q, want %q", in, got, want)
		}
	}
}
