package random

import "fmt"

// meant are texts that mean something in the fields of that name.
var meant = map[string][]string{
	"service":           {"quote", "quote.default:8080", "https://quote.other:443", "http://127.0.0.1:80"},
	"auth_service":      {"auth:3000", "https://auth.default"},
	"hostname":          {"*", "www.example.com", "*.example.com"},
	"host":              {"*", "www.example.com"},
	"prefix":            {"/", "/backend/", "/ünï/"},
	"rewrite":           {"", "/", "/other/"},
	"pattern":           {"/(.*)", "^/a/([0-9]+)$"},
	"substitution":      {`/\1`, "/fixed"},
	"per_try_timeout":   {"3s", "250ms", "0.5s"},
	"ttl":               {"1h", "0s", "300s"},
	"interval":          {"5s", "1m"},
	"timeout":           {"3s"},
	"max_age":           {"86400"},
	"idle_timeout_ms":   {"3000", "0"},
	"priority":          {"default", "high", ""},
	"allow_upgrade":     {"websocket", "spdy/3.1"},
	"method":            {"GET", "POST"},
	"tls":               {"tls-context", ""},
	"operator":          {"In", "NotIn"},
	"min_tls_version":   {"v1.1", "v1.2"},
	"max_tls_version":   {"v1.2", "v1.3"},
	"alpn_protocols":    {"h2", "h2,http/1.1"},
	"dns_type":          {"strict_dns", "logical_dns"},
	"resolver":          {"kubernetes-endpoint", "endpoint"},
	"header_name":       {"x-header", "x-other"},
	"regex_headers":     {"^a+$", "[0-9]{3}"},
	"exposed_headers":   {"x-exposed"},
	"outlier_detection": {`{"consecutive_5xx": 3}`},
}

// awkward are texts that are hard to get through every layer unchanged.
var awkward = []string{"a", "ünï ✓", "two\nlines", `"quoted" \ back`, "${interpolation} %{directive}", " spaces ", "true", "17", "null"}

func (g *generator) text(name string) string {
	if texts := meant[name]; texts != nil && g.IntN(8) > 0 {
		return texts[g.IntN(len(texts))]
	}
	switch g.IntN(3) {
	case 0:
		return awkward[g.IntN(len(awkward))]
	case 1:
		return ""
	}
	return fmt.Sprintf("text-%d", g.IntN(100))
}

func number(p *int64) int {
	if p == nil {
		return 0
	}
	return int(*p)
}
