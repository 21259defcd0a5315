// Package matchtree turns the routes of a virtual host, which are to be tried in a given order, into a tree over the
// path, so that what a request costs does not grow with the number of routes.
//
// Envoy scans a route list in order: 10,000 prefixes on one host cost it three quarters of its requests per second.
// VirtualHost.matcher finds the longest key in a prefix_match_map that the path starts with, and scans the routes found
// there only. Envoy does not go on to a shorter key when none of these matches, so each key carries, in the given
// order, every route that can still match a request that gets there: those of the key itself, those of shorter keys,
// and those of longer ones that got no key of their own. The answer is always that of the plain list.
//
// Facts about Envoy that this rests on; TestEnvoyFacts asks a real one for each:
//   - Prefix, path and regular expression are compared with the path without its query; the input of the tree is the
//     :path header, which has the query. No key therefore contains "?" or "#": then a key is a prefix of one exactly
//     when it is a prefix of the other. An exact path is a key like any other, for a query may follow it.
//   - case_sensitive=false folds ASCII letters (other characters may be sent over HTTP/2 only, and are not folded), and
//     does nothing to a regular expression.
//   - A regular expression must match the whole path.
//   - The map has no empty key. What it would lead to is the matcher's on_no_match, taken only when no key is found.
package matchtree

import (
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// fewRoutes is how many routes are tried one after the other for want of a difference: so many stay a list, and so many
// are not worth keys of their own in a tree. Measured with BenchmarkEnvoy, a request costs 17 us of processor time, and
// a route that is tried in vain adds 0.02 us. With a key for each of 10,000 prefixes Envoy takes 70 ms longer to read
// the host, the controller 8 ms longer to write it, and Envoy has 26 MiB instead of 20 (as a list, 24).
const fewRoutes = 32

// Build returns what a virtual host should be given: its routes as they are, or, where that is faster, a matcher that
// gives every request the same answer. The other result is nil. The entries are in the order in which their routes
// are to be tried. The same routes always make the same matcher; it shares memory with the entries and must not be
// changed.
//
// A route whose path specifier is not prefix, path or safe_regex makes the result a list. A RouteConfiguration that sets
// ignore_path_parameters_in_path_matching must not have matchers: they see the parameters.
func Build(entries []*Entry) ([]*routev3.Route, *matcherv3.Matcher) {
	return build(entries, fewRoutes)
}

func build(entries []*Entry, few int) ([]*routev3.Route, *matcherv3.Matcher) {
	if len(entries) > few && prepare(entries) {
		b := newBuilder(entries, few)
		b.build()
		if len(b.nodes) > 1 {
			for _, e := range entries {
				e.route = nil
			}
			return nil, b.matcher()
		}
	}
	routes := make([]*routev3.Route, len(entries))
	for i, e := range entries {
		routes[i] = e.Route()
	}
	return routes, nil
}

func prepare(entries []*Entry) bool {
	for _, e := range entries {
		if !e.prepare() {
			return false
		}
	}
	return true
}
