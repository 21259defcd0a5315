package probe

import (
	"crypto/tls"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"terraform-provider-emissary/test/behaviour/spec"
)

// checkHeaders compares headers with what must, must not and must in any form be there.
func checkHeaders(f *failures, key string, got http.Header, want map[string]spec.Strings, absent, present []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if values := got.Values(name); !headerMatches(values, want[name]) {
			f.add(key+"."+name, quoted(values), quoted(want[name]))
		}
	}
	for _, name := range absent {
		if values := got.Values(name); len(values) > 0 {
			f.add(key+"_absent."+name, quoted(values), "none")
		}
	}
	for _, name := range present {
		if len(got.Values(name)) == 0 {
			f.add(key+"_present."+name, "none", "any value")
		}
	}
}

// headerMatches compares the values of one header: these values in this order, or one value matching a
// "~regex". Proxies may join values with commas (RFC 9110 section 5.3), which means the same.
func headerMatches(got, want []string) bool {
	if len(want) == 1 {
		if pattern, ok := strings.CutPrefix(want[0], "~"); ok {
			return slices.ContainsFunc(append(got, strings.Join(got, ",")), func(value string) bool {
				matched, err := regexp.MatchString(pattern, value)
				return err == nil && matched
			})
		}
	}
	return len(got) > 0 && (slices.Equal(got, want) || joined(got) == joined(want))
}

// joined is one canonical form of a list of values, however it was split into lines.
func joined(values []string) string {
	parts := strings.Split(strings.Join(values, ","), ",")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	return strings.Join(parts, ",")
}

func tlsVersionName(version uint16) string { return tls.VersionName(version) }
