package compile

import (
	"crypto/elliptic"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// TestUpdatesEqualCompilations changes random objects, and holds what a compiler made of one change after the other to
// what a fresh one makes of everything.
func TestUpdatesEqualCompilations(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := &churn{Rand: rand.New(rand.NewPCG(seed, 7)), objects: store.New(), certificates: certificates(t)}
			compiler := New(Options{DrainTime: 5 * time.Second})
			if seed%3 > 0 {
				compiler.limits = limits{whole: 24, part: 9, grown: 24, few: 12, expression: math.MaxInt} // so that tables are cut, and cut anew
			}
			have := held{resources: map[ResourceID]proto.Message{}, reports: map[store.Ref]*Report{}}
			for range 40 {
				w.change(60)
			}
			local := 0
			for step := range 100 {
				now := noon.Add(time.Duration(step) * time.Second)
				delta := compiler.Update(w.objects, now)
				if !delta.Whole {
					local++
				}
				have.take(delta)
				if retired, _ := compiler.Retire(now, w.IntN(2) == 0); retired != nil {
					have.take(retired)
				}
				fresh := New(compiler.options)
				fresh.limits, fresh.tables = limits{whole: math.MaxInt}, compiler.tables // the same cuts
				fresh.compile(w.objects, now)
				have.compare(t, fresh, step)
				if t.Failed() {
					t.Fatalf("after %s", strings.Join(w.log, ", "))
				}
				w.log = nil
				for range 1 + w.IntN(3) {
					w.change(12)
				}
			}
			if local < 50 {
				t.Errorf("only %d of 100 updates were local", local)
			}
		})
	}
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// held is what somebody who follows the deltas holds.
type held struct {
	resources map[ResourceID]proto.Message
	reports   map[store.Ref]*Report
}

func (h *held) take(d *Delta) {
	if d.Whole {
		clear(h.resources)
	}
	for id := range d.Removed {
		delete(h.resources, id)
	}
	maps.Copy(h.resources, d.Changed)
	for ref, report := range d.Reports {
		if h.reports[ref] = report; report == nil {
			delete(h.reports, ref)
		}
	}
}

func (h *held) compare(t *testing.T, fresh *Compiler, step int) {
	t.Helper()
	want := fresh.whole(nil, nil)
	for id, message := range want.Changed {
		if !proto.Equal(message, h.resources[id]) {
			t.Errorf("step %d: %s: -compiled at once, +updated\n%s", step, id.Name, cmp.Diff(message, h.resources[id], protocmp.Transform()))
		}
	}
	for id := range h.resources {
		if want.Changed[id] == nil {
			t.Errorf("step %d: %s should be gone", step, id.Name)
		}
	}
	for ref, report := range want.Reports {
		if !reflect.DeepEqual(report, h.reports[ref]) {
			t.Errorf("step %d: report on %s: -compiled at once, +updated\n%s", step, ref, cmp.Diff(report, h.reports[ref]))
		}
	}
	for ref := range h.reports {
		if want.Reports[ref] == nil {
			t.Errorf("step %d: the report on %s should be gone", step, ref)
		}
	}
}

// churn makes random changes to a store.
type churn struct {
	*rand.Rand
	objects      *store.Store
	certificates [][2][]byte
	log          []string
}

// change upserts or deletes an object; one in rare is of a kind that decides about everything.
func (w *churn) change(rare int) {
	object := w.common()
	if w.IntN(rare) == 0 {
		object = w.rare()
	}
	if w.IntN(4) == 0 {
		ref := store.RefOf(object)
		w.objects.Delete(ref)
		w.log = append(w.log, "no "+ref.String())
		return
	}
	w.objects.Upsert(object)
	w.log = append(w.log, fmt.Sprintf("%s %+v", store.RefOf(object), reflect.ValueOf(object).Elem()))
}

func pick[T any](w *churn, values ...T) T { return values[w.IntN(len(values))] }

// sometimes returns a value or the zero value.
func sometimes[T any](w *churn, values ...T) (value T) {
	if w.IntN(4) == 0 {
		value = pick(w, values...)
	}
	return value
}

func (w *churn) meta(kind string, names int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: pick(w, "default", "default", "other"), Name: fmt.Sprintf("%s-%d", kind, w.IntN(names)), Generation: w.Int64N(100),
		Labels: map[string]string{"team": pick(w, "a", "b")},
	}
}

func (w *churn) hostname() string {
	return pick(w, "a.com", "b.com", "c.com", "d.com", "e.com", "*.com", "*", "a.*", "a.com:8080", "f.com", "g.com", "h.com", "i.com", "j.com")
}

func (w *churn) common() metav1.Object {
	switch w.IntN(9) {
	case 8:
		host := &v3alpha1.Host{ObjectMeta: w.meta("plain", 6), Spec: v3alpha1.HostSpec{Hostname: w.hostname()}}
		host.Spec.RequestPolicy = &v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{
			Action: pick(w, v3alpha1.InsecureActionRoute, v3alpha1.InsecureActionReject, v3alpha1.InsecureActionRedirect)}}
		return host
	case 0:
		service := &corev1.Service{ObjectMeta: w.meta("svc", 6), Spec: corev1.ServiceSpec{
			ClusterIP: pick(w, "10.0.0.1", "10.0.0.2", corev1.ClusterIPNone),
			Ports:     []corev1.ServicePort{{Name: pick(w, "http", "web"), Port: pick(w, int32(80), 8080), TargetPort: intstr.FromInt32(8080)}},
		}}
		if w.IntN(6) == 0 {
			service.Spec.Type, service.Spec.ExternalName = corev1.ServiceTypeExternalName, "example.org"
		}
		return service
	case 1:
		port, name, ready := int32(8080), pick(w, "http", "web"), w.IntN(2) == 0
		meta := w.meta("slice", 8)
		meta.Labels = map[string]string{discoveryv1.LabelServiceName: fmt.Sprintf("svc-%d", w.IntN(6))}
		return &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints: []discoveryv1.Endpoint{{Addresses: []string{fmt.Sprintf("10.1.0.%d", w.IntN(9))}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
			Ports:     []discoveryv1.EndpointPort{{Name: &name, Port: &port}}}
	case 2:
		pair := pick(w, w.certificates...)
		secret := &corev1.Secret{ObjectMeta: w.meta("secret", 3), Type: corev1.SecretTypeTLS, Data: map[string][]byte{"tls.crt": pair[0], "tls.key": pair[1]}}
		if w.IntN(6) == 0 {
			secret.Data["cert_required"] = []byte("true")
		}
		if w.IntN(6) == 0 {
			secret.Data["root-cert.pem"] = pair[0]
		}
		return secret
	}
	return &v3alpha1.Mapping{ObjectMeta: w.meta("m", 40), Spec: w.mappingSpec()}
}

func (w *churn) mappingSpec() v3alpha1.MappingSpec {
	precedence, weight, caseSensitive, yes := w.IntN(3), w.IntN(130), false, true
	spec := v3alpha1.MappingSpec{
		AmbassadorID: sometimes(w, v3alpha1.AmbassadorID{"another"}, v3alpha1.AmbassadorID{"default"}),
		Prefix:       pick(w, "/", "/a/", "/a/b/", "/b", "/c/", "/d/", "/e/", "/f/", "/g/", "/h/", "/i/", "/j/"),
		Service:      fmt.Sprintf("%ssvc-%d%s", sometimes(w, "https://"), w.IntN(6), sometimes(w, ":8080", ":99")),
		Hostname:     pick(w, w.hostname(), w.hostname(), w.hostname(), ""),
		Method:       sometimes(w, "GET", "POST"),
		TLS:          sometimes(w, "context-0", "context-1"),
		Resolver:     sometimes(w, "endpoint", "kubernetes-service", "none"),
		ClusterTag:   sometimes(w, "x"),
		Precedence:   sometimes(w, &precedence),
		Weight:       sometimes(w, &weight),
		Headers:      sometimes(w, map[string]string{"x-a": "1"}, map[string]string{"x-b": "2"}),
		Shadow:       sometimes(w, &yes),
		BypassAuth:   sometimes(w, &yes),
	}
	switch w.IntN(12) {
	case 0:
		spec.PrefixRegex, spec.Prefix = true, pick(w, "/a/.*", "/x/[0-9]+", ".*", "(?i)/a")
	case 1:
		spec.PrefixExact = true
	case 2:
		spec.CaseSensitive = &caseSensitive
	case 3:
		spec.HostRedirect = &yes
	case 4:
		spec.PrefixRegex, spec.Prefix = true, "/unclosed(" // refused
	case 5:
		spec.HostRegex, spec.Host, spec.Hostname = true, "[a-c].com", ""
	}
	return spec
}

func (w *churn) rare() metav1.Object {
	switch w.IntN(5) {
	case 0:
		return &v3alpha1.Listener{ObjectMeta: w.meta("listener", 3), Spec: v3alpha1.ListenerSpec{
			Port: pick(w, int32(8080), 8443), Protocol: pick(w, v3alpha1.ProtocolHTTP, v3alpha1.ProtocolHTTPS),
			SecurityModel: pick(w, v3alpha1.SecurityModelXFP, v3alpha1.SecurityModelInsecure, v3alpha1.SecurityModelSecure),
			HostBinding:   v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
		}}
	case 1:
		return &v3alpha1.TLSContext{ObjectMeta: w.meta("context", 2), Spec: v3alpha1.TLSContextSpec{
			Secret: fmt.Sprintf("secret-%d", w.IntN(3)), MinTLSVersion: sometimes(w, "v1.3"), Hosts: sometimes(w, []string{"a.com"}),
		}}
	case 2:
		return &v3alpha1.Module{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ambassador"}, Spec: v3alpha1.ModuleSpec{
			Config: v3alpha1.UntypedObject{RawExtension: runtime.RawExtension{Raw: []byte(pick(w, `{}`, `{"add_linkerd_headers":true}`, `{"diagnostics":{"enabled":false}}`))}},
		}}
	}
	host := &v3alpha1.Host{ObjectMeta: w.meta("host", 9), Spec: v3alpha1.HostSpec{Hostname: w.hostname()}}
	if w.IntN(2) == 0 {
		host.Spec.TLSSecret = &v3alpha1.SecretReference{Name: fmt.Sprintf("secret-%d", w.IntN(3))}
	}
	if w.IntN(3) == 0 {
		host.Spec.MappingSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": pick(w, "a", "b")}}
	}
	host.Spec.RequestPolicy = sometimes(w,
		&v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: v3alpha1.InsecureActionRoute}},
		&v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: v3alpha1.InsecureActionReject}})
	return host
}

// certificates are two that work and one that does not.
func certificates(t *testing.T) [][2][]byte {
	t.Helper()
	one, two := certificateSecret(t, ecdsaKey(t, elliptic.P256())).Data, certificateSecret(t, ecdsaKey(t, elliptic.P256())).Data
	return [][2][]byte{{one["tls.crt"], one["tls.key"]}, {two["tls.crt"], two["tls.key"]}, {one["tls.crt"], two["tls.key"]}}
}
