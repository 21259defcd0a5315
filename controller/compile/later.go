package compile

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/crds/v3alpha1"
)

func (c *compiler) addRateLimitFilter(add func(string, proto.Message))           {}
func (c *compiler) rateLimits(shared *v3alpha1.MappingSpec) []*routev3.RateLimit { return nil }
func checkLabels(labels v3alpha1.LabelDomains) error                             { return nil }
func (c *compiler) tcpChains(l *listener) []*listenerv3.FilterChain              { return nil }
func (c *compiler) trace(manager *hcmv3.HttpConnectionManager)                   {}
func (c *compiler) trafficDirection(l *listenerv3.Listener)                      {}
func (c *compiler) newAccessLogs() []*accesslogv3.AccessLog {
	return []*accesslogv3.AccessLog{c.module.http.log.fileLog()}
}
