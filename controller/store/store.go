// Package store holds the Kubernetes objects a configuration is compiled from: the newest version of each, by kind,
// in the order Emissary loads them, with the few indexes the compiler needs.
//
// One goroutine owns a Store (the controller's loop); nothing in it is locked. Objects are kept by pointer and must not
// be changed after they were handed over.
package store

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/crds/v3alpha1"
)

// Ref names one object. Kind is spelt as in a manifest: "Mapping", "Service", "EndpointSlice".
type Ref struct {
	Kind, Namespace, Name string
}

// String renders the reference the way messages name objects: "Mapping default/quote".
func (r Ref) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// Compare orders references by kind, namespace and name.
func (r Ref) Compare(other Ref) int {
	return cmp.Or(cmp.Compare(r.Kind, other.Kind), cmp.Compare(r.Namespace, other.Namespace), cmp.Compare(r.Name, other.Name))
}

// Store is the set of known objects. The zero value is not usable; call New.
type Store struct {
	authServices      *table[*v3alpha1.AuthService]
	consulResolvers   *table[*v3alpha1.ConsulResolver]
	devPortals        *table[*v3alpha1.DevPortal]
	hosts             *table[*v3alpha1.Host]
	endpointResolvers *table[*v3alpha1.KubernetesEndpointResolver]
	serviceResolvers  *table[*v3alpha1.KubernetesServiceResolver]
	listeners         *table[*v3alpha1.Listener]
	logServices       *table[*v3alpha1.LogService]
	mappings          *table[*v3alpha1.Mapping]
	modules           *table[*v3alpha1.Module]
	rateLimitServices *table[*v3alpha1.RateLimitService]
	tcpMappings       *table[*v3alpha1.TCPMapping]
	tlsContexts       *table[*v3alpha1.TLSContext]
	tracingServices   *table[*v3alpha1.TracingService]
	secrets           *table[*corev1.Secret]
	services          *table[*corev1.Service]
	slices            *endpointTable

	byKind map[string]kindTable
	// changes are the objects that changed since they were last taken.
	changes map[Ref]struct{}
}

// New returns an empty Store.
func New() *Store {
	s := &Store{byKind: map[string]kindTable{}, changes: map[Ref]struct{}{}}
	s.authServices = register(s, "AuthService", func(o *v3alpha1.AuthService) any { return &o.Spec })
	s.consulResolvers = register(s, "ConsulResolver", func(o *v3alpha1.ConsulResolver) any { return &o.Spec })
	s.devPortals = register(s, "DevPortal", func(o *v3alpha1.DevPortal) any { return &o.Spec })
	s.hosts = register(s, "Host", func(o *v3alpha1.Host) any { return &o.Spec })
	s.endpointResolvers = register(s, "KubernetesEndpointResolver", func(o *v3alpha1.KubernetesEndpointResolver) any { return &o.Spec })
	s.serviceResolvers = register(s, "KubernetesServiceResolver", func(o *v3alpha1.KubernetesServiceResolver) any { return &o.Spec })
	s.listeners = register(s, "Listener", func(o *v3alpha1.Listener) any { return &o.Spec })
	s.logServices = register(s, "LogService", func(o *v3alpha1.LogService) any { return &o.Spec })
	s.mappings = register(s, "Mapping", func(o *v3alpha1.Mapping) any { return &o.Spec })
	s.modules = register(s, "Module", func(o *v3alpha1.Module) any { return &o.Spec })
	s.rateLimitServices = register(s, "RateLimitService", func(o *v3alpha1.RateLimitService) any { return &o.Spec })
	s.tcpMappings = register(s, "TCPMapping", func(o *v3alpha1.TCPMapping) any { return &o.Spec })
	s.tlsContexts = register(s, "TLSContext", func(o *v3alpha1.TLSContext) any { return &o.Spec })
	s.tracingServices = register(s, "TracingService", func(o *v3alpha1.TracingService) any { return &o.Spec })
	s.secrets = register(s, "Secret", func(o *corev1.Secret) any { return &o.Data })
	s.services = register(s, "Service", func(o *corev1.Service) any { return &o.Spec })
	s.slices = newEndpointTable(s.changes)
	s.byKind["EndpointSlice"] = s.slices
	return s
}

// Upsert keeps obj as the newest version of its object and reports whether anything that matters changed: the spec
// (for a Secret its data, for an EndpointSlice its endpoints and ports), labels, annotations, identity, generation, or
// the wish to be deleted. A new status, managedFields or resourceVersion alone is no change, and the older version is
// kept. Types the store does not hold are ignored.
func (s *Store) Upsert(obj metav1.Object) (changed bool) {
	if endpoints, ok := obj.(*corev1.Endpoints); ok {
		return s.upsertEndpoints(endpoints)
	}
	ref := RefOf(obj)
	table := s.byKind[ref.Kind]
	return table != nil && s.note(ref, table.upsert(obj))
}

// Delete forgets an object and reports whether it was known.
func (s *Store) Delete(ref Ref) (changed bool) {
	if ref.Kind == "Endpoints" {
		return s.deleteEndpoints(ref)
	}
	table := s.byKind[ref.Kind]
	return table != nil && s.note(ref, table.delete(key{ref.Namespace, ref.Name}))
}

// note remembers a change. EndpointSlices note theirs themselves.
func (s *Store) note(ref Ref, changed bool) bool {
	if changed && ref.Kind != "EndpointSlice" {
		s.changes[ref] = struct{}{}
	}
	return changed
}

// TakeChanges returns the objects that were added, changed or deleted since the last call, in order. A change of an
// EndpointSlice is one of its Service's "Endpoints".
func (s *Store) TakeChanges() []Ref {
	changes := slices.SortedFunc(maps.Keys(s.changes), Ref.Compare)
	s.changes = map[Ref]struct{}{} // a map keeps the room of the most it ever held
	s.slices.changes = s.changes
	return changes
}

// kindOf names the kind of a typed object by its Go type, which is spelt the same; informers leave TypeMeta empty.
func kindOf(obj metav1.Object) string { return reflect.TypeOf(obj).Elem().Name() }

// RefOf returns the reference of a typed object, a pointer to one of the Kubernetes or getambassador.io structs.
func RefOf(obj metav1.Object) Ref {
	return Ref{Kind: kindOf(obj), Namespace: obj.GetNamespace(), Name: obj.GetName()}
}
