package probe

import (
	"net/http"
	"strings"
	"testing"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/spec"
)

func ptr[T any](v T) *T { return &v }

func same(s string) string { return s }

func TestCheck(t *testing.T) {
	t.Parallel()
	seen := &backend.Seen{
		Backends: []string{"quote.default:80"}, Endpoint: "10.0.0.1:80", Path: "/a?x=1", Host: "h",
		Headers: map[string][]string{"x-one": {"1"}, "x-list": {"a", "b"}},
	}
	answered := Evidence{Answer: &Answer{Status: 200, Seen: seen, Header: http.Header{"Zoo": {"a, b"}}}, Records: []*backend.Seen{seen, seen}}
	byGateway := Evidence{Answer: &Answer{Status: 404, Header: http.Header{}}}
	closed := Evidence{Answer: &Answer{Closed: "EOF"}}
	switched := Evidence{Answer: &Answer{Status: 101, Header: http.Header{}}, Records: []*backend.Seen{seen}}
	tests := map[string]struct {
		expect   spec.Expect
		evidence Evidence
		want     string // the failures' keys
	}{
		"right backend":          {spec.Expect{RouteTo: "quote.default:80", Status: 200}, answered, ""},
		"wrong backend":          {spec.Expect{RouteTo: "other.default:80"}, answered, "route_to"},
		"backend without a body": {spec.Expect{RouteTo: "quote.default:80", Status: 101}, switched, ""},
		"no backend":             {spec.Expect{RouteTo: "quote.default:80"}, byGateway, "route_to"},
		"absent":                 {spec.Expect{Absent: true}, byGateway, ""},
		"not absent":             {spec.Expect{Absent: true}, answered, "absent"},
		"a backend's own 404": {spec.Expect{Absent: true},
			Evidence{Answer: &Answer{Status: 404, Seen: seen, Header: http.Header{}}}, "absent"},
		"closed":              {spec.Expect{Closed: true}, closed, ""},
		"not closed":          {spec.Expect{Closed: true}, byGateway, "closed"},
		"unexpectedly closed": {spec.Expect{RouteTo: "quote.default:80"}, closed, "route_to"},
		"upstream": {spec.Expect{PathUpstream: ptr("/a?x=1"), HostUpstream: ptr("h"), UpstreamTLS: ptr(false),
			HeadersUpstream: map[string]spec.Strings{"X-One": {"1"}, "x-list": {"a", "b"}}, HeadersUpstreamAbsent: []string{"x-two"}}, answered, ""},
		"wrong upstream": {spec.Expect{PathUpstream: ptr("/b"), HostUpstream: ptr("g"), UpstreamTLS: ptr(true),
			UpstreamSNI: spec.Nullable{Set: true, Value: "x"}, HeadersUpstream: map[string]spec.Strings{"x-one": {"2"}},
			HeadersUpstreamAbsent: []string{"x-list"}}, answered,
			"path_upstream host_upstream upstream_tls upstream_sni headers_upstream.x-one headers_upstream_absent.x-list"},
		"upstream of nobody": {spec.Expect{PathUpstream: ptr("/")}, byGateway, "upstream"},
		"downstream": {spec.Expect{HeadersDownstream: map[string]spec.Strings{"zoo": {"a", "b"}},
			HeadersDownstreamPresent: []string{"zoo"}, HeadersDownstreamAbsent: []string{"server"}}, answered, ""},
		"a header by pattern":       {spec.Expect{HeadersDownstream: map[string]spec.Strings{"zoo": {"~^a, .$"}}}, answered, ""},
		"a header by wrong pattern": {spec.Expect{HeadersDownstream: map[string]spec.Strings{"zoo": {"~^b"}}}, answered, "headers_downstream.zoo"},
		"attempts":                  {spec.Expect{Attempts: 2}, answered, ""},
		"too few attempts":          {spec.Expect{Attempts: 3}, answered, "attempts"},
		"endpoint":                  {spec.Expect{Endpoint: "10.0.0.1:80"}, answered, ""},
		"wrong endpoint":            {spec.Expect{Endpoint: "10.0.0.2:80"}, answered, "endpoint"},
		"no TLS":                    {spec.Expect{ALPN: spec.Nullable{Set: true}, CertCN: spec.Nullable{Set: true}}, answered, ""},
		"TLS missing":               {spec.Expect{CertCN: spec.Nullable{Set: true, Value: "h"}, TLSVersion: "v1.2"}, answered, "cert_cn tls_version"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.evidence.Canonical, test.evidence.Endpoint = same, same
			var keys []string
			for _, f := range Check(&test.expect, test.evidence) {
				keys = append(keys, f.Key)
			}
			if got := strings.Join(keys, " "); got != test.want {
				t.Errorf("failures: %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheckSamples(t *testing.T) {
	t.Parallel()
	var answers []*Answer
	for i := range 100 {
		switch {
		case i < 70:
			answers = append(answers, &Answer{Status: 200, Seen: &backend.Seen{Backends: []string{"a"}, Endpoint: "1"}})
		case i < 90:
			answers = append(answers, &Answer{Status: 200, Seen: &backend.Seen{Backends: []string{"b"}, Endpoint: "2"}})
		default:
			answers = append(answers, &Answer{Status: 404})
		}
	}
	tests := map[string]struct {
		expect spec.Expect
		want   string
	}{
		"as it should":         {spec.Expect{Weights: map[string]float64{"a": .7, "b": .2, "404": .1}, DistinctEndpoints: 2}, ""},
		"off by too much":      {spec.Expect{Weights: map[string]float64{"a": .5, "b": .5}}, "weights.a weights.b weights.404"},
		"within its tolerance": {spec.Expect{Weights: map[string]float64{"a": .6, "b": .3, "404": .1}, Tolerance: .11}, ""},
		"one endpoint":         {spec.Expect{DistinctEndpoints: 1}, "distinct_endpoints"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var keys []string
			for _, f := range CheckSamples(&test.expect, answers, same) {
				keys = append(keys, f.Key)
			}
			if got := strings.Join(keys, " "); got != test.want {
				t.Errorf("failures: %q, want %q", got, test.want)
			}
		})
	}
}
