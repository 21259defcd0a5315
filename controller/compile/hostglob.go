package compile

import "strings"

// Hostnames of Hosts and Mappings may be globs with one "*": alone, at the start ("*.example.com") or at the end
// ("example.*"). A star anywhere else, or at both ends, is an ordinary character that no real hostname contains.

// hostnamesOverlap reports whether some hostname matches both globs. The star stands for at least one character, as it
// does in Envoy's virtual host domains, so "*example.com" and "example.com" do not overlap.
func hostnamesOverlap(a, b string) bool {
	if a == b || a == "*" || b == "*" {
		return true
	}
	if a == "" || b == "" || a[0] == '.' || b[0] == '.' {
		return false
	}
	aStart, aEnd := strings.HasPrefix(a, "*"), strings.HasSuffix(a, "*")
	bStart, bEnd := strings.HasPrefix(b, "*"), strings.HasSuffix(b, "*")
	switch {
	case aStart && aEnd, bStart && bEnd:
		return false
	case aStart && bEnd, aEnd && bStart:
		return true
	case aStart && bStart:
		return strings.HasSuffix(a[1:], b[1:]) || strings.HasSuffix(b[1:], a[1:])
	case aEnd && bEnd:
		return strings.HasPrefix(a, b[:len(b)-1]) || strings.HasPrefix(b, a[:len(a)-1])
	default:
		return hostnameMatches(a, b) || hostnameMatches(b, a)
	}
}

// hostnameMatches reports whether a glob matches one plain hostname.
func hostnameMatches(glob, hostname string) bool {
	switch {
	case glob == "*" || glob == hostname:
		return true
	case len(hostname) < len(glob):
		return false
	case strings.HasPrefix(glob, "*"):
		return strings.HasSuffix(hostname, glob[1:])
	case strings.HasSuffix(glob, "*"):
		return strings.HasPrefix(hostname, glob[:len(glob)-1])
	default:
		return false
	}
}

// hostWithoutPort cuts a port off a hostname: TLS server names carry none. IPv6 literals keep their brackets.
func hostWithoutPort(hostname string) string {
	colon := strings.LastIndexByte(hostname, ':')
	if colon < 0 || strings.HasSuffix(hostname, "]") {
		return hostname
	}
	return hostname[:colon]
}

// lowerHostname is the spelling hostnames are compared in: DNS ignores case (RFC 4343), and so does Envoy's choice of a
// virtual host.
func lowerHostname(hostname string) string { return strings.ToLower(hostname) }

// hostnameCovers reports whether every hostname that inner matches is matched by outer too.
func hostnameCovers(outer, inner string) bool {
	if outer == "*" || outer == inner {
		return true
	}
	if strings.HasPrefix(inner, "*") {
		return strings.HasPrefix(outer, "*") && !strings.HasSuffix(outer, "*") && strings.HasSuffix(inner, outer[1:])
	}
	if strings.HasSuffix(inner, "*") {
		return strings.HasSuffix(outer, "*") && !strings.HasPrefix(outer, "*") && strings.HasPrefix(inner, outer[:len(outer)-1])
	}
	return hostnameMatches(outer, inner)
}
