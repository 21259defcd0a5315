package testbed

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/load"
)

// Shape is how many Mappings are spread over Hosts. Either way each has a Service, and so a cluster, of its own.
type Shape string

const (
	// Hosts is N Hosts with one Mapping each.
	Hosts Shape = "hosts"
	// Prefixes is N prefixes on one Host.
	Prefixes Shape = "prefixes"
)

const (
	// Namespace is where all objects are: the controller's own.
	Namespace = "default"
	// BackendPort is the port of every Service of a shape. There is no kube-proxy, so that it is the backend's too.
	BackendPort = 9000
	// hostname is the one Host of Prefixes.
	hostname = "bench.example"
)

// Base is what there is before the first Mapping: a Listener on the port, in cleartext, and the Host of Prefixes.
func (s Shape) Base(port int) []client.Object {
	objects := []client.Object{Listener("http", port, v3alpha1.ProtocolHTTP)}
	if s == Prefixes {
		objects = append(objects, CleartextHost("bench", hostname))
	}
	return objects
}

// Surroundings is what the i-th Mapping needs: its Service, and its Host where it has one of its own.
func (s Shape) Surroundings(i int) []client.Object {
	objects := []client.Object{Service(serviceName(i), clusterIP(i), BackendPort)}
	if s == Hosts {
		objects = append(objects, CleartextHost(mappingName(i), s.Request(i).Host))
	}
	return objects
}

// Mapping is the i-th.
func (s Shape) Mapping(i int) *v3alpha1.Mapping {
	spec := v3alpha1.MappingSpec{Hostname: s.Request(i).Host, Prefix: "/", Service: fmt.Sprintf("%s:%d", serviceName(i), BackendPort)}
	if s == Prefixes {
		spec.Prefix = s.Request(i).Path
	}
	return Mapping(mappingName(i), spec)
}

// Request is what the i-th Mapping serves.
func (s Shape) Request(i int) load.Request {
	if s == Hosts {
		return load.Request{Host: fmt.Sprintf("m-%05d.example", i), Path: "/"}
	}
	return load.Request{Host: hostname, Path: fmt.Sprintf("/m-%05d/", i)}
}

func mappingName(i int) string { return fmt.Sprintf("m-%05d", i) }

func serviceName(i int) string { return fmt.Sprintf("s-%05d", i) }

// serviceRange holds the cluster IPs that the benchmarks give their Services.
const serviceRange = "10.96.0.0/14"

// clusterIP is the i-th of the lower half of serviceRange; the API server takes its own from the upper one.
func clusterIP(i int) string { return fmt.Sprintf("10.96.%d.%d", 1+i/250, 1+i%250) }

// Listener is a Listener for the Hosts of all namespaces.
func Listener(name string, port int, protocol v3alpha1.Protocol) *v3alpha1.Listener {
	return &v3alpha1.Listener{TypeMeta: kind("Listener"), ObjectMeta: objectMeta(name), Spec: v3alpha1.ListenerSpec{
		Port: int32(port), Protocol: protocol, SecurityModel: v3alpha1.SecurityModelXFP,
		HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
	}}
}

// CleartextHost is a Host that serves requests without TLS.
func CleartextHost(name, hostname string) *v3alpha1.Host {
	return &v3alpha1.Host{TypeMeta: kind("Host"), ObjectMeta: objectMeta(name), Spec: v3alpha1.HostSpec{
		Hostname:      hostname,
		RequestPolicy: &v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: "Route"}},
	}}
}

// Mapping is a Mapping of the given specification.
func Mapping(name string, spec v3alpha1.MappingSpec) *v3alpha1.Mapping {
	return &v3alpha1.Mapping{TypeMeta: kind("Mapping"), ObjectMeta: objectMeta(name), Spec: spec}
}

// Service is a Service with one port; an empty address lets the API server choose.
func Service(name, address string, port int) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: objectMeta(name),
		Spec:       corev1.ServiceSpec{ClusterIP: address, Ports: []corev1.ServicePort{{Name: "http", Port: int32(port)}}},
	}
}

func kind(name string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v3alpha1.GroupVersion.String(), Kind: name}
}

func objectMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: Namespace, Name: name}
}
