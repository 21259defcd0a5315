package envoy

import (
	"fmt"
	"net/http"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	healthv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/health_check/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// readyStats is the stat prefix of the ready listener, by which draining tells
// its connections from the clients'.
const readyStats = "ready"

// ReadyListener returns the listener on 127.0.0.1:port (AMBASSADOR_READY_PORT,
// 8006) that answers GET /ready with 200 while Envoy is live and 503 once it
// drains; any other path is 404. Serve it with the other listeners. Its
// connections do not count against the connection bound, so that a busy Envoy
// still answers its probes.
func ReadyListener(port int) (*listenerv3.Listener, error) {
	if port < 1 || port > 65535 {
		return nil, fmt.Errorf("the ready port (AMBASSADOR_READY_PORT) is %d, want 1 to 65535", port)
	}
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix: readyStats,
		HttpFilters: []*hcmv3.HttpFilter{
			{
				Name: "envoy.filters.http.health_check",
				ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: typed(&healthv3.HealthCheck{
					PassThroughMode: wrapperspb.Bool(false),
					Headers: []*routev3.HeaderMatcher{{
						Name: ":path",
						HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{
							MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "/ready"},
						}},
					}},
				})},
			},
			{
				Name:       "envoy.filters.http.router",
				ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: typed(&routerv3.Router{})},
			},
		},
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
			Name: readyStats,
			VirtualHosts: []*routev3.VirtualHost{{
				Name: readyStats, Domains: []string{"*"},
				Routes: []*routev3.Route{{
					Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
					Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
						Status: http.StatusNotFound,
					}},
				}},
			}},
		}},
	}
	return &listenerv3.Listener{
		Name:                  fmt.Sprintf("ambassador-listener-ready-127.0.0.1-%d", port),
		StatPrefix:            readyStats,
		Address:               address("127.0.0.1", port),
		BypassOverloadManager: true,
		FilterChains: []*listenerv3.FilterChain{{
			Filters: []*listenerv3.Filter{{
				Name:       "envoy.filters.network.http_connection_manager",
				ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: typed(manager)},
			}},
		}},
	}, nil
}
