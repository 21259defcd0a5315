package compile

import (
	"encoding/json"
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	gzipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/compression/gzip/compressor/v3"
	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	compressorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/compressor/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	grpcbridgev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/grpc_http1_bridge/v3"
	grpcstatsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/grpc_stats/v3"
	grpcwebv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/grpc_web/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Names of HTTP filters that are referred to elsewhere.
const (
	filterCORS     = "envoy.filters.http.cors"
	filterExtAuthz = "envoy.filters.http.ext_authz"
	filterDeny     = "emissary.auth.deny"
)

// filterSettings are the keys of the ambassador Module that add HTTP filters.
type filterSettings struct {
	grpcBridge bool
	grpcWeb    bool
	grpcStats  *grpcStats
	lua        string
	gzip       *gzipSettings
	buffer     *bufferSettings
	ipAllow    ipRules
	ipDeny     ipRules
}

type grpcStats struct {
	AllMethods    bool `json:"all_methods"`
	UpstreamStats bool `json:"upstream_stats"`
	Services      []struct {
		Name        string   `json:"name"`
		MethodNames []string `json:"method_names"`
	} `json:"services"`
}

type gzipSettings struct {
	MemoryLevel         *int     `json:"memory_level"`
	MinContentLength    *int     `json:"min_content_length"`
	CompressionLevel    string   `json:"compression_level"`
	CompressionStrategy string   `json:"compression_strategy"`
	WindowBits          *int     `json:"window_bits"`
	ContentType         []string `json:"content_type"`
	DisableOnETag       bool     `json:"disable_on_etag_header"`
	RemoveAccept        bool     `json:"remove_accept_encoding_header"`
}

type bufferSettings struct {
	MaxRequestBytes int             `json:"max_request_bytes"`
	MaxRequestTime  json.RawMessage `json:"max_request_time"`
}

func (s *filterSettings) keys() map[string]func(json.RawMessage) error {
	return map[string]func(json.RawMessage) error{
		"buffer":                    checked(&s.buffer, checkBuffer),
		"enable_grpc_http11_bridge": into(&s.grpcBridge),
		"enable_grpc_web":           into(&s.grpcWeb),
		"grpc_stats":                checked(&s.grpcStats, checkGRPCStats),
		"gzip":                      checked(&s.gzip, checkGzip),
		"ip_allow":                  s.ipAllow.read,
		"ip_deny":                   s.ipDeny.read,
		"lua_scripts":               checked(&s.lua, checkLua),
	}
}

// consistent reports settings that exclude each other. Neither list of addresses may be dropped silently: allowing wins,
// which lets in less.
func (s *filterSettings) consistent() error {
	if s.ipAllow.set && s.ipDeny.set {
		s.ipDeny = ipRules{}
		return fmt.Errorf("config: ip_allow and ip_deny exclude each other; ip_allow is used")
	}
	return nil
}

func checkBuffer(buffer *bufferSettings) error {
	switch {
	case buffer == nil:
		return nil
	case buffer.MaxRequestBytes == 0:
		return fmt.Errorf("max_request_bytes is required: give the size of the longest body to take")
	}
	return checkAboveZero("max_request_bytes", &buffer.MaxRequestBytes)
}

func checkGRPCStats(stats *grpcStats) error {
	if stats == nil {
		return nil
	}
	for _, service := range stats.Services {
		if service.Name == "" || len(service.MethodNames) == 0 {
			return fmt.Errorf("services: each needs a name and method_names: list the methods to count")
		}
	}
	return nil
}

func checkGzip(gzip *gzipSettings) error {
	if gzip == nil {
		return nil
	}
	for _, enum := range []struct {
		field, value string
		known        map[string]int32
	}{
		{"compression_level", gzip.CompressionLevel, gzipv3.Gzip_CompressionLevel_value},
		{"compression_strategy", gzip.CompressionStrategy, gzipv3.Gzip_CompressionStrategy_value},
	} {
		if _, ok := gzipEnum(enum.value, enum.known); !ok {
			return fmt.Errorf("%s: %q is not one of Envoy's values", enum.field, enum.value)
		}
	}
	for _, number := range []struct {
		field    string
		value    *int
		min, max int
	}{{"memory_level", gzip.MemoryLevel, 1, 9}, {"window_bits", gzip.WindowBits, 9, 15}, {"min_content_length", gzip.MinContentLength, 0, 1 << 30}} {
		if v := number.value; v != nil && (*v < number.min || *v > number.max) {
			return fmt.Errorf("%s: %d is out of range: give %d to %d", number.field, *v, number.min, number.max)
		}
	}
	return nil
}

// newHTTPFilters builds the HTTP filters of the install, in Emissary's order; the router comes last.
func (c *Compiler) newHTTPFilters() []*hcmv3.HttpFilter {
	s := &c.module.http.filters
	var filters []*hcmv3.HttpFilter
	add := func(name string, config proto.Message) {
		filters = append(filters, &hcmv3.HttpFilter{
			Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(config)},
		})
	}
	if s.grpcBridge {
		add("envoy.filters.http.grpc_http1_bridge", &grpcbridgev3.Config{})
	}
	if s.grpcWeb {
		add("envoy.filters.http.grpc_web", &grpcwebv3.GrpcWeb{})
	}
	if s.grpcStats != nil {
		add("envoy.filters.http.grpc_stats", s.grpcStats.config())
	}
	if s.lua != "" {
		add("envoy.filters.http.lua", luaScript(guarded(s.lua)))
	}
	if s.gzip != nil {
		add("envoy.filters.http.gzip", s.gzip.config())
	}
	if s.buffer != nil {
		add("envoy.filters.http.buffer", &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(uint32(s.buffer.MaxRequestBytes))})
	}
	if s.ipAllow.set {
		add("envoy.filters.http.rbac", s.ipAllow.filter(rbacconfigv3.RBAC_ALLOW))
	}
	if s.ipDeny.set {
		add("envoy.filters.http.rbac", s.ipDeny.filter(rbacconfigv3.RBAC_DENY))
	}
	add(filterCORS, &corsv3.Cors{})
	c.addAuthFilter(add)
	c.addRateLimitFilter(add)
	add("envoy.filters.http.router", &routerv3.Router{SuppressEnvoyHeaders: bool(c.module.http.suppressEnvoyHeaders)})
	return filters
}

func (g *grpcStats) config() *grpcstatsv3.FilterConfig {
	config := &grpcstatsv3.FilterConfig{EnableUpstreamStats: g.UpstreamStats}
	if len(g.Services) == 0 {
		config.PerMethodStatSpecifier = &grpcstatsv3.FilterConfig_StatsForAllMethods{StatsForAllMethods: wrapperspb.Bool(g.AllMethods)}
		return config
	}
	allowed := &corev3.GrpcMethodList{}
	for _, service := range g.Services {
		allowed.Services = append(allowed.Services, &corev3.GrpcMethodList_Service{Name: service.Name, MethodNames: service.MethodNames})
	}
	config.PerMethodStatSpecifier = &grpcstatsv3.FilterConfig_IndividualMethodStatsAllowlist{IndividualMethodStatsAllowlist: allowed}
	return config
}

// gzipEnum finds an enum value by Envoy's name or by the short ones Emissary documents: BEST, SPEED and DEFAULT.
func gzipEnum(name string, values map[string]int32) (value int32, known bool) {
	for _, spelling := range []string{name, name + "_COMPRESSION", name + "_STRATEGY", "BEST_" + name} {
		if value, known = values[spelling]; known {
			return value, true
		}
	}
	return 0, name == ""
}

func (g *gzipSettings) config() *compressorv3.Compressor {
	level, _ := gzipEnum(g.CompressionLevel, gzipv3.Gzip_CompressionLevel_value)
	strategy, _ := gzipEnum(g.CompressionStrategy, gzipv3.Gzip_CompressionStrategy_value)
	return &compressorv3.Compressor{
		CompressorLibrary: &corev3.TypedExtensionConfig{
			Name: "envoy.compression.gzip.compressor",
			TypedConfig: packed(&gzipv3.Gzip{
				MemoryLevel:         optionalUint32(g.MemoryLevel),
				CompressionLevel:    gzipv3.Gzip_CompressionLevel(level),
				CompressionStrategy: gzipv3.Gzip_CompressionStrategy(strategy),
				WindowBits:          optionalUint32(g.WindowBits),
			}),
		},
		ResponseDirectionConfig: &compressorv3.Compressor_ResponseDirectionConfig{
			CommonConfig: &compressorv3.Compressor_CommonDirectionConfig{
				MinContentLength: optionalUint32(g.MinContentLength), ContentTypeMatcher: exactMatchers(g.ContentType),
			},
			DisableOnEtagHeader:        g.DisableOnETag,
			RemoveAcceptEncodingHeader: g.RemoveAccept,
		},
	}
}
