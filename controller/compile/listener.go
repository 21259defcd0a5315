package compile

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	proxyprotocolv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// listener is a Listener that passed every check, or one that a TCPMapping brought about.
type listener struct {
	ref       store.Ref
	namespace string
	binding   *v3alpha1.HostBinding
	model     v3alpha1.SecurityModel

	// name is that of the Envoy listener: the socket, which is what makes it one and the same through edits.
	name             string
	address          string
	port             uint32
	udp              bool
	stack            []v3alpha1.ProtocolLayer
	tls, http, http3 bool
	statsPrefix      string
	l7Depth          int32
	http2MaxStreams  *int64
	hosts            []*host
	advertisesHTTP3  bool
	// inspects is set when filter chains are chosen by TLS server name.
	inspects bool
}

// stacks are the layers the shorthands stand for, from the outside in.
var stacks = map[v3alpha1.Protocol][]v3alpha1.ProtocolLayer{
	v3alpha1.ProtocolHTTP:       {v3alpha1.LayerHTTP, v3alpha1.LayerTCP},
	v3alpha1.ProtocolHTTPS:      {v3alpha1.LayerTLS, v3alpha1.LayerHTTP, v3alpha1.LayerTCP},
	v3alpha1.ProtocolHTTPProxy:  {v3alpha1.LayerProxy, v3alpha1.LayerHTTP, v3alpha1.LayerTCP},
	v3alpha1.ProtocolHTTPSProxy: {v3alpha1.LayerTLS, v3alpha1.LayerProxy, v3alpha1.LayerHTTP, v3alpha1.LayerTCP},
	v3alpha1.ProtocolTCP:        {v3alpha1.LayerTCP},
	v3alpha1.ProtocolTLS:        {v3alpha1.LayerTLS, v3alpha1.LayerTCP},
}

// listenersByName reads the Listeners of this install. Of two on one port the first in load order keeps it.
func (c *Compiler) listenersByName() []*listener {
	var listeners []*listener
	taken := map[string]store.Ref{}
	for _, object := range c.store.Listeners() {
		if !c.member(object) {
			continue
		}
		ref, report := c.ledger.open(object)
		l, err := c.newListener(ref, object)
		if err != nil {
			report.refuse(ReasonInvalid, "%v", err)
			continue
		}
		if other, conflict := taken[l.name]; conflict {
			report.refuse(ReasonConflict, "port %d is taken by %s", l.port, other)
			continue
		}
		taken[l.name] = ref
		listeners = append(listeners, l)
	}
	for _, l := range listeners {
		_, l.advertisesHTTP3 = taken["udp/"+strings.TrimPrefix(l.name, "tcp/")]
	}
	return listeners
}

func (c *Compiler) newListener(ref store.Ref, object *v3alpha1.Listener) (*listener, error) {
	spec := &object.Spec
	if err := c.checkPort(int(spec.Port)); err != nil {
		return nil, err
	}
	if err := checkOneOf("securityModel", string(spec.SecurityModel), "XFP", "SECURE", "INSECURE"); err != nil {
		return nil, err
	}
	stack, err := c.protocolStack(ref, spec)
	if err != nil {
		return nil, err
	}
	if err := checkBinding(&spec.HostBinding); err != nil {
		return nil, err
	}
	if depth := spec.L7Depth; depth != nil && *depth < 0 {
		return nil, fmt.Errorf("l7Depth: %d is negative: give 0 or more", *depth)
	}
	if streams := spec.HTTP2MaxConcurrentStreams; streams != nil && (*streams < 1 || *streams > 1<<31-1) {
		return nil, fmt.Errorf("http2MaxConcurrentStreams: %d is out of range: give 1 to 2147483647", *streams)
	}
	if err := checkHeaderValue("statsPrefix", spec.StatsPrefix); err != nil {
		return nil, err
	}
	l := &listener{
		ref:             ref,
		namespace:       object.Namespace,
		binding:         &spec.HostBinding,
		model:           spec.SecurityModel,
		l7Depth:         valueOr(spec.L7Depth, 0),
		http2MaxStreams: spec.HTTP2MaxConcurrentStreams,
	}
	l.bind(c.options.BindAddress, uint32(spec.Port), stack)
	l.statsPrefix = cmp.Or(spec.StatsPrefix, l.statsPrefix)
	return l, nil
}

// checkPort reports whether a port can be opened: Envoy and the controller have opened some already.
func (c *Compiler) checkPort(port int) error {
	switch {
	case port < 1 || port > 65535:
		return fmt.Errorf("port: %d is out of range: give 1 to 65535", port)
	case port == c.options.AdminPort:
		return fmt.Errorf("port: %d is the admin port of Envoy: use another one, or move that (ENVOY_ADMIN_PORT)", port)
	case port == c.options.DiagPort:
		return fmt.Errorf("port: %d is where the controller serves its probes and diagnostics: use another one, or move that "+
			"(AMBASSADOR_HEALTHCHECK_BIND_PORT)", port)
	}
	return nil
}

// bind sets what follows from the socket and the protocol stack.
func (l *listener) bind(address string, port uint32, stack []v3alpha1.ProtocolLayer) {
	l.address, l.port, l.stack = address, port, stack
	l.udp = slices.Contains(stack, v3alpha1.LayerUDP)
	l.tls = slices.Contains(stack, v3alpha1.LayerTLS)
	l.inspects = l.tls && !l.udp
	l.http = slices.Contains(stack, v3alpha1.LayerHTTP)
	l.http3 = l.udp && l.http
	transport := "tcp"
	if l.udp {
		transport = "udp"
	}
	l.name = transport + "/" + net.JoinHostPort(address, strconv.Itoa(int(port)))
	switch {
	case l.http && l.tls:
		l.statsPrefix = "ingress_https"
	case l.http:
		l.statsPrefix = "ingress_http"
	case l.tls:
		l.statsPrefix = "ingress_tls_" + strconv.Itoa(int(port))
	default:
		l.statsPrefix = "ingress_" + transport + "_" + strconv.Itoa(int(port))
	}
}

// protocolStack reads protocol or protocolStack; with both, the stack wins and the Listener is told.
func (c *Compiler) protocolStack(ref store.Ref, spec *v3alpha1.ListenerSpec) ([]v3alpha1.ProtocolLayer, error) {
	if len(spec.ProtocolStack) == 0 {
		stack := stacks[spec.Protocol]
		if stack == nil {
			return nil, fmt.Errorf("protocol: %q is not allowed: use one of HTTP, HTTPS, HTTPPROXY, HTTPSPROXY, TCP, TLS, or give protocolStack", spec.Protocol)
		}
		return stack, nil
	}
	if spec.Protocol != "" {
		c.ledger[ref].warn(ReasonIgnored, "protocol has no effect beside protocolStack: keep one")
	}
	last := len(spec.ProtocolStack) - 1
	for i, layer := range spec.ProtocolStack {
		if err := checkOneOf("protocolStack", string(layer), "HTTP", "PROXY", "TLS", "TCP", "UDP"); err != nil {
			return nil, err
		}
		transport := layer == v3alpha1.LayerTCP || layer == v3alpha1.LayerUDP
		if transport != (i == last) {
			return nil, fmt.Errorf("protocolStack: %v must end with TCP or UDP and have neither before", spec.ProtocolStack)
		}
	}
	if spec.ProtocolStack[last] == v3alpha1.LayerUDP && !slices.Contains(spec.ProtocolStack, v3alpha1.LayerHTTP) {
		return nil, fmt.Errorf("protocolStack: over UDP only HTTP/3 is possible: use [TLS, HTTP, UDP]")
	}
	return spec.ProtocolStack, nil
}

func checkBinding(binding *v3alpha1.HostBinding) error {
	if binding.Namespace.From == "" && binding.Selector == nil {
		return fmt.Errorf("hostBinding needs namespace or selector: set namespace.from to SELF or ALL")
	}
	if binding.Namespace.From == v3alpha1.NamespaceFromSelector {
		return fmt.Errorf("hostBinding.namespace.from: SELECTOR is not supported: use SELF or ALL")
	}
	if from := binding.Namespace.From; from != "" {
		if err := checkOneOf("hostBinding.namespace.from", string(from), "SELF", "ALL"); err != nil {
			return err
		}
	}
	if binding.Selector != nil && len(binding.Selector.MatchExpressions) > 0 {
		return fmt.Errorf("hostBinding.selector.matchExpressions is not supported: use matchLabels")
	}
	return nil
}

// bindHosts gives a Listener the Hosts it serves.
func (c *Compiler) bindHosts(l *listener) {
	if !l.http || l.binding == nil {
		return
	}
	c.httpListeners = append(c.httpListeners, l)
	for _, h := range c.hosts.all {
		if c.binds(l, h) {
			l.hosts = append(l.hosts, h)
			h.served = true
		}
	}
}

func (c *Compiler) binds(l *listener, h *host) bool {
	return binds(l.binding, l.namespace, h, c.options.LooseLabelSelectors)
}

// compileListener makes the Envoy listener of a Listener and the RouteConfigurations it needs. A Listener that would
// serve nothing is not opened.
func (c *Compiler) compileListener(l *listener) {
	chains := c.filterChains(l)
	envoy := &listenerv3.Listener{
		Name:                          l.name,
		Address:                       l.socket(),
		ListenerFilters:               l.filters(),
		PerConnectionBufferLimitBytes: optionalUint32(c.module.http.connectionBufferLimit),
		FilterChains:                  chains,
	}
	if l.udp {
		envoy.UdpListenerConfig = &listenerv3.UdpListenerConfig{QuicOptions: &listenerv3.QuicProtocolOptions{}}
		envoy.PerConnectionBufferLimitBytes = nil
	} else {
		envoy.EnableReusePort = wrapperspb.Bool(true)
	}
	if len(envoy.FilterChains) == 0 {
		c.ledger[l.ref].unserved(ReasonNoMatchingHost, "%s", c.whyIdle(l))
		return
	}
	c.trafficDirection(envoy)
	c.listeners[l.name] = envoy
	id := ResourceID{ListenerType, l.name}
	c.ledger[l.ref].uses(id)
	for _, h := range l.hosts {
		h.report.uses(id)
		if h.tls != nil {
			c.ledger[h.tls.context].uses(id)
		}
	}
	if l.http {
		for _, ref := range c.everywhere {
			c.ledger[ref].uses(id)
		}
	}
}

// whyIdle says why a Listener serves nothing.
func (c *Compiler) whyIdle(l *listener) string {
	switch {
	case !l.http:
		return fmt.Sprintf("no TCPMapping is for port %d: the port is not opened", l.port)
	case len(l.hosts) > 0:
		return fmt.Sprintf("none of the Hosts this Listener selects can be served on port %d: the port is not opened", l.port)
	case l.binding.Namespace.From != v3alpha1.NamespaceFromAll:
		return fmt.Sprintf("no Host in namespace %s matches hostBinding: port %d is not opened", l.namespace, l.port)
	default:
		return fmt.Sprintf("no Host matches hostBinding: port %d is not opened", l.port)
	}
}

func (l *listener) socket() *corev3.Address {
	address := socketAddress(l.address, l.port)
	if l.udp {
		address.GetSocketAddress().Protocol = corev3.SocketAddress_UDP
	}
	return address
}

// filters look at a connection before a filter chain is chosen, in the order of the stack.
func (l *listener) filters() []*listenerv3.ListenerFilter {
	var filters []*listenerv3.ListenerFilter
	add := func(name string, config proto.Message) {
		filters = append(filters, &listenerv3.ListenerFilter{
			Name: name, ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: packed(config)},
		})
	}
	proxied := slices.Contains(l.stack, v3alpha1.LayerProxy)
	if proxied {
		// The PROXY header comes before the TLS handshake on the wire, however the stack is written.
		add("envoy.filters.listener.proxy_protocol", &proxyprotocolv3.ProxyProtocol{})
	}
	if l.inspects {
		add("envoy.filters.listener.tls_inspector", &tlsinspectorv3.TlsInspector{})
	}
	return filters
}
