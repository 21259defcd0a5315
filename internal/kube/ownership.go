package kube

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	smdvalue "sigs.k8s.io/structured-merge-diff/v6/value"
)

// Ownership is the part of an object that one field manager owns through
// server-side apply. The zero value owns nothing.
type Ownership struct {
	all  bool
	self bool
	set  *fieldpath.Set
}

// OwnedBy reads from the object's managedFields what the manager has applied.
func OwnedBy(object *unstructured.Unstructured, manager string) (Ownership, error) {
	for _, entry := range object.GetManagedFields() {
		if entry.Manager != manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return Ownership{}, fmt.Errorf("managedFields of %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
		}
		return Ownership{set: set}, nil
	}
	return Ownership{}, nil
}

// Child is the ownership below a field or map key. A field that is owned
// without any of its children (a scalar, a list, an atomic object) is owned
// whole.
func (o Ownership) Child(name string) Ownership {
	if o.all || o.set == nil {
		return Ownership{all: o.all}
	}
	element := fieldpath.PathElement{FieldName: &name}
	below := o.set.WithPrefix(element)
	self := o.set.Members.Has(element)
	if below.Empty() {
		return Ownership{all: self}
	}
	return Ownership{self: self, set: below}
}

// Any reports whether anything at or below this place is owned.
func (o Ownership) Any() bool { return o.all || o.self || o.set != nil && !o.set.Empty() }

// Leaves are the values of an object's fields, by their paths as managedFields
// spell them: `.spec.template.spec.containers[name="quote"].image`. They are
// those that the manager has applied, or, for an empty manager, those that any
// manager has set.
func Leaves(object *unstructured.Unstructured, manager string) (map[string]any, error) {
	leaves := map[string]any{}
	for _, entry := range object.GetManagedFields() {
		applied := entry.Manager == manager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
		if entry.FieldsV1 == nil || manager != "" && !applied {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, fmt.Errorf("managedFields of %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
		}
		set.Leaves().Iterate(func(path fieldpath.Path) {
			if value, ok := at(object.Object, path); ok {
				leaves[path.String()] = value
			}
		})
	}
	return leaves, nil
}

// madeWithin is how long after its creation an object's first fields may be noted:
// both times are in whole seconds, and taken one after the other.
const madeWithin = time.Second

// MadeBy reports whether the manager's server-side apply has created the object,
// and did not find it there.
func MadeBy(object *unstructured.Unstructured, manager string) bool {
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == manager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" && entry.Time != nil {
			return entry.Time.Sub(object.GetCreationTimestamp().Time) <= madeWithin
		}
	}
	return false
}

// at follows a path through a value.
func at(value any, path fieldpath.Path) (any, bool) {
	for _, step := range path {
		var found bool
		switch {
		case step.FieldName != nil:
			var fields map[string]any
			if fields, found = value.(map[string]any); found {
				value, found = fields[*step.FieldName]
			}
		default:
			list, _ := value.([]any)
			i := slices.IndexFunc(list, func(element any) bool { return matches(element, step) })
			if found = i >= 0; found {
				value = list[i]
			}
		}
		if !found {
			return nil, false
		}
	}
	return value, true
}

// matches reports whether an element of a list is the one that a step names, by
// its keys or by its value.
func matches(element any, step fieldpath.PathElement) bool {
	if step.Value != nil {
		return smdvalue.Equals(smdvalue.NewValueInterface(element), *step.Value)
	}
	fields, ok := element.(map[string]any)
	if !ok || step.Key == nil {
		return false
	}
	for _, key := range *step.Key {
		if !smdvalue.Equals(smdvalue.NewValueInterface(fields[key.Name]), key.Value) {
			return false
		}
	}
	return true
}
