package compile

import "testing"

func TestServiceReference(t *testing.T) {
	t.Parallel()
	tests := map[string]ServiceReference{
		"quote":                     {Host: "quote", Port: 80, Name: "quote"},
		"HTTPS://quote.shop":        {Scheme: "https", Host: "quote.shop", Port: 443, Name: "quote", Namespace: "shop"},
		"http://quote.shop.svc:8":   {Scheme: "http", Host: "quote.shop.svc", Port: 8, ExplicitPort: true, Name: "quote", Namespace: "shop"},
		"https://www.example.com:1": {Scheme: "https", Host: "www.example.com", Port: 1, ExplicitPort: true},
		"[::1]:99":                  {Host: "::1", Port: 99, ExplicitPort: true},
		"quote/x": {Host: "quote", Port: 80, Name: "quote",
			Ignored: `service "quote/x": /x has no effect: use rewrite to change the path`},
	}
	for text, want := range tests {
		if got, err := ParseService(text); err != nil || got != want {
			t.Errorf("ParseService(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	if got, err := ParseService("quote:0"); err == nil {
		t.Errorf("port 0 is accepted: %+v", got)
	}
}
