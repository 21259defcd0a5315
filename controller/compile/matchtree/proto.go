package matchtree

import (
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	routeType     = "type.googleapis.com/envoy.config.route.v3.Route"
	routeListType = "type.googleapis.com/envoy.config.route.v3.RouteList"
	// routeListRoutes is the number of RouteList.routes.
	routeListRoutes = 1
)

// pathInput reads the path with its query: no input of Envoy gives it without.
var pathInput = &xdscorev3.TypedExtensionConfig{
	Name: "envoy.matching.inputs.request_headers",
	TypedConfig: func() *anypb.Any {
		input, err := anypb.New(&envoymatcherv3.HttpRequestHeaderMatchInput{HeaderName: ":path"})
		if err != nil {
			panic(err)
		}
		return input
	}(),
}

// matcher turns the nodes into Envoy's message. Envoy's map takes no empty key: those routes are for when no key is
// found.
func (b *builder) matcher() *matcherv3.Matcher {
	actions := b.actions()
	keys := make(map[string]*matcherv3.Matcher_OnMatch, len(b.nodes))
	matcher := &matcherv3.Matcher{MatcherType: &matcherv3.Matcher_MatcherTree_{MatcherTree: &matcherv3.Matcher_MatcherTree{
		Input: pathInput,
		TreeType: &matcherv3.Matcher_MatcherTree_PrefixMatchMap{
			PrefixMatchMap: &matcherv3.Matcher_MatcherTree_MatchMap{Map: keys},
		},
	}}}
	for i := range b.nodes {
		if key := b.nodes[i].key; key != "" {
			keys[key] = &actions[i]
		} else {
			matcher.OnNoMatch = &actions[i]
		}
	}
	return matcher
}

// actions makes what is to be done at each node. The messages of all nodes are allocated together, and a route's bytes
// are taken from its entry: a RouteList is nothing but its routes' bytes one after the other.
func (b *builder) actions() []matcherv3.Matcher_OnMatch {
	lists := make([]byte, 0, b.listBytes())
	actions := make([]matcherv3.Matcher_OnMatch, len(b.nodes))
	choices := make([]matcherv3.Matcher_OnMatch_Action, len(b.nodes))
	extensions := make([]xdscorev3.TypedExtensionConfig, len(b.nodes))
	packed := make([]anypb.Any, len(b.nodes))
	for i, n := range b.nodes {
		if len(n.routes) == 1 {
			packed[i].TypeUrl, packed[i].Value = routeType, b.entries[n.routes[0]].wire
		} else {
			start := len(lists)
			for _, r := range n.routes {
				lists = protowire.AppendTag(lists, routeListRoutes, protowire.BytesType)
				lists = protowire.AppendBytes(lists, b.entries[r].wire)
			}
			packed[i].TypeUrl, packed[i].Value = routeListType, lists[start:len(lists):len(lists)]
		}
		extensions[i].Name, extensions[i].TypedConfig = "route", &packed[i]
		choices[i].Action = &extensions[i]
		actions[i].OnMatch = &choices[i]
	}
	return actions
}

func (b *builder) listBytes() int {
	size := 0
	for _, n := range b.nodes {
		if len(n.routes) > 1 {
			for _, r := range n.routes {
				size += protowire.SizeTag(routeListRoutes) + protowire.SizeBytes(len(b.entries[r].wire))
			}
		}
	}
	return size
}
