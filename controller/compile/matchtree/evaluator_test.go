package matchtree

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// request is what routes look at.
type request struct {
	// target is the path with its query.
	target  string
	headers map[string]string
}

// scan returns the name of the first route of a list that matches, "" where none does.
func scan(routes []*routev3.Route, r request) string {
	for _, route := range routes {
		if matches(route.Match, r) {
			return route.Name
		}
	}
	return ""
}

// matches is Envoy's decision about one route, for what the random routes use.
func matches(match *routev3.RouteMatch, r request) bool {
	path, query, _ := strings.Cut(r.target, "?")
	fold := match.CaseSensitive != nil && !match.CaseSensitive.Value
	equal := func(a, b string) bool { return a == b || fold && strings.EqualFold(a, b) }
	switch specifier := match.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		if len(path) < len(specifier.Prefix) || !equal(path[:len(specifier.Prefix)], specifier.Prefix) {
			return false
		}
	case *routev3.RouteMatch_Path:
		if !equal(path, specifier.Path) {
			return false
		}
	case *routev3.RouteMatch_SafeRegex:
		if !wholly(specifier.SafeRegex.Regex, path) {
			return false
		}
	default:
		panic(fmt.Sprintf("the evaluator does not know %T", specifier))
	}
	if fraction := match.RuntimeFraction; fraction != nil && fraction.DefaultValue.Numerator == 0 {
		return false
	}
	for _, header := range match.Headers {
		value, there := r.headers[header.Name]
		if !there || !matchesText(header.GetStringMatch(), value) {
			return false
		}
	}
	values, _ := url.ParseQuery(query)
	for _, parameter := range match.QueryParameters {
		if !values.Has(parameter.Name) || !matchesText(parameter.GetStringMatch(), values.Get(parameter.Name)) {
			return false
		}
	}
	return true
}

func matchesText(matcher *envoymatcherv3.StringMatcher, text string) bool {
	if regex := matcher.GetSafeRegex(); regex != nil {
		return wholly(regex.Regex, text)
	}
	return matcher.GetExact() == text
}

func wholly(pattern, text string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text)
}

// tree is a matcher as Envoy holds it.
type tree struct {
	keys    map[string][]*routev3.Route
	noMatch []*routev3.Route
}

// read unpacks a matcher. It fails the test when Envoy's rules for the messages are broken.
func read(t testing.TB, matcher *matcherv3.Matcher) tree {
	t.Helper()
	if err := matcher.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	result := tree{keys: map[string][]*routev3.Route{}, noMatch: unpack(t, matcher.OnNoMatch)}
	for key, action := range matcher.GetMatcherTree().GetPrefixMatchMap().GetMap() {
		if key == "" || strings.ContainsAny(key, "?#") {
			t.Errorf("the key %q is not one that Envoy finds", key)
		}
		result.keys[key] = unpack(t, action)
	}
	return result
}

func unpack(t testing.TB, action *matcherv3.Matcher_OnMatch) []*routev3.Route {
	t.Helper()
	if action == nil {
		return nil
	}
	message, err := action.GetAction().GetTypedConfig().UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	switch message := message.(type) {
	case *routev3.Route:
		return []*routev3.Route{message}
	case *routev3.RouteList:
		if err := message.ValidateAll(); err != nil {
			t.Fatal(err)
		}
		return message.Routes
	default:
		t.Fatalf("Envoy takes no %T as the action of a virtual host", message)
		return nil
	}
}

// size is how many routes a tree has, copies included.
func (tr tree) size() int {
	size := len(tr.noMatch)
	for _, routes := range tr.keys {
		size += len(routes)
	}
	return size
}

// find scans the routes of the longest key that the path starts with, and no others.
func (tr tree) find(r request) string {
	routes := tr.noMatch
	for n := len(r.target); n > 0; n-- {
		if found, ok := tr.keys[r.target[:n]]; ok {
			routes = found
			break
		}
	}
	return scan(routes, r)
}
