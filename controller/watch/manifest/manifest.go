// Package manifest turns YAML or JSON documents into the typed objects the controller works with, the way a
// Kubernetes API server would have accepted them: defaults set, unknown fields dropped (and named), values checked
// against the schemas of the embedded custom resource definitions. Objects of getambassador.io v1 and v2 are converted.
//
// It is what stands in for the API server when configuration comes from a folder or a pipe. Each document is judged
// on its own: a bad one is described and costs nothing but itself.
package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/crds/v3alpha1"
)

// DefaultNamespace is the namespace of an object whose manifest names none, as with kubectl and Emissary.
const DefaultNamespace = "default"

// Object is one Kubernetes object found in a document.
type Object struct {
	// Ref identifies the object.
	Ref store.Ref
	// Object is the typed object, for example *v3alpha1.Mapping. It is nil when Err is set.
	Object metav1.Object
	// Err says why the object cannot be used: it would not have passed the API server.
	Err error
	// AmbassadorID are the instances the object asks for, where they can be read.
	AmbassadorID v3alpha1.AmbassadorID
	// Unknown lists fields no schema knows ("spec.prefx"). They are dropped, as an API server drops them.
	Unknown []string
	// Source is where the object was read, for messages: "hosts.yaml, document 2".
	Source string
}

// Document is one YAML document of a file.
type Document struct {
	// Source is where the document was read, for messages: "hosts.yaml, document 2".
	Source string
	// Objects are the objects it holds: one, or the items of a List; none for kinds the controller has no use for.
	Objects []Object
	// Err is set when the document cannot be read at all, so that nobody can tell which objects it holds.
	Err error
}

// Decode reads every document of a file. Name is the file's name in messages.
func Decode(name string, data []byte) []Document {
	var documents []Document
	for i, raw := range Split(data) {
		document := DecodeDocument(raw)
		document.Source = fmt.Sprintf("%s, document %d", name, i+1)
		for j := range document.Objects {
			document.Objects[j].Source = document.Source
		}
		documents = append(documents, document)
	}
	return documents
}

// Split cuts a stream into its YAML documents, leaving out those that hold nothing but white space and comments.
func Split(data []byte) [][]byte {
	var documents [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		raw, err := reader.Read()
		if !blank(raw) {
			documents = append(documents, raw)
		}
		if err != nil { // io.EOF: reading from memory has no other error
			return documents
		}
	}
}

func blank(document []byte) bool {
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSpace(line)
		if line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// DecodeDocument reads one document. The Source fields are left for the caller.
func DecodeDocument(raw []byte) Document {
	json, err := yaml.YAMLToJSONStrict(raw)
	if err != nil {
		return Document{Err: fmt.Errorf("not readable as YAML: %w", err)}
	}
	var content map[string]any
	if err := utilyaml.Unmarshal(json, &content); err != nil {
		return Document{Err: errors.New("not a Kubernetes object: a mapping with apiVersion, kind and metadata is wanted")}
	}
	var document Document
	if err := collect(content, &document.Objects); err != nil {
		document.Err = err
	}
	return document
}

// collect appends the object, or each item if it is a List, of any depth.
func collect(content map[string]any, into *[]Object) error {
	u := &unstructured.Unstructured{Object: content}
	kind := u.GetKind()
	switch {
	case kind == "" || u.GetAPIVersion() == "":
		return errors.New("not a Kubernetes object: apiVersion and kind are both needed")
	case u.IsList():
		items, _ := content["items"].([]any)
		for i, item := range items {
			object, ok := item.(map[string]any)
			if !ok {
				return fmt.Errorf("items[%d] of the %s is not an object", i, kind)
			}
			if err := collect(object, into); err != nil {
				return fmt.Errorf("items[%d]: %w", i, err)
			}
		}
		return nil
	}
	object, wanted, err := decodeObject(u)
	if wanted {
		*into = append(*into, object)
	}
	return err
}

// DecodeObject reads one object that is no List; content may be changed. An error says why it is no object at all.
// Kinds the controller has no use for give neither.
func DecodeObject(content map[string]any) (object Object, wanted bool, err error) {
	return decodeObject(&unstructured.Unstructured{Object: content})
}

func decodeObject(u *unstructured.Unstructured) (object Object, wanted bool, err error) {
	gvk := u.GroupVersionKind()
	if name, isString, _ := unstructured.NestedString(u.Object, "metadata", "name"); name == "" || !isString {
		return Object{}, false, fmt.Errorf("%s has no metadata.name", gvk.Kind)
	}
	object.AmbassadorID = AmbassadorID(u)
	gvk, err = newest(u, gvk)
	kind, known := kinds()[gvk]
	if !known {
		return unknownKind(u, gvk)
	}
	switch {
	case kind.clusterScoped:
		u.SetNamespace("")
	case u.GetNamespace() == "":
		u.SetNamespace(DefaultNamespace)
	}
	object.Ref = store.Ref{Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
	if object.Err = err; err == nil {
		object.Object, object.Unknown, object.Err = kind.decode(u)
	}
	return object, true, nil
}

// newest converts an object of an older version of this API to v3alpha1, in place. It returns the kind to decode it
// as, which is known even when its content cannot be converted.
func newest(u *unstructured.Unstructured, gvk schema.GroupVersionKind) (schema.GroupVersionKind, error) {
	if gvk.Group != convert.Group || gvk.Version == convert.Version || !convert.Known(u.GetAPIVersion()) {
		return gvk, nil
	}
	gvk.Version = convert.Version
	converted, err := convert.ToV3alpha1(u.Object)
	if err != nil {
		return gvk, oneLine(err)
	}
	u.Object = converted
	return gvk, nil
}

// oneLine joins errors the way messages of this package do.
func oneLine(err error) error { return errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// AmbassadorID reads the instances an object asks for without knowing its type: a list or, in older versions, one text.
func AmbassadorID(u *unstructured.Unstructured) v3alpha1.AmbassadorID {
	if id, isText, _ := unstructured.NestedString(u.Object, "spec", "ambassador_id"); isText && id != "" {
		return v3alpha1.AmbassadorID{id}
	}
	ids, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "ambassador_id")
	return ids
}

// unknownKind reports a kind of this API group that is misspelt or of a version that is not served; an API server
// would refuse it too. Kinds of other groups (Deployments and the like) have their place in a folder of manifests
// and are passed over.
func unknownKind(u *unstructured.Unstructured, gvk schema.GroupVersionKind) (Object, bool, error) {
	if gvk.Group != ambassadorGroup {
		return Object{}, false, nil
	}
	if u.GetNamespace() == "" {
		u.SetNamespace(DefaultNamespace)
	}
	return Object{
		Ref: store.Ref{Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()},
		Err: fmt.Errorf("%s has no kind %s; known are %s", gvk.GroupVersion(), gvk.Kind, strings.Join(ambassadorKinds(), ", ")),
	}, true, nil
}
