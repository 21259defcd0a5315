package compile

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// The benchmarks have Mappings with a Service each, in two shapes: each with a Host of its own, or all on one Host.
var shapes = []string{"hosts", "prefixes"}

// BenchmarkFull compiles everything.
func BenchmarkFull(b *testing.B) {
	each(b, func(b *testing.B, w *workload) {
		for b.Loop() {
			New(Defaults()).Update(w.objects, time.Time{})
		}
	})
}

// BenchmarkOneMapping adds a Mapping, changes where it leads, and deletes it.
func BenchmarkOneMapping(b *testing.B) {
	each(b, func(b *testing.B, w *workload) {
		i := 0
		w.update(b, func() {
			i++
			extra := w.mapping(w.n / 2)
			extra.Name += "-extra"
			extra.Spec.Prefix += "extra/"
			extra.Spec.Service = fmt.Sprintf("m-%05d", i%w.n)
			if i%3 == 0 {
				w.objects.Delete(store.RefOf(extra))
			} else {
				w.objects.Upsert(extra)
			}
		})
	})
}

// BenchmarkOneEndpoint replaces the endpoint of a Service.
func BenchmarkOneEndpoint(b *testing.B) {
	each(b, func(b *testing.B, w *workload) {
		i := 0
		w.update(b, func() { i++; w.objects.Upsert(w.slice(i)) })
	})
}

// BenchmarkOneService gives a Service another cluster IP.
func BenchmarkOneService(b *testing.B) {
	each(b, func(b *testing.B, w *workload) {
		i := 0
		w.update(b, func() {
			i++
			service := w.service(w.n / 2)
			service.Spec.ClusterIP = fmt.Sprintf("10.9.%d.%d", i/256%256, i%256)
			w.objects.Upsert(service)
		})
	})
}

// BenchmarkOneHost adds a Host, changes its insecure action, and deletes it.
func BenchmarkOneHost(b *testing.B) {
	each(b, func(b *testing.B, w *workload) {
		i := 0
		w.update(b, func() {
			i++
			host := &v3alpha1.Host{ObjectMeta: meta("extra"), Spec: v3alpha1.HostSpec{Hostname: "m-extra.example.com"}}
			if i%2 == 0 {
				host.Spec.RequestPolicy = &v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: v3alpha1.InsecureActionRoute}}
			}
			if i%3 == 0 {
				w.objects.Delete(store.RefOf(host))
			} else {
				w.objects.Upsert(host)
			}
		})
	})
}

func each(b *testing.B, run func(*testing.B, *workload)) {
	for _, shape := range shapes {
		for _, n := range []int{100, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", shape, n), func(b *testing.B) {
				b.ReportAllocs()
				run(b, newWorkload(shape, n))
			})
		}
	}
}

// workload is a store full of objects.
type workload struct {
	hosts   bool
	n       int
	objects *store.Store
}

func newWorkload(shape string, n int) *workload {
	w := &workload{hosts: shape == "hosts", n: n, objects: store.New()}
	w.objects.Upsert(&v3alpha1.Listener{ObjectMeta: meta("http"), Spec: v3alpha1.ListenerSpec{
		Port: 8080, Protocol: v3alpha1.ProtocolHTTPS, SecurityModel: v3alpha1.SecurityModelXFP,
		HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
	}})
	for i := range n {
		w.objects.Upsert(w.mapping(i))
		w.objects.Upsert(w.service(i))
		w.objects.Upsert(w.slice(i))
		if w.hosts || i == 0 {
			w.objects.Upsert(&v3alpha1.Host{ObjectMeta: meta(fmt.Sprintf("m-%05d", i)), Spec: v3alpha1.HostSpec{Hostname: w.hostname(i)}})
		}
	}
	return w
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "default"} }

func (w *workload) hostname(i int) string {
	if w.hosts {
		return fmt.Sprintf("m-%05d.example.com", i)
	}
	return "www.example.com"
}

func (w *workload) mapping(i int) *v3alpha1.Mapping {
	name := fmt.Sprintf("m-%05d", i)
	return &v3alpha1.Mapping{ObjectMeta: meta(name), Spec: v3alpha1.MappingSpec{
		Hostname: w.hostname(i), Prefix: "/" + name + "/", Service: name, Resolver: "endpoint",
	}}
}

func (w *workload) service(i int) *corev1.Service {
	return &corev1.Service{ObjectMeta: meta(fmt.Sprintf("m-%05d", i)), Spec: corev1.ServiceSpec{
		ClusterIP: fmt.Sprintf("10.0.%d.%d", i/256, i%256), Ports: []corev1.ServicePort{{Port: 80}},
	}}
}

// slice is the EndpointSlice of a Service; its address is made of the number, and the Service is one of those there are.
func (w *workload) slice(i int) *discoveryv1.EndpointSlice {
	name, port := fmt.Sprintf("m-%05d", i%w.n), int32(8080)
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta(name), AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)}}},
		Ports:     []discoveryv1.EndpointPort{{Name: new(string), Port: &port}}}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: name}
	return slice
}

// update measures updates after a change each, all of which must be local.
func (w *workload) update(b *testing.B, change func()) {
	compiler := New(Defaults())
	compiler.Update(w.objects, time.Time{})
	for b.Loop() {
		change()
		if compiler.Update(w.objects, time.Time{}).Whole {
			b.Fatal("everything was compiled again")
		}
	}
}
