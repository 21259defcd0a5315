package annotation_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/annotation"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

func service(config string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "cart", Generation: 3, Labels: map[string]string{"app": "cart"},
		Annotations: map[string]string{annotation.Key: config},
	}}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	objects, problems := annotation.Objects(service(`
---
apiVersion: ambassador/v1
kind: Mapping
name: flat
prefix: /flat/
service: cart
tls: true
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: formed, namespace: other, labels: {own: label}}
spec: {hostname: a.example, prefix: /formed/, service: cart}
---
apiVersion: getambassador.io/v2
kind: Mapping
name: labelled
metadata_labels: {own: label}
labels: {ambassador: [{g: [cart]}]}
prefix: /labelled/
service: cart
`))
	if len(problems) > 0 || len(objects) != 3 {
		t.Fatalf("%d objects, problems %v", len(objects), problems)
	}
	mappings := make([]*v3alpha1.Mapping, 3)
	for i, object := range objects {
		if object.Err != nil || len(object.Unknown) > 0 {
			t.Fatalf("%s: %v, unknown %v", object.Ref, object.Err, object.Unknown)
		}
		mappings[i] = object.Object.(*v3alpha1.Mapping)
		if mappings[i].Generation != 3 {
			t.Errorf("%s: generation = %d, want the parent's", object.Ref, mappings[i].Generation)
		}
	}
	flat, formed, labelled := mappings[0], mappings[1], mappings[2]
	if want := (store.Ref{Kind: "Mapping", Namespace: "shop", Name: "flat"}); objects[0].Ref != want || flat.Labels["app"] != "cart" {
		t.Errorf("flat = %v with labels %v: namespace and labels are the parent's", objects[0].Ref, flat.Labels)
	}
	if flat.Spec.Service != "https://cart" || flat.Spec.Hostname != "*" {
		t.Errorf("flat was not converted: %+v", flat.Spec)
	}
	if formed.Namespace != "other" || formed.Labels["own"] != "label" || formed.Labels["app"] != "" {
		t.Errorf("formed = %+v: what it says itself counts", formed.ObjectMeta)
	}
	if labelled.Labels["own"] != "label" || labelled.Spec.Labels["ambassador"][0]["g"][0].GenericKey.Value != "cart" {
		t.Errorf("labelled = %+v", labelled)
	}
	if objects[2].Source != "getambassador.io/config, document 3" {
		t.Errorf("source = %q", objects[2].Source)
	}
}

func TestObjectsFlattenedInPart(t *testing.T) {
	t.Parallel()
	objects, problems := annotation.Objects(service(`
apiVersion: getambassador.io/v3alpha1
kind: Mapping
name: named
spec: {hostname: a.example, prefix: /named/, service: cart}
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: formed}
prefix: /formed/
service: cart
`))
	if len(problems) > 0 || len(objects) != 2 {
		t.Fatalf("%d objects, problems %v", len(objects), problems)
	}
	for i, name := range []string{"named", "formed"} {
		object := objects[i]
		if object.Err != nil || len(object.Unknown) > 0 {
			t.Fatalf("%s: %v, unknown %v", object.Ref, object.Err, object.Unknown)
		}
		if mapping := object.Object.(*v3alpha1.Mapping); mapping.Name != name || mapping.Spec.Prefix != "/"+name+"/" || mapping.Spec.Service != "cart" {
			t.Errorf("%s = %+v", name, mapping)
		}
	}
}

func TestObjectsBadDocumentCostsOnlyItself(t *testing.T) {
	t.Parallel()
	const good = "\n---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: good\nprefix: /\nservice: s\n"
	tests := map[string]struct {
		bad string
		// unreadable: no object comes of it. Otherwise the object says what is wrong.
		unreadable bool
		want       []string
	}{
		"not YAML":        {"a: [", true, []string{"document 1", "YAML"}},
		"no object":       {"- 1", true, []string{"document 1", "YAML object"}},
		"other API":       {"apiVersion: v1\nkind: Service\nname: s", true, []string{"apiVersion", `"v1"`, "getambassador.io/v3alpha1"}},
		"unknown version": {"apiVersion: ambassador/v0\nkind: Mapping\nname: s", true, []string{"ambassador/v0"}},
		"no name":         {"apiVersion: ambassador/v1\nkind: Mapping\nprefix: /", true, []string{"metadata.name"}},
		"metadata":        {"apiVersion: ambassador/v1\nkind: Mapping\nmetadata: x", true, []string{"metadata"}},
		"unknown kind":    {"apiVersion: ambassador/v1\nkind: Maping\nname: bad", false, []string{"Maping", "Mapping"}},
		"not convertible": {"apiVersion: ambassador/v1\nkind: Mapping\nname: bad\nprefix: /\nservice: s\ntls: 5", false, []string{"spec.tls", "5"}},
		"not valid":       {"apiVersion: ambassador/v1\nkind: Mapping\nname: bad\nservice: s", false, []string{"spec.prefix", "Required"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, problems := annotation.Objects(service(test.bad + good))
			last := len(objects) - 1
			if last < 0 || objects[last].Err != nil || objects[last].Ref.Name != "good" {
				t.Fatalf("the good document was harmed: %+v, %v", objects, problems)
			}
			var err error
			switch {
			case test.unreadable && len(problems) == 1 && len(objects) == 1:
				err = problems[0]
			case !test.unreadable && len(problems) == 0 && len(objects) == 2:
				err = objects[0].Err
			}
			if err == nil {
				t.Fatalf("objects %+v, problems %v", objects, problems)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestObjectsWithoutAnnotation(t *testing.T) {
	t.Parallel()
	if objects, problems := annotation.Objects(&corev1.Service{}); len(objects)+len(problems) > 0 {
		t.Errorf("objects %v, problems %v", objects, problems)
	}
}

// FuzzObjects reads random texts as the annotation. Every object found is usable, or says why it is not.
func FuzzObjects(f *testing.F) {
	f.Add("---\napiVersion: ambassador/v1\nkind: Mapping\nname: flat\nprefix: /flat/\nservice: cart\ntls: true\n")
	f.Add("apiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h, labels: {a: b}}\nspec: {hostname: a}\n---\n")
	f.Add("apiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig: {x: 1}\nmetadata_labels: 5\nnamespace: []\n")
	f.Fuzz(func(t *testing.T, config string) {
		objects, problems := annotation.Objects(service(config))
		for _, object := range objects {
			if (object.Object == nil) == (object.Err == nil) || object.Ref.Name == "" {
				t.Errorf("an object is either usable or says why not: %+v", object)
			}
		}
		for _, problem := range problems {
			if !strings.HasPrefix(problem.Error(), annotation.Key) {
				t.Errorf("the problem does not say where it is: %v", problem)
			}
		}
	})
}
