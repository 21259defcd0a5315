package kustomization

import (
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/internal/kube"
)

// Records are what is known of the objects in the cluster, by their IDs. They are
// kept between runs, hold no secret, and are all that is needed to delete the
// objects.
type Records map[string]Record

// Made are the records of the objects that the apply has made, without those that
// were there before. Only an Outcome's records know.
func (r Records) Made() Records {
	made := maps.Clone(r)
	maps.DeleteFunc(made, func(_ string, record Record) bool { return !record.made })
	return made
}

// Record is what is known of one object.
type Record struct {
	// Manifest is what was applied, condensed.
	Manifest map[string]any `json:"manifest"`
	// Hidden objects are as secret as Secrets.
	Hidden bool `json:"hidden,omitempty"`
	// Fields are the values that the fields had right after that, by their paths
	// as managedFields spell them: the API server may write them in another way.
	Fields map[string]string `json:"fields,omitempty"`
	// Drift are the values that some of them have now; none for those that are
	// not there any more.
	Drift map[string]string `json:"drift,omitempty"`
	// NotReady is why the object is not ready or not served although it was
	// applied.
	NotReady string `json:"not_ready,omitempty"`

	generation int64 // of the object as it was applied
	made       bool  // and not found, by whoever applied it
}

// What Summary says of objects that are not what they should be.
const (
	// Drifted objects have fields that others have changed.
	Drifted = "drifted"
	// NotReady objects were applied, and the wait for them failed.
	NotReady = "not ready"
)

// none stands for a value that is not there.
const none = "(none)"

// Summary is a digest of the manifest, or what is wrong with the object.
func (r Record) Summary() string {
	switch {
	case len(r.Drift) > 0:
		return Drifted
	case r.NotReady != "":
		return NotReady
	}
	return hash(r.Manifest)
}

func (r Record) object() Object {
	return Object{&unstructured.Unstructured{Object: r.Manifest}, r.Hidden}
}

// Summary is that of an object that is as it should be.
func (o Object) Summary() string { return hash(condense(o)) }

// recordOf is the record of an object that was just applied.
func recordOf(o Object, applied *unstructured.Unstructured, manager string) (Record, error) {
	fields, err := fieldsOf(Object{applied, o.hidden}, manager)
	return Record{
		Manifest: condense(o), Hidden: o.hidden, Fields: fields,
		generation: applied.GetGeneration(), made: kube.MadeBy(applied, manager),
	}, err
}

// fieldsOf are the values of the fields that a manager has applied, or of all
// when it is empty, as they may be kept.
func fieldsOf(live Object, manager string) (map[string]string, error) {
	leaves, err := kube.Leaves(live.Unstructured, manager)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, len(leaves))
	schemas := schemasOf(live)
	for path, value := range leaves {
		if schema := prefixOf(path, schemas); schema != "" {
			fields[schema] = schemas[schema]
			continue
		}
		if live.IsSecret() {
			fields[path] = hash([]any{live.ID(), path, value})
			continue
		}
		fields[path] = inShort(value)
	}
	return fields, nil
}

// schemasOf are hashes of the schemas of a CRD, which have thousands of fields,
// by the paths at which they are.
func schemasOf(o Object) map[string]string {
	if !o.is(crdKind) {
		return nil
	}
	schemas := map[string]string{}
	versions, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	for _, version := range versions {
		if fields, ok := version.(map[string]any); ok {
			schemas[fmt.Sprintf(".spec.versions[name=%q].schema", fields["name"])] = hash(fields["schema"])
		}
	}
	return schemas
}

func prefixOf(path string, prefixes map[string]string) string {
	for prefix := range prefixes {
		if strings.HasPrefix(path, prefix) {
			return prefix
		}
	}
	return ""
}

// owned reports whether a field, as managedFields spell it, was applied before.
func (r Record) owned(field string) bool {
	if _, ok := r.Fields[field]; ok {
		return true
	}
	return r.object().is(crdKind) && prefixOf(field, r.Fields) != ""
}

// compare is the record with what others have changed in the object since.
func (r Record) compare(live *unstructured.Unstructured) (Record, error) {
	now, err := fieldsOf(Object{live, r.Hidden}, "")
	if err != nil {
		return r, err
	}
	r.Drift = nil
	for path, before := range r.Fields {
		value, there := now[path]
		if there && value == before {
			continue
		}
		if !there {
			value = none
		}
		if r.Drift == nil {
			r.Drift = map[string]string{}
		}
		r.Drift[path] = value
	}
	return r, nil
}

// prior is what kube.Apply is to know of the last apply.
func (r Record) prior() map[string]any {
	if r.Manifest == nil || r.object().is(crdKind) {
		return nil // A CRD's fields are dropped only by its owner.
	}
	return runtime.DeepCopyJSON(r.Manifest)
}
