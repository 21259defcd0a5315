package compile

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"terraform-provider-emissary/controller/store"
)

// External services are what Envoy itself asks or tells about requests: authorization, rate limits, logs and traces.
// Their names are not qualified by the namespace of the object that names them, as in Emissary: a bare name is a Service
// in the controller's own namespace.

// errNoContext says that an external service's TLSContext is missing or broken, which upstreamTLS has reported: the
// object is right, and served as soon as the context is.
var errNoContext = errors.New("its TLSContext cannot be used")

// refuseService reports why an external service is unusable, unless that is known already.
func (c *Compiler) refuseService(ref store.Ref, err error) {
	if !errors.Is(err, errNoContext) {
		c.ledger[ref].refuse(ReasonInvalid, "%v", err)
	}
}

// externalService works out the upstream of an external service. An error makes the object unusable.
func (c *Compiler) externalService(ref store.Ref, text, tlsContext string) (upstream, error) {
	service, err := parseService(text, tlsContext != "")
	if err != nil {
		return upstream{}, err
	}
	if service.ignored != "" {
		c.ledger[ref].warn(ReasonIgnored, "%s", service.ignored)
	}
	c.everywhere = append(c.everywhere, ref)
	tls := c.upstreamTLS(c.ledger[ref], ref.Namespace, service, tlsContext)
	if tls.broken {
		return upstream{}, errNoContext
	}
	return upstream{
		Service:          service,
		TLS:              tls,
		IPv4:             c.module.enableIPv4,
		IPv6:             c.module.enableIPv6,
		ConnectTimeoutMs: defaultTimeoutMs,
		KeepAlive:        c.module.keepAlive,
	}, nil
}

// grpcService is the gRPC client of a cluster.
func grpcService(cluster string, timeout *durationpb.Duration) *corev3.GrpcService {
	return &corev3.GrpcService{
		TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster}},
		Timeout:         timeout,
	}
}

// openServices reads the objects that configure external services, and those this version does not serve.
func (c *Compiler) openServices() {
	c.authorization = c.readAuthServices()
	c.rateLimit = c.readRateLimitServices()
	c.tracing = c.readTracingServices()
	c.logging = c.readLogServices()
	for _, object := range c.store.DevPortals() {
		if c.member(object) {
			_, report := c.ledger.open(object)
			report.refuse(ReasonNotImplemented, "DevPortal has no effect: Emissary's open source edition never served it")
		}
	}
}
