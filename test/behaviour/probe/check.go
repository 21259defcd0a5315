package probe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/spec"
)

// Evidence is everything known about one probe after it was sent.
type Evidence struct {
	Answer *Answer
	// Records are the requests the backends saw under the probe's id, in order of arrival.
	Records []*backend.Seen
	// Canonical gives a backend's name in the form that backends answer with.
	Canonical func(string) string
	// Endpoint gives the address at which an "ip:port" of the case is really found.
	Endpoint func(string) string
}

// Failure is one expectation that does not hold.
type Failure struct {
	Key  string `json:"key"` // of the expect map
	Got  string `json:"got"`
	Want string `json:"want"`
}

// String is "route_to: got 404 from the gateway, want quote.default:80".
func (f Failure) String() string { return fmt.Sprintf("%s: got %s, want %s", f.Key, f.Got, f.Want) }

// failures collects what does not hold.
type failures []Failure

func (f *failures) add(key string, got, want any) {
	*f = append(*f, Failure{Key: key, Got: fmt.Sprint(got), Want: fmt.Sprint(want)})
}

// Check compares one answer with every expectation about a single request.
func Check(e *spec.Expect, evidence Evidence) []Failure {
	var f failures
	a := evidence.Answer
	if e.Closed {
		if a.Closed == "" {
			f.add("closed", a, "no answer")
		}
		checkTLS(&f, e, a)
		return f
	}
	if a.Closed != "" {
		f.add(firstKey(e), a, "an answer")
		return f
	}
	seen := answering(e, evidence)
	checkAnswer(&f, e, evidence, seen)
	checkTLS(&f, e, a)
	checkUpstream(&f, e, evidence, seen)
	checkHeaders(&f, "headers_downstream", a.Header, e.HeadersDownstream, e.HeadersDownstreamAbsent, e.HeadersDownstreamPresent)
	return f
}

func checkAnswer(f *failures, e *spec.Expect, evidence Evidence, seen *backend.Seen) {
	a := evidence.Answer
	if e.Status != 0 && a.Status != e.Status {
		f.add("status", a, e.Status)
	}
	if e.Absent && (a.Status != http.StatusNotFound || a.Seen != nil) {
		f.add("absent", a, "404 from the gateway")
	}
	if e.Redirect != "" && a.Header.Get("Location") != string(e.Redirect) {
		f.add("redirect", fmt.Sprintf("%q (%s)", a.Header.Get("Location"), a), e.Redirect)
	}
	if e.RouteTo != "" && !isBackend(seen, evidence.Canonical(string(e.RouteTo))) {
		f.add("route_to", a, e.RouteTo)
	}
	if e.Endpoint != "" && (seen == nil || seen.Endpoint != evidence.Endpoint(string(e.Endpoint))) {
		f.add("endpoint", a, e.Endpoint)
	}
	if e.Attempts != 0 {
		if got := attempts(evidence.Records, seen); got != e.Attempts {
			f.add("attempts", got, e.Attempts)
		}
	}
}

// checkUpstream compares what the answering backend saw.
func checkUpstream(f *failures, e *spec.Expect, evidence Evidence, seen *backend.Seen) {
	if !wantsUpstream(e) {
		return
	}
	if seen == nil {
		if e.RouteTo == "" { // otherwise route_to has said so
			f.add("upstream", evidence.Answer, "an answer from a backend")
		}
		return
	}
	if e.PathUpstream != nil && seen.Path != *e.PathUpstream {
		f.add("path_upstream", seen.Path, *e.PathUpstream)
	}
	if e.HostUpstream != nil && seen.Host != *e.HostUpstream {
		f.add("host_upstream", seen.Host, *e.HostUpstream)
	}
	if e.UpstreamTLS != nil && seen.TLS != *e.UpstreamTLS {
		f.add("upstream_tls", seen.TLS, *e.UpstreamTLS)
	}
	if e.UpstreamSNI.Set && seen.SNI != e.UpstreamSNI.Value {
		f.add("upstream_sni", orNone(seen.SNI), orNone(e.UpstreamSNI.Value))
	}
	headers := http.Header{}
	for name, values := range seen.Headers {
		headers[http.CanonicalHeaderKey(name)] = values
	}
	checkHeaders(f, "headers_upstream", headers, e.HeadersUpstream, e.HeadersUpstreamAbsent, nil)
}

func wantsUpstream(e *spec.Expect) bool {
	return e.PathUpstream != nil || e.HostUpstream != nil || e.UpstreamTLS != nil || e.UpstreamSNI.Set ||
		len(e.HeadersUpstream) > 0 || len(e.HeadersUpstreamAbsent) > 0
}

func checkTLS(f *failures, e *spec.Expect, a *Answer) {
	var commonName, version, protocol string
	if a.TLS != nil {
		version, protocol = plainVersion(tlsVersionName(a.TLS.Version)), a.TLS.NegotiatedProtocol
		if len(a.TLS.PeerCertificates) > 0 {
			commonName = a.TLS.PeerCertificates[0].Subject.CommonName
		}
	}
	if e.CertCN.Set && commonName != e.CertCN.Value {
		f.add("cert_cn", orNone(commonName), orNone(e.CertCN.Value))
	}
	if e.TLSVersion != "" && version != plainVersion(string(e.TLSVersion)) {
		f.add("tls_version", orNone(version), e.TLSVersion)
	}
	if e.ALPN.Set && protocol != e.ALPN.Value {
		f.add("alpn", orNone(protocol), orNone(e.ALPN.Value))
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// answering is the backend whose account counts. An answer without a body (HEAD, 101, a status without
// content) does not carry one; then the backends' own records say who saw the request.
func answering(e *spec.Expect, evidence Evidence) *backend.Seen {
	if evidence.Answer.Seen != nil {
		return evidence.Answer.Seen
	}
	if e.Absent || len(evidence.Records) == 0 {
		return nil
	}
	if want := evidence.Canonical(string(e.RouteTo)); e.RouteTo != "" {
		if i := slices.IndexFunc(evidence.Records, func(s *backend.Seen) bool { return isBackend(s, want) }); i >= 0 {
			return evidence.Records[i]
		}
	}
	return evidence.Records[len(evidence.Records)-1]
}

func isBackend(seen *backend.Seen, name string) bool {
	return seen != nil && slices.Contains(seen.Backends, name)
}

// attempts counts how often the answering backend saw the request; any backend, if none answered.
func attempts(records []*backend.Seen, seen *backend.Seen) int {
	n := 0
	for _, r := range records {
		if seen == nil || slices.Equal(r.Backends, seen.Backends) {
			n++
		}
	}
	return n
}

// firstKey names the expectation that a refused connection fails.
func firstKey(e *spec.Expect) string {
	given := map[string]bool{
		"route_to": e.RouteTo != "", "absent": e.Absent, "redirect": e.Redirect != "", "status": e.Status != 0,
		"weights": len(e.Weights) > 0,
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if given[key] {
			return key
		}
	}
	return "answer"
}

func quoted(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return `"` + strings.Join(values, `", "`) + `"`
}
