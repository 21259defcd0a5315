package envoy

import (
	"cmp"
	"fmt"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	overloadv3 "github.com/envoyproxy/go-control-plane/envoy/config/overload/v3"
	connectionsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	heapv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/fixed_heap/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// xdsCluster is the cluster that leads to the controller.
const xdsCluster = "emissary-xds"

// Bootstrap returns what Envoy starts with: where its configuration comes from,
// and what holds for the whole process. Everything else is served.
func Bootstrap(o Options) (*bootstrapv3.Bootstrap, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("envoy bootstrap: %w", err)
	}
	b := &bootstrapv3.Bootstrap{
		Node: &corev3.Node{
			Id:      cmp.Or(o.NodeID, "envoy"),
			Cluster: cmp.Or(o.NodeCluster, "emissary"),
		},
		Admin: &bootstrapv3.Admin{Address: address("127.0.0.1", o.AdminPort)},
		DynamicResources: &bootstrapv3.Bootstrap_DynamicResources{
			AdsConfig: &corev3.ApiConfigSource{
				ApiType:                   corev3.ApiConfigSource_DELTA_GRPC,
				TransportApiVersion:       corev3.ApiVersion_V3,
				SetNodeOnFirstMessageOnly: true,
				GrpcServices: []*corev3.GrpcService{{
					TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
						EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: xdsCluster},
					},
				}},
			},
			CdsConfig: fromADS(),
			LdsConfig: fromADS(),
		},
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{
			Clusters: []*clusterv3.Cluster{controllerCluster(o.XDSSocket)},
		},
		LayeredRuntime: layeredRuntime(),
		// A worker makes its part of a cluster at the first request it has for it. Each part is 2.5 KiB, and of 10,000
		// clusters most workers use few: 22.7 KiB for a Mapping in place of 27.1 with 2 workers, of 32.3 with 4.
		ClusterManager: &bootstrapv3.ClusterManager{EnableDeferredClusterCreation: true},
		// Statistics of a cluster's traffic come into being with its traffic:
		// most clusters of a large installation have none on a given Envoy.
		DeferredStatOptions: &bootstrapv3.Bootstrap_DeferredStatOptions{EnableDeferredCreationStats: true},
		OverloadManager:     overload(o),
		StatsConfig:         statsConfig(),
	}
	if o.Statsd != nil {
		sink, err := statsSink(o.Statsd)
		if err != nil {
			return nil, fmt.Errorf("envoy bootstrap: %w", err)
		}
		b.StatsSinks = []*metricsv3.StatsSink{sink}
		b.StatsFlushInterval = durationpb.New(cmp.Or(o.Statsd.FlushInterval, time.Second))
	}
	if err := b.ValidateAll(); err != nil {
		return nil, fmt.Errorf("envoy bootstrap: %w", err)
	}
	return b, nil
}

// fromADS waits for the controller however long it takes to read the cluster:
// with Envoy's default of 15 seconds it would go on without configuration.
func fromADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
		InitialFetchTimeout:   durationpb.New(0),
	}
}

func controllerCluster(socket string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 xdsCluster,
		ConnectTimeout:       durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: xdsCluster,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{
				LbEndpoints: []*endpointv3.LbEndpoint{{
					HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
						Address: &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: socket}}},
					}},
				}},
			}},
		},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(&httpv3.HttpProtocolOptions{
				UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
					ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
						ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
							Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
						},
					},
				},
			}),
		},
	}
}

// regexSizeLimit is the compiled size above which Envoy refuses a regular
// expression. It is out of reach on purpose: the compiler bounds each expression
// by the Module's regex_max_size and names the object, while a refusal by Envoy
// costs a whole resource.
const regexSizeLimit = 1 << 20

// layeredRuntime sets regexSizeLimit. The admin layer lets a person change runtime
// keys of a running Envoy.
func layeredRuntime() *bootstrapv3.LayeredRuntime {
	return &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{
		{
			Name: "static_layer",
			LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: &structpb.Struct{Fields: map[string]*structpb.Value{
				"re2.max_program_size.error_level": structpb.NewNumberValue(regexSizeLimit),
			}}},
		},
		{
			Name:           "admin_layer",
			LayerSpecifier: &bootstrapv3.RuntimeLayer_AdminLayer_{AdminLayer: &bootstrapv3.RuntimeLayer_AdminLayer{}},
		},
	}}
}

// overload bounds connections always, and memory if a bound is known: idle heap
// is given back at 95 %, requests are refused at 98 %.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
func overload(o Options) *overloadv3.OverloadManager {
	m := &overloadv3.OverloadManager{
		RefreshInterval: durationpb.New(250 * time.Millisecond),
		ResourceMonitors: []*overloadv3.ResourceMonitor{{
			Name: "envoy.resource_monitors.global_downstream_max_connections",
			ConfigType: &overloadv3.ResourceMonitor_TypedConfig{TypedConfig: typed(&connectionsv3.DownstreamConnectionsConfig{
				MaxActiveDownstreamConnections: cmp.Or(o.MaxConnections, DefaultMaxConnections),
			})},
		}},
	}
	if o.MaxHeapBytes == 0 {
		return m
	}
	const heap = "envoy.resource_monitors.fixed_heap"
	m.ResourceMonitors = append(m.ResourceMonitors, &overloadv3.ResourceMonitor{
		Name: heap,
		ConfigType: &overloadv3.ResourceMonitor_TypedConfig{TypedConfig: typed(&heapv3.FixedHeapConfig{
			MaxHeapSizeBytes: o.MaxHeapBytes,
		})},
	})
	action := func(name string, threshold float64) *overloadv3.OverloadAction {
		return &overloadv3.OverloadAction{Name: name, Triggers: []*overloadv3.Trigger{{
			Name: heap,
			TriggerOneof: &overloadv3.Trigger_Threshold{
				Threshold: &overloadv3.ThresholdTrigger{Value: threshold},
			},
		}}}
	}
	m.Actions = []*overloadv3.OverloadAction{
		action("envoy.overload_actions.shrink_heap", 0.95),
		action("envoy.overload_actions.stop_accepting_requests", 0.98),
	}
	return m
}

// unusedStats are statistics of every cluster that say nothing here: of load
// balancing that the controller never configures (subsets, zones) and of the xDS
// subscription, which the controller counts itself. Measured with 3,000 idle
// clusters on Envoy 1.40, they are a fifth of the memory and half of the time it
// takes to load them.
const unusedStats = `cluster\..*\.(lb_(subsets|zone|recalculate|local)_\w+|assignment_\w+|update_\w+|version|version_text|init_fetch_timeout|warming_state|max_host_weight|default\.total_match_count)`

func statsConfig() *metricsv3.StatsConfig {
	return &metricsv3.StatsConfig{StatsMatcher: &metricsv3.StatsMatcher{
		StatsMatcher: &metricsv3.StatsMatcher_ExclusionList{ExclusionList: &matcherv3.ListStringMatcher{
			Patterns: []*matcherv3.StringMatcher{{
				MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: unusedStats}},
			}},
		}},
	}}
}

func statsSink(s *Statsd) (*metricsv3.StatsSink, error) {
	udp, err := s.address()
	if err != nil {
		return nil, err
	}
	server := address(udp.IP.String(), udp.Port)
	server.GetSocketAddress().Protocol = corev3.SocketAddress_UDP
	if s.Dog {
		return &metricsv3.StatsSink{
			Name: "envoy.stat_sinks.dog_statsd",
			ConfigType: &metricsv3.StatsSink_TypedConfig{TypedConfig: typed(&metricsv3.DogStatsdSink{
				DogStatsdSpecifier: &metricsv3.DogStatsdSink_Address{Address: server},
			})},
		}, nil
	}
	return &metricsv3.StatsSink{
		Name: "envoy.stat_sinks.statsd",
		ConfigType: &metricsv3.StatsSink_TypedConfig{TypedConfig: typed(&metricsv3.StatsdSink{
			StatsdSpecifier: &metricsv3.StatsdSink_Address{Address: server},
		})},
	}, nil
}

func address(ip string, port int) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       ip,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}

// typed packs a message of ours into an Any, which cannot fail: every message
// comes from generated code and holds valid UTF-8.
func typed(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(fmt.Sprintf("packing %T: %v", m, err))
	}
	return a
}
