package compile

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// BenchmarkCompile measures full compilations of Mappings with a Service each, all on one Host or each on its own.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("one-host/%d", n), func(b *testing.B) { benchmark(b, n, false) })
		b.Run(fmt.Sprintf("many-hosts/%d", n), func(b *testing.B) { benchmark(b, n, true) })
	}
}

func benchmark(b *testing.B, n int, manyHosts bool) {
	objects := store.New()
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "default"} }
	host := func(name, hostname string) *v3alpha1.Host {
		return &v3alpha1.Host{ObjectMeta: meta(name), Spec: v3alpha1.HostSpec{Hostname: hostname}}
	}
	objects.Upsert(&v3alpha1.Listener{ObjectMeta: meta("http"), Spec: v3alpha1.ListenerSpec{
		Port: 8080, Protocol: v3alpha1.ProtocolHTTPS, SecurityModel: v3alpha1.SecurityModelXFP,
		HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
	}})
	if !manyHosts {
		objects.Upsert(host("all", "*"))
	}
	for i := range n {
		name := fmt.Sprintf("m-%05d", i)
		hostname := "*"
		if manyHosts {
			hostname = name + ".example.com"
			objects.Upsert(host(name, hostname))
		}
		objects.Upsert(&v3alpha1.Mapping{ObjectMeta: meta(name), Spec: v3alpha1.MappingSpec{
			Hostname: hostname, Prefix: "/" + name + "/", Service: name,
		}})
		objects.Upsert(&corev1.Service{ObjectMeta: meta(name), Spec: corev1.ServiceSpec{
			ClusterIP: fmt.Sprintf("10.0.%d.%d", i/256, i%256), Ports: []corev1.ServicePort{{Port: 80}},
		}})
	}
	b.ReportAllocs()
	for b.Loop() {
		Compile(objects, Defaults())
	}
}
