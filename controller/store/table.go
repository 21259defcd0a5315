package store

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// key identifies an object within its kind.
type key struct{ namespace, name string }

// kindTable is what Store needs of a table without knowing its type.
type kindTable interface {
	upsert(obj metav1.Object) (changed bool)
	delete(k key) (changed bool)
	object(k key) metav1.Object // nil when there is none
}

// table holds the objects of one kind.
type table[T metav1.Object] struct {
	byKey map[key]T
	// content points at the part of an object that configures something, for the change test.
	content func(T) any
	// order caches all(); nil when an object came, went or changed since.
	order []T
}

// register makes the table of one kind and files it in the store.
func register[T metav1.Object](s *Store, kind string, content func(T) any) *table[T] {
	t := &table[T]{byKey: map[key]T{}, content: content}
	s.byKind[kind] = t
	return t
}

func (t *table[T]) upsert(obj metav1.Object) (changed bool) {
	next, ok := obj.(T)
	if !ok {
		return false
	}
	k := key{obj.GetNamespace(), obj.GetName()}
	if old, known := t.byKey[k]; known && sameMeta(old, next) && reflect.DeepEqual(t.content(old), t.content(next)) {
		return false
	}
	t.byKey[k] = next
	t.order = nil
	return true
}

func (t *table[T]) delete(k key) (changed bool) {
	if _, known := t.byKey[k]; !known {
		return false
	}
	delete(t.byKey, k)
	t.order = nil
	return true
}

func (t *table[T]) get(namespace, name string) (T, bool) {
	obj, ok := t.byKey[key{namespace, name}]
	return obj, ok
}

func (t *table[T]) object(k key) metav1.Object {
	obj, known := t.byKey[k]
	if !known {
		return nil
	}
	return obj
}

// all returns every object in load order. The slice is shared: callers must not change it.
func (t *table[T]) all() []T {
	if t.order == nil {
		t.order = make([]T, 0, len(t.byKey))
		for _, obj := range t.byKey {
			t.order = append(t.order, obj)
		}
		slices.SortFunc(t.order, func(a, b T) int { return compareLoadOrder(a, b) })
	}
	return t.order
}

// sameMeta compares the metadata that can change what an object means.
func sameMeta(a, b metav1.Object) bool {
	return a.GetUID() == b.GetUID() &&
		a.GetGeneration() == b.GetGeneration() &&
		a.GetDeletionTimestamp().Equal(b.GetDeletionTimestamp()) &&
		maps.Equal(a.GetLabels(), b.GetLabels()) &&
		maps.Equal(a.GetAnnotations(), b.GetAnnotations())
}

// compareLoadOrder orders objects by CompareLoadOrder.
func compareLoadOrder(a, b metav1.Object) int {
	return CompareLoadOrder(a.GetNamespace(), a.GetName(), b.GetNamespace(), b.GetName())
}

// CompareLoadOrder orders objects of one kind as the strings "name.namespace" do. Emissary sorts its resources by that
// key, and "the first one wins" rules depend on it.
func CompareLoadOrder(aNamespace, aName, bNamespace, bName string) int {
	shared := min(len(aName), len(bName))
	if c := strings.Compare(aName[:shared], bName[:shared]); c != 0 {
		return c
	}
	if len(aName) == len(bName) {
		return strings.Compare(aNamespace, bNamespace)
	}
	return strings.Compare(aName[shared:]+"."+aNamespace, bName[shared:]+"."+bNamespace)
}
