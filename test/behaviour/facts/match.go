package facts

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Request is what a route is matched against.
type Request struct {
	Port    int
	TLS     bool
	SNI     string
	Host    string
	Path    string // with its query
	Method  string
	Headers map[string][]string // by any case of the name
}

func (r *Request) pathOnly() string {
	path, _, _ := strings.Cut(r.Path, "?")
	return path
}

// header gives a header's value as Envoy matches it, pseudo-headers included.
func (r *Request) header(name string) (string, bool) {
	switch name = strings.ToLower(name); name {
	case ":authority", "host":
		return r.Host, true
	case ":method":
		return r.Method, true
	case ":path":
		return r.Path, true
	case "x-forwarded-proto":
		if r.TLS {
			return "https", true
		}
	}
	for key, values := range r.Headers {
		if strings.ToLower(key) == name {
			return strings.Join(values, ","), true
		}
	}
	if name == "x-forwarded-proto" {
		return "http", true
	}
	return "", false
}

// virtualHost picks the virtual host of a route configuration as Envoy does: the exact name, then the
// longest suffix wildcard, then the longest prefix wildcard, then "*".
func virtualHost(config object, host string) object {
	var best object
	bestRank := -1
	for _, vh := range list(config, "virtual_hosts") {
		domains, _ := vh["domains"].([]any)
		for _, d := range domains {
			domain, _ := d.(string)
			if rank := domainRank(domain, strings.ToLower(host)); rank > bestRank {
				best, bestRank = vh, rank
			}
		}
	}
	return best
}

func domainRank(domain, host string) int {
	const exact, suffix, prefix = 1 << 20, 1 << 19, 1 << 18
	domain = strings.ToLower(domain)
	switch {
	case domain == host:
		return exact
	case domain == "*":
		return 0
	case strings.HasPrefix(domain, "*") && strings.HasSuffix(host, domain[1:]):
		return suffix + len(domain)
	case strings.HasSuffix(domain, "*") && strings.HasPrefix(host, domain[:len(domain)-1]):
		return prefix + len(domain)
	default:
		return -1
	}
}

// candidates lists, in the order Envoy tries them, the routes of a virtual host that match the request.
// There are several only where a fraction of the requests takes each.
func candidates(vh object, r *Request) []object {
	var matching []object
	for _, route := range append(list(vh, "routes"), matched(at(vh, "matcher"), r)...) {
		if routeMatches(at(route, "match"), r) {
			matching = append(matching, route)
		}
	}
	return matching
}

// matched follows a generic matcher over the path to its routes: the longest prefix or the exact path.
// Envoy does not fall back from there to a shorter prefix.
func matched(matcher object, r *Request) []object {
	if matcher == nil {
		return nil
	}
	path := r.pathOnly()
	for _, tree := range []struct {
		field   string
		accepts func(key string) bool
	}{
		{"exact_match_map", func(key string) bool { return key == path }},
		{"prefix_match_map", func(key string) bool { return strings.HasPrefix(path, key) }},
	} {
		entries := at(matcher, "matcher_tree", tree.field, "map")
		keys := slices.Sorted(maps.Keys(entries))
		slices.SortStableFunc(keys, func(a, b string) int { return len(b) - len(a) })
		for _, key := range keys {
			if tree.accepts(key) {
				return onMatch(at(entries, key), r)
			}
		}
	}
	return onMatch(at(matcher, "on_no_match"), r)
}

func onMatch(m object, r *Request) []object {
	if inner := at(m, "matcher"); inner != nil {
		return matched(inner, r)
	}
	action := at(m, "action", "typed_config")
	if routes := list(action, "routes"); len(routes) > 0 {
		return routes
	}
	if action != nil {
		return []object{action}
	}
	return nil
}

func routeMatches(match object, r *Request) bool {
	if !pathMatches(match, r.pathOnly()) {
		return false
	}
	for _, h := range list(match, "headers") {
		value, present := r.header(text(h, "name"))
		if !valueMatches(h, value, present) {
			return false
		}
	}
	_, rawQuery, _ := strings.Cut(r.Path, "?")
	query, _ := url.ParseQuery(rawQuery)
	for _, q := range list(match, "query_parameters") {
		name := text(q, "name")
		if !valueMatches(q, query.Get(name), query.Has(name)) {
			return false
		}
	}
	return true
}

func pathMatches(match object, path string) bool {
	pattern := object{}
	for from, to := range map[string]string{"prefix": "prefix", "path": "exact", "safe_regex": "safe_regex"} {
		if value, ok := match[from]; ok {
			pattern[to] = value
		}
	}
	pattern["ignore_case"] = match["case_sensitive"] == false
	if separated := text(match, "path_separated_prefix"); separated != "" {
		return path == separated || strings.HasPrefix(path, separated+"/")
	}
	return stringMatches(pattern, path)
}

// valueMatches evaluates a header or query parameter matcher.
func valueMatches(m object, value string, present bool) bool {
	invert := m["invert_match"] == true
	if want, ok := m["present_match"].(bool); ok {
		return (present == want) != invert
	}
	pattern := at(m, "string_match")
	if pattern == nil {
		return present != invert
	}
	return (present && stringMatches(pattern, value)) != invert
}

// stringMatches evaluates a StringMatcher, whose pattern may also come from a RouteMatch.
func stringMatches(pattern object, value string) bool {
	fold := pattern["ignore_case"] == true
	compare := func(field string, match func(value, want string) bool) (bool, bool) {
		want, ok := pattern[field].(string)
		if !ok {
			return false, false
		}
		if fold {
			return match(strings.ToLower(value), strings.ToLower(want)), true
		}
		return match(value, want), true
	}
	for field, match := range map[string]func(string, string) bool{
		"exact":    func(v, w string) bool { return v == w },
		"prefix":   strings.HasPrefix,
		"suffix":   strings.HasSuffix,
		"contains": strings.Contains,
	} {
		if result, ok := compare(field, match); ok {
			return result
		}
	}
	if expression := text(at(pattern, "safe_regex"), "regex"); expression != "" {
		matched, err := regexp.MatchString("^(?:"+expression+")$", value)
		return err == nil && matched
	}
	return false
}
