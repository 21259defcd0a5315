package compile

import (
	"net/netip"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	dnscommonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	corev1 "k8s.io/api/core/v1"
)

// locate says how Envoy finds the endpoints of an upstream. A Service with a cluster IP is reached there without asking
// DNS; one without (headless), or of the endpoint resolver, through its EndpointSlices; everything else by DNS.
func (c *Compiler) locate(cluster *clusterv3.Cluster, used *cluster) {
	u := &used.upstream
	if used.assignment != "" {
		cluster.ClusterDiscoveryType = throughEDS
		cluster.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS, ServiceName: used.assignment}
		return
	}
	service, _, _ := c.serviceOf(u.Service)
	switch {
	case len(u.Others) > 0:
		c.locateByDNS(cluster, u)
	case isAddress(u.Service.host):
		cluster.ClusterDiscoveryType = discovery(clusterv3.Cluster_STATIC)
		cluster.LoadAssignment = loadAssignment(cluster.Name, []endpoint{u.Service.at(u.Service.host)})
	case hasClusterIP(service) && !u.ByName:
		cluster.ClusterDiscoveryType = discovery(clusterv3.Cluster_STATIC)
		cluster.LoadAssignment = loadAssignment(cluster.Name, []endpoint{u.Service.at(service.Spec.ClusterIP)})
	default:
		c.locateByDNS(cluster, u)
	}
}

// servicePort is the port of a Service whose EndpointSlices say where an upstream is; ok is false when nothing of the
// kind does.
func (c *Compiler) servicePort(u upstream) (port servicePort, ok bool) {
	service, namespace, name := c.serviceOf(u.Service)
	switch {
	case len(u.Others) > 0 || isAddress(u.Service.host):
	case u.ByEndpoints && name != "" && !isExternal(service), isHeadless(service):
		return servicePort{serviceKey{namespace, name}, u.Service.port}, true
	}
	return servicePort{}, false
}

// locateByDNS resolves the names of an upstream's services with the DNS options of the upstream; addresses, cluster IPs
// among them, are taken as they are.
func (c *Compiler) locateByDNS(cluster *clusterv3.Cluster, u *upstream) {
	cluster.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.cluster.dns",
		TypedConfig: packed(&dnsv3.DnsCluster{
			DnsLookupFamily:              lookupFamily(u.IPv4, u.IPv6),
			RespectDnsTtl:                u.RespectDNSTTL,
			AllAddressesInSingleEndpoint: u.LogicalDNS,
		}),
	}}
	dialed := []endpoint{c.dialed(u.Service)}
	for _, other := range u.Others {
		dialed = append(dialed, c.dialed(other))
	}
	cluster.LoadAssignment = loadAssignment(cluster.Name, dialed)
}

// dialed is where to reach a service by name or address.
func (c *Compiler) dialed(service serviceName) endpoint {
	object, _, _ := c.serviceOf(service)
	switch {
	case isExternal(object):
		return service.at(object.Spec.ExternalName)
	case hasClusterIP(object):
		return service.at(object.Spec.ClusterIP)
	}
	return service.at(service.host)
}

// at is the endpoint of a service that has an address of its own.
func (n serviceName) at(address string) endpoint {
	return endpoint{address: address, hostname: n.host, port: n.port}
}

func lookupFamily(ipv4, ipv6 bool) dnscommonv3.DnsLookupFamily {
	switch {
	case ipv4 && ipv6:
		return dnscommonv3.DnsLookupFamily_AUTO
	case ipv6:
		return dnscommonv3.DnsLookupFamily_V6_ONLY
	default:
		return dnscommonv3.DnsLookupFamily_V4_ONLY
	}
}

var throughEDS = discovery(clusterv3.Cluster_EDS)

func discovery(kind clusterv3.Cluster_DiscoveryType) *clusterv3.Cluster_Type {
	return &clusterv3.Cluster_Type{Type: kind}
}

// serviceOf finds the Service a name means. name is empty when it can mean none; service is nil when there is none.
func (c *Compiler) serviceOf(service serviceName) (object *corev1.Service, namespace, name string) {
	namespace, name, ok := service.kubernetesService(c.options.Namespace)
	if !ok {
		return nil, "", ""
	}
	return c.store.Service(namespace, name), namespace, name
}

// isAddress reports whether a host is an IP address.
func isAddress(host string) bool {
	// Only digits can start an IPv4 address; most hosts are names, and parsing one to find that out is not free.
	if host == "" || (host[0] < '0' || host[0] > '9') && !strings.Contains(host, ":") {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isHeadless(service *corev1.Service) bool {
	return service != nil && service.Spec.ClusterIP == corev1.ClusterIPNone
}

// hasClusterIP reports whether a Service can be reached at an address of its own. The API server lets nothing but
// addresses in; a file may.
func hasClusterIP(service *corev1.Service) bool {
	return service != nil && isAddress(service.Spec.ClusterIP)
}

func isExternal(service *corev1.Service) bool {
	return service != nil && service.Spec.Type == corev1.ServiceTypeExternalName && service.Spec.ExternalName != ""
}

// checkService notes on an object that a service it names is missing, or has no such port.
func (c *Compiler) checkService(owner *Report, u upstream) {
	service, namespace, name := c.serviceOf(u.Service)
	switch {
	case name == "" || isExternal(service):
	case service == nil && u.ByEndpoints:
		owner.unresolved(ReasonServiceNotFound, "Service %s/%s not found: requests are answered with 503 until it has endpoints", namespace, name)
	case service == nil:
		owner.unresolved(ReasonServiceNotFound, "Service %s/%s not found: its name is left to DNS", namespace, name)
	case !hasPort(service, u.Service.port, u.ByEndpoints):
		owner.unresolved(ReasonPortNotFound, "Service %s/%s has no port %d", namespace, name, u.Service.port)
	}
}

func hasPort(service *corev1.Service, port uint32, byEndpoints bool) bool {
	for _, p := range service.Spec.Ports {
		if uint32(p.Port) == port || byEndpoints && uint32(p.TargetPort.IntVal) == port {
			return true
		}
	}
	return false
}
