package compile

import "testing"

func TestParseService(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text         string
		originateTLS bool
		want         serviceName
		wantErr      bool
	}{
		{text: "quote", want: serviceName{host: "quote", port: 80}},
		{text: "quote", originateTLS: true, want: serviceName{host: "quote", port: 443}},
		{text: "quote:8080", want: serviceName{host: "quote", port: 8080, explicitPort: true}},
		{text: "quote.ns:8080", want: serviceName{host: "quote.ns", port: 8080, explicitPort: true}},
		{text: "https://quote", want: serviceName{host: "quote", port: 443, tls: true}},
		{text: "HTTPS://quote:8443/", want: serviceName{host: "quote", port: 8443, explicitPort: true, tls: true}},
		{text: "http://quote", want: serviceName{host: "quote", port: 80, cleartext: true}},
		{text: "127.0.0.1:8877", want: serviceName{host: "127.0.0.1", port: 8877, explicitPort: true}},
		{text: "::1", want: serviceName{host: "::1", port: 80}},
		{text: "[::1]:99", want: serviceName{host: "::1", port: 99, explicitPort: true}},
		{text: "[::1]", want: serviceName{host: "::1", port: 80}},
		{text: "tcp://quote:1", want: serviceName{host: "quote", port: 1, explicitPort: true,
			ignored: `service "tcp://quote:1": the scheme tcp has no effect: use http:// or https://`}},
		{text: "quote/path", want: serviceName{host: "quote", port: 80,
			ignored: `service "quote/path": /path has no effect: use rewrite to change the path`}},
		{text: "quote:http", wantErr: true},
		{text: "quote:0", wantErr: true},
		{text: "quote:70000", wantErr: true},
		{text: "user@quote", wantErr: true},
		{text: ":80", wantErr: true},
		{text: "", wantErr: true},
	}
	for _, test := range tests {
		got, err := parseService(test.text, test.originateTLS)
		if (err != nil) != test.wantErr {
			t.Errorf("parseService(%q) error = %v, want one: %t", test.text, err, test.wantErr)
			continue
		}
		if err == nil && got != test.want {
			t.Errorf("parseService(%q) = %+v, want %+v", test.text, got, test.want)
		}
	}
}

func TestServiceQualification(t *testing.T) {
	t.Parallel()
	tests := []struct{ host, namespace, want string }{
		{"svc", "default", "svc"},
		{"svc", "other", "svc.other"},
		{"svc.third", "other", "svc.third"},
		{"localhost", "other", "localhost"},
		{"10.1.2.3", "other", "10.1.2.3"},
		{"::1", "other", "::1"},
	}
	for _, test := range tests {
		if got := (serviceName{host: test.host}).qualified(test.namespace, "default").host; got != test.want {
			t.Errorf("%q in namespace %q qualifies to %q, want %q", test.host, test.namespace, got, test.want)
		}
	}
}

func TestKubernetesService(t *testing.T) {
	t.Parallel()
	tests := []struct {
		host, namespace, name string
		ok                    bool
	}{
		{"svc", "own", "svc", true},
		{"svc.third", "third", "svc", true},
		{"svc.third.svc", "third", "svc", true},
		{"svc.third.svc.cluster.local", "third", "svc", true},
		{"svc.third.svc.cluster.local.", "third", "svc", true},
		{"www.example.com", "", "", false},
		{"10.1.2.3", "", "", false},
		{"localhost", "", "", false},
	}
	for _, test := range tests {
		namespace, name, ok := (serviceName{host: test.host}).kubernetesService("own")
		if namespace != test.namespace || name != test.name || ok != test.ok {
			t.Errorf("%q names Service %q/%q (%t), want %q/%q (%t)", test.host, namespace, name, ok, test.namespace, test.name, test.ok)
		}
	}
}
