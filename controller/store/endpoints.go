package store

import (
	"cmp"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// endpointTable holds EndpointSlices and finds those of one Service.
type endpointTable struct {
	table     table[*discoveryv1.EndpointSlice]
	byService map[key][]*discoveryv1.EndpointSlice
	// changes takes the Services whose endpoints changed.
	changes map[Ref]struct{}
}

func newEndpointTable(changes map[Ref]struct{}) *endpointTable {
	return &endpointTable{
		table:     table[*discoveryv1.EndpointSlice]{byKey: map[key]*discoveryv1.EndpointSlice{}, content: sliceContent},
		byService: map[key][]*discoveryv1.EndpointSlice{},
		changes:   changes,
	}
}

// sliceContent is what of an EndpointSlice reaches Envoy.
func sliceContent(slice *discoveryv1.EndpointSlice) any {
	return struct {
		Family    discoveryv1.AddressType
		Endpoints []discoveryv1.Endpoint
		Ports     []discoveryv1.EndpointPort
	}{slice.AddressType, slice.Endpoints, slice.Ports}
}

// serviceOf is the Service an EndpointSlice belongs to.
func serviceOf(slice *discoveryv1.EndpointSlice) key {
	return key{slice.Namespace, slice.Labels[discoveryv1.LabelServiceName]}
}

func (t *endpointTable) upsert(obj metav1.Object) (changed bool) {
	next, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok {
		return false
	}
	old, known := t.table.get(next.Namespace, next.Name)
	if known && sameSlice(old, next) {
		return false
	}
	if known {
		t.unindex(old)
	}
	t.table.upsert(next)
	service := serviceOf(next)
	t.note(service)
	t.byService[service] = append(slices.Clone(t.byService[service]), next)
	slices.SortFunc(t.byService[service], func(a, b *discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
	return true
}

func (t *endpointTable) delete(k key) (changed bool) {
	old, known := t.table.get(k.namespace, k.name)
	if !known {
		return false
	}
	t.unindex(old)
	return t.table.delete(k)
}

func (t *endpointTable) object(k key) metav1.Object { return t.table.object(k) }

func (t *endpointTable) unindex(slice *discoveryv1.EndpointSlice) {
	service := serviceOf(slice)
	t.note(service)
	kept := make([]*discoveryv1.EndpointSlice, 0, len(t.byService[service]))
	for _, other := range t.byService[service] {
		if other.Name != slice.Name {
			kept = append(kept, other)
		}
	}
	if len(kept) == 0 {
		delete(t.byService, service)
		return
	}
	t.byService[service] = kept
}

func (t *endpointTable) note(service key) {
	t.changes[Ref{Kind: "Endpoints", Namespace: service.namespace, Name: service.name}] = struct{}{}
}

// sameSlice is the change test of EndpointSlices: the endpoint controller writes annotations and generations that say
// nothing about where traffic goes.
func sameSlice(a, b *discoveryv1.EndpointSlice) bool {
	return serviceOf(a) == serviceOf(b) && reflect.DeepEqual(sliceContent(a), sliceContent(b))
}

// upsertEndpoints keeps a legacy Endpoints object as EndpointSlices, one per subset, the way Kubernetes'
// EndpointSliceMirroring controller does. A cluster does that itself; a folder of manifests does not.
func (s *Store) upsertEndpoints(endpoints *corev1.Endpoints) (changed bool) {
	ref := Ref{Kind: "Endpoints", Namespace: endpoints.Namespace, Name: endpoints.Name}
	mirrored := map[string]bool{}
	for i, subset := range endpoints.Subsets {
		slice := mirrorSubset(endpoints, subset, i)
		mirrored[slice.Name] = true
		changed = s.slices.upsert(slice) || changed
	}
	for _, slice := range slices.Clone(s.slices.byService[key{ref.Namespace, ref.Name}]) {
		if slice.Labels[discoveryv1.LabelManagedBy] == mirrorManager && !mirrored[slice.Name] {
			changed = s.slices.delete(key{slice.Namespace, slice.Name}) || changed
		}
	}
	return changed
}

// deleteEndpoints forgets the EndpointSlices made from an Endpoints object.
func (s *Store) deleteEndpoints(ref Ref) (changed bool) {
	return s.upsertEndpoints(&corev1.Endpoints{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}})
}
