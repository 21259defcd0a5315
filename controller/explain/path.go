package explain

import (
	"slices"
	"strings"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// normalize makes of a path what routes are matched against, or says why the request is refused.
func normalize(m *hcmv3.HttpConnectionManager, path string) (normalized, why string) {
	path, query, hasQuery := strings.Cut(path, "?")
	if m.PathWithEscapedSlashesAction == hcmv3.HttpConnectionManager_REJECT_REQUEST && hasEscapedSlash(path) {
		return "", "the Module refuses paths with escaped slashes (%2F, %5C)"
	}
	if m.GetNormalizePath().GetValue() {
		if strings.Contains(path, "%00") {
			return "", "the path has an escaped NUL in it"
		}
		path = canonical(path)
	}
	if m.MergeSlashes {
		path = mergeSlashes(path)
	}
	if hasQuery {
		path += "?" + query
	}
	return path, ""
}

func hasEscapedSlash(path string) bool {
	lower := strings.ToLower(path)
	return strings.Contains(lower, "%2f") || strings.Contains(lower, "%5c")
}

// mergeSlashes makes one slash of several. A path of nothing but slashes keeps two: Envoy joins what is between the first
// and the last one.
func mergeSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	segments := slices.DeleteFunc(strings.Split(path, "/"), func(segment string) bool { return segment == "" })
	last := ""
	if strings.HasSuffix(path, "/") {
		last = "/"
	}
	return "/" + strings.Join(segments, "/") + last
}

// canonical resolves dot segments, turns backslashes into slashes, decodes what needs no escape and escapes what does,
// as Chromium's URL library does for Envoy.
func canonical(path string) string {
	return withoutDots(recoded(path))
}

// escaped are the printable characters that no path may have as they are; they are escaped.
const escaped = "\"<>^`{|}"

// recoded spells every character of a path in its one way. A percent sign that starts no escape stays, unless decoding
// what follows would make an escape of it: then it is escaped itself.
func recoded(path string) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(path))
	stray := -1 // where the last percent sign that starts no escape is in out
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\':
			out = append(out, '/')
		case strings.IndexByte(escaped, c) >= 0:
			out = append(out, '%', digits[c>>4], digits[c&15])
		case c != '%':
			out = append(out, c)
		case !isEscape(path[i:]):
			stray = len(out)
			out = append(out, '%')
		default:
			if decoded := unhex(path[i+1])<<4 | unhex(path[i+2]); isUnreserved(decoded) {
				out = guarded(append(out, decoded), stray, path[i+3:])
			} else {
				out = append(out, path[i:i+3]...)
			}
			i += 2
		}
	}
	return string(out)
}

// guarded escapes a stray percent sign that the character just decoded, the last of out, would make an escape of.
func guarded(out []byte, stray int, rest string) []byte {
	if stray < 0 || stray < len(out)-3 {
		return out
	}
	tail := string(out[stray:])
	if len(tail) == 2 && rest != "" {
		tail += rest[:1]
	}
	if !isEscape(tail) {
		return out
	}
	return append(out[:stray], "%25"+string(out[stray+1:])...)
}

func isEscape(text string) bool {
	return len(text) >= 3 && text[0] == '%' && isHex(text[1]) && isHex(text[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// isUnreserved tells the characters that mean the same with and without escape (RFC 3986 section 2.3).
func isUnreserved(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("-._~", c) >= 0
}

// withoutDots resolves the segments "." and ".." (RFC 3986 section 5.2.4). An empty segment is one to go up from.
func withoutDots(path string) string {
	segments := strings.Split(path[1:], "/")
	kept := make([]string, 0, len(segments))
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
