package store

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/crds/v3alpha1"
)

func mapping() *v3alpha1.Mapping {
	return &v3alpha1.Mapping{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "quote", Generation: 1, ResourceVersion: "1",
			Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
		},
		Spec: v3alpha1.MappingSpec{Prefix: "/", Service: "quote"},
	}
}

func TestUpsertTellsWhatMatters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*v3alpha1.Mapping)
		want bool
	}{
		"nothing":          {func(*v3alpha1.Mapping) {}, false},
		"resource version": {func(m *v3alpha1.Mapping) { m.ResourceVersion = "2" }, false},
		"managed fields":   {func(m *v3alpha1.Mapping) { m.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}} }, false},
		"status":           {func(m *v3alpha1.Mapping) { m.Status.State = "Running" }, false},
		"spec":             {func(m *v3alpha1.Mapping) { m.Spec.Prefix = "/other/" }, true},
		"generation":       {func(m *v3alpha1.Mapping) { m.Generation = 2 }, true},
		"labels":           {func(m *v3alpha1.Mapping) { m.Labels = map[string]string{"a": "c"} }, true},
		"annotations":      {func(m *v3alpha1.Mapping) { m.Annotations = nil }, true},
		"another object":   {func(m *v3alpha1.Mapping) { m.UID = "2" }, true},
		"deletion":         {func(m *v3alpha1.Mapping) { m.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New()
			if !s.Upsert(mapping()) {
				t.Fatal("a new object is a change")
			}
			next := mapping()
			test.edit(next)
			if got := s.Upsert(next); got != test.want {
				t.Errorf("changed = %t, want %t", got, test.want)
			}
		})
	}
}

func TestAccessorsFollowLoadOrder(t *testing.T) {
	t.Parallel()
	s := New()
	for _, name := range [][2]string{{"b", "x"}, {"a", "z"}, {"a-b", "x"}, {"a", "y"}, {"ab", "x"}} {
		m := mapping()
		m.Name, m.Namespace = name[0], name[1]
		s.Upsert(m)
	}
	order := func() (names []string) {
		for _, m := range s.Mappings() {
			names = append(names, m.Name+"."+m.Namespace)
		}
		return names
	}
	got := order()
	if !slices.IsSorted(got) || len(got) != 5 {
		t.Errorf("order is %q, want that of the strings name.namespace", got)
	}
	if !s.Delete(Ref{Kind: "Mapping", Namespace: "y", Name: "a"}) || s.Delete(Ref{Kind: "Mapping", Namespace: "y", Name: "a"}) {
		t.Error("deleting what is known is a change, deleting it again is none")
	}
	if got := order(); len(got) != 4 || slices.Contains(got, "a.y") {
		t.Errorf("after a deletion the order is %q", got)
	}
}

func endpointSlice(name, service, address string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
}

func addresses(s *Store, service string) (list []string) {
	for _, slice := range s.EndpointSlices("default", service) {
		for _, endpoint := range slice.Endpoints {
			list = append(list, endpoint.Addresses...)
		}
	}
	return list
}

func TestEndpointSlicesAreFoundByService(t *testing.T) {
	t.Parallel()
	s := New()
	s.Upsert(endpointSlice("web-2", "web", "10.0.0.2"))
	s.Upsert(endpointSlice("web-1", "web", "10.0.0.1"))
	s.Upsert(endpointSlice("db-1", "db", "10.0.1.1"))
	if got := addresses(s, "web"); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2"}) {
		t.Errorf("web has %q", got)
	}
	annotated := endpointSlice("web-1", "web", "10.0.0.1")
	annotated.Annotations = map[string]string{"endpoints.kubernetes.io/last-change-trigger-time": "now"}
	annotated.Generation = 7
	if s.Upsert(annotated) {
		t.Error("an annotation of the endpoint controller is no change")
	}
	if !s.Upsert(endpointSlice("web-2", "db", "10.0.0.2")) {
		t.Error("moving to another Service is a change")
	}
	if got := addresses(s, "web"); !slices.Equal(got, []string{"10.0.0.1"}) {
		t.Errorf("after a slice moved away web has %q", got)
	}
	if !s.Delete(Ref{Kind: "EndpointSlice", Namespace: "default", Name: "web-1"}) || addresses(s, "web") != nil {
		t.Errorf("after its slice is gone web has %q", addresses(s, "web"))
	}
}

func TestEndpointsAreMirrored(t *testing.T) {
	t.Parallel()
	s := New()
	endpoints := &corev1.Endpoints{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Subsets: []corev1.EndpointSubset{{
			Addresses:         []corev1.EndpointAddress{{IP: "10.0.0.1"}},
			NotReadyAddresses: []corev1.EndpointAddress{{IP: "10.0.0.2"}},
			Ports:             []corev1.EndpointPort{{Name: "http", Port: 8080, Protocol: corev1.ProtocolTCP}},
		}},
	}
	if !s.Upsert(endpoints) || s.Upsert(endpoints.DeepCopy()) {
		t.Error("only the first upsert is a change")
	}
	made := s.EndpointSlices("default", "web")
	if len(made) != 1 || *made[0].Ports[0].Port != 8080 || !*made[0].Endpoints[0].Conditions.Ready || *made[0].Endpoints[1].Conditions.Ready {
		t.Fatalf("mirrored to %+v", made)
	}
	if !s.Delete(Ref{Kind: "Endpoints", Namespace: "default", Name: "web"}) || len(s.EndpointSlices("default", "web")) != 0 {
		t.Error("deleting Endpoints deletes what was made of them")
	}
}

func TestTrimKeepsWhatIsRead(t *testing.T) {
	t.Parallel()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			ManagedFields: []metav1.ManagedFieldsEntry{{}},
			Annotations:   map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "kept": "yes"},
		},
		Data:       map[string][]byte{"tls.crt": []byte("c"), "password": []byte("p")},
		StringData: map[string]string{"tls.key": "k"},
	}
	Trim(secret)
	if secret.ManagedFields != nil || len(secret.Annotations) != 1 {
		t.Errorf("metadata still has %v %v", secret.ManagedFields, secret.Annotations)
	}
	if len(secret.Data) != 2 || string(secret.Data["tls.key"]) != "k" || string(secret.Data["tls.crt"]) != "c" {
		t.Errorf("data is %v, want the certificate and the key alone", secret.Data)
	}
}

func TestChangesAreTakenOnce(t *testing.T) {
	t.Parallel()
	s := New()
	s.Upsert(mapping())
	s.Upsert(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "quote"}})
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "quote-abc", Labels: map[string]string{discoveryv1.LabelServiceName: "quote"},
	}}
	s.Upsert(slice)
	want := []Ref{{"Endpoints", "default", "quote"}, {"Mapping", "default", "quote"}, {"Service", "default", "quote"}}
	if got := s.TakeChanges(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	same := mapping()
	same.ResourceVersion = "2"
	s.Upsert(same)
	if got := s.TakeChanges(); len(got) != 0 {
		t.Errorf("nothing that matters changed, yet: %v", got)
	}

	// A slice that moves to another Service is a change of both.
	moved := slice.DeepCopy()
	moved.Labels[discoveryv1.LabelServiceName] = "other"
	s.Upsert(moved)
	s.Delete(Ref{"Mapping", "default", "quote"})
	want = []Ref{{"Endpoints", "default", "other"}, {"Endpoints", "default", "quote"}, {"Mapping", "default", "quote"}}
	if got := s.TakeChanges(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
