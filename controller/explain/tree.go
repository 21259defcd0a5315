package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typematcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// node is a node of a generic matcher tree over request headers: a map from values, or from prefixes of values, of one
// header to what follows.
type node struct {
	header    string
	byPrefix  bool
	children  map[string]*branch
	otherwise *branch
}

// branch is what follows a match: another node, or the routes to compare the request with.
type branch struct {
	node   *node
	routes []*routev3.Route
}

func newNode(matcher *matcherv3.Matcher) (*node, error) {
	n := &node{children: map[string]*branch{}}
	var err error
	if n.otherwise, err = newBranch(matcher.OnNoMatch); err != nil {
		return nil, err
	}
	tree := matcher.GetMatcherTree()
	if tree == nil {
		return nil, fmt.Errorf("its matcher is no tree")
	}
	input := &typematcherv3.HttpRequestHeaderMatchInput{}
	if err := tree.GetInput().GetTypedConfig().UnmarshalTo(input); err != nil {
		return nil, fmt.Errorf("its matcher tree looks at something else than a header: %w", err)
	}
	n.header = input.HeaderName
	children := tree.GetExactMatchMap().GetMap()
	if prefixes := tree.GetPrefixMatchMap(); prefixes != nil {
		n.byPrefix, children = true, prefixes.Map
	}
	for key, child := range children {
		if n.children[key], err = newBranch(child); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func newBranch(match *matcherv3.Matcher_OnMatch) (*branch, error) {
	if match == nil {
		return nil, nil
	}
	if inner := match.GetMatcher(); inner != nil {
		n, err := newNode(inner)
		return &branch{node: n}, err
	}
	message, err := match.GetAction().GetTypedConfig().UnmarshalNew()
	if err != nil {
		return nil, err
	}
	switch action := message.(type) {
	case *routev3.Route:
		return &branch{routes: []*routev3.Route{action}}, nil
	case *routev3.RouteList:
		return &branch{routes: action.Routes}, nil
	default:
		return nil, fmt.Errorf("its matcher tree ends in %T: routes are wanted", message)
	}
}

// routes follows a request to the routes it is compared with. Once there it does not come back, even when none of them
// matches; only where the way ends without routes a shorter prefix is tried, and what stands for no match last.
func (n *node) routes(r *received) (routes []*routev3.Route, found bool) {
	if values := r.header(n.header); values != nil {
		for _, key := range n.keys(strings.Join(values, ",")) {
			if routes, found := n.children[key].follow(r); found {
				return routes, true
			}
		}
	}
	return n.otherwise.follow(r)
}

// keys lists the keys that fit a value, the longest first.
func (n *node) keys(value string) []string {
	if !n.byPrefix {
		if n.children[value] == nil {
			return nil
		}
		return []string{value}
	}
	var keys []string
	for key := range n.children {
		if strings.HasPrefix(value, key) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	return keys
}

func (b *branch) follow(r *received) ([]*routev3.Route, bool) {
	switch {
	case b == nil:
		return nil, false
	case b.node != nil:
		return b.node.routes(r)
	default:
		return b.routes, true
	}
}

// all lists the routes of all branches.
func (n *node) all() []*routev3.Route {
	var list []*routev3.Route
	for _, key := range slices.Sorted(maps.Keys(n.children)) {
		list = append(list, n.children[key].all()...)
	}
	return append(list, n.otherwise.all()...)
}

func (b *branch) all() []*routev3.Route {
	switch {
	case b == nil:
		return nil
	case b.node != nil:
		return b.node.all()
	default:
		return b.routes
	}
}
