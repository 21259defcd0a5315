package kube

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
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
