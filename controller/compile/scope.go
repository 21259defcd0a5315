package compile

import (
	"fmt"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/controller/compile/partition"
)

// headerPart carries the key of the part of a route table that a request is looked for in, from before routing until the
// request goes on. What a client sends under that name is overwritten.
const headerPart = "x-emissary-route-table"

// scopeKey is the key of a part in headerPart: short, because an expression lists the keys of a whole table.
func scopeKey(part string) string { return partition.Hash(part) }

// scopeOf makes the part of a table known under its key.
func scopeOf(part string) *routev3.ScopedRouteConfiguration {
	return &routev3.ScopedRouteConfiguration{
		Name:                   part,
		RouteConfigurationName: part,
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: scopeKey(part)},
		}}},
	}
}

// connect has a connection manager take its routes from a table: from its RouteConfiguration or, when it is cut, from the
// one that the request's host and path are in. Envoy works that out before it looks for a route, by the table's expression.
func (t *table) connect(manager *hcmv3.HttpConnectionManager) {
	if t.tree == nil {
		manager.RouteSpecifier = &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: overADS, RouteConfigName: t.name}}
		return
	}
	manager.EarlyHeaderMutationExtensions = []*corev3.TypedExtensionConfig{{
		Name: "envoy.http.early_header_mutation.header_mutation",
		TypedConfig: packed(&headermutationv3.HeaderMutation{Mutations: []*mutationrulesv3.HeaderMutation{{
			Action: &mutationrulesv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
				Header:       &corev3.HeaderValue{Key: headerPart, Value: "%CEL(" + t.expression() + ")%"},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			}},
		}}}),
	}}
	if t.anyCase != nil {
		manager.HttpFilters = append([]*hcmv3.HttpFilter{anyCaseFilter}, manager.HttpFilters...)
	}
	manager.RouteSpecifier = scopedRoutes(t.name)
}

// scopedRoutes takes routes from the RouteConfiguration whose key is in headerPart.
func scopedRoutes(name string) *hcmv3.HttpConnectionManager_ScopedRoutes {
	return &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
		Name: name,
		ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
			Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
				HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
					Name:        headerPart,
					ExtractType: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{Index: 0},
				},
			},
		}}},
		RdsConfigSource: overADS,
		ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: overADS}},
	}}
}

// ScopeListener returns a listener without a socket that takes part in scoped routes. It is to be served from the start:
// Envoy asks for scopes and their routes as long as some listener wants them, and does not hold back a listener that is
// the first to want them until the routes are there.
func ScopeListener() *listenerv3.Listener {
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix:     scopeListener,
		RouteSpecifier: scopedRoutes(scopeListener),
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(&routerv3.Router{})},
		}},
	}
	return &listenerv3.Listener{
		Name:         scopeListener,
		Address:      socketAddress("127.0.0.1", 1),
		BindToPort:   wrapperspb.Bool(false),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{networkFilter(httpConnectionManager, manager)}}},
	}
}

const scopeListener = "scopes"

// expression is CEL for the key of the part that a request is in. CEL cannot fold case, as hostnames want it (RFC 4343):
// requests that need it get a part of their own, see anyCase.
func (t *table) expression() string {
	if t.anyCase == nil {
		return t.tree.CEL(t.keyOf)
	}
	return "(request.host.matches('[A-Z]')?'" + scopeKey(t.anyCase.name) + "':" + t.tree.CEL(t.keyOf) + ")"
}

// FilterAnyCase is the HTTP filter that finds the part of a request whose host has capitals. It is off, except in the
// RouteConfiguration that all of these are sent to.
const FilterAnyCase = "emissary.any_case"

var anyCaseFilter = &hcmv3.HttpFilter{
	Name:       FilterAnyCase,
	Disabled:   true,
	ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(&luav3.Lua{})},
}

// anyCaseRoutes sends every request through a script, which works out the part of the host in lower case and has Envoy
// look for the route there. Few clients send capitals, so that the script's cost does not matter. The route itself goes
// nowhere, and lets web sockets through to the one that is found.
func anyCaseRoutes(p *part) *routev3.RouteConfiguration {
	script := fmt.Sprintf(`function envoy_on_request(handle)
  local headers = handle:headers()
  local host = string.lower(headers:get(":authority"))
  local path = string.match(headers:get(":path"), "^[^?#]*")
  headers:replace("%s", %s)
  handle:clearRouteCache()
end`, headerPart, p.folds.Lua(p.table.keyOf))
	route := &routev3.Route{
		Name:  "any-case",
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "none"},
			UpgradeConfigs:   []*routev3.RouteAction_UpgradeConfig{{UpgradeType: "websocket"}},
		}},
	}
	perFilter(route, FilterAnyCase, packed(&routev3.FilterConfig{Config: packed(&luav3.LuaPerRoute{
		Override: &luav3.LuaPerRoute_SourceCode{SourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: script}}},
	})}))
	return &routev3.RouteConfiguration{
		Name:             p.name,
		VirtualHosts:     []*routev3.VirtualHost{{Name: "any-case", Domains: []string{"*"}, Routes: []*routev3.Route{route}}},
		ValidateClusters: wrapperspb.Bool(false),
	}
}
