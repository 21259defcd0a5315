package kustomization

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) Object {
	t.Helper()
	o, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, labels: {app: cart}}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - {name: cart, image: "cart:1", args: [a, b]}
      - {name: proxy, image: "proxy:1"}
`

// TestChanges tells the fields that differ, with lists by name where they have
// names, up to a number of them.
func TestChanges(t *testing.T) {
	t.Parallel()
	known := Record{Manifest: condense(parse(t, deployment)), Fields: map[string]string{".spec.replicas": "2"}}
	for name, test := range map[string]struct {
		record func(Record) Record
		wanted func(string) string
		want   []string
	}{
		"nothing": {wanted: func(s string) string { return s }},
		"fields": {
			wanted: func(s string) string {
				return strings.NewReplacer("cart:1", "cart:2", "b]", "c, d]", "replicas: 2", "paused: true").Replace(s)
			},
			want: []string{
				`spec.paused: (none) -> true`,
				`spec.replicas: 2 -> (none)`,
				`spec.template.spec.containers[cart].args[1]: "b" -> "c"`,
				`spec.template.spec.containers[cart].args[2]: (none) -> "d"`,
				`spec.template.spec.containers[cart].image: "cart:1" -> "cart:2"`,
			},
		},
		"drift": {
			record: func(r Record) Record { r.Drift = map[string]string{".spec.replicas": "5"}; return r },
			wanted: func(s string) string { return s },
			want:   []string{"spec.replicas: 5 -> 2"},
		},
		"not ready": {
			record: func(r Record) Record { r.NotReady = "1 of 2 pods are available"; return r },
			wanted: func(s string) string { return s },
			want:   []string{"not ready: 1 of 2 pods are available"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := known
			if test.record != nil {
				record = test.record(record)
			}
			o := parse(t, test.wanted(deployment))
			want := map[string][]string{}
			if test.want != nil {
				want[o.ID()] = test.want
			}
			if diff := cmp.Diff(want, Changes(Records{o.ID(): record}, []Object{o})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangesAreCut(t *testing.T) {
	t.Parallel()
	before := parse(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
	after := before.DeepCopy()
	data := map[string]any{}
	for _, key := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		data[key] = key
	}
	after.Object["data"] = data
	lines := Changes(Records{before.ID(): {Manifest: condense(before)}}, []Object{{Unstructured: after}})[before.ID()]
	if len(lines) != mostChanges+1 || lines[mostChanges] != "and 6 more fields" {
		t.Errorf("got %d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

// TestCondense keeps no secret and nothing large, and still tells changes apart.
func TestCondense(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after string
		hidden        []string
	}{
		"secret": {
			before: "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  annotations: {kubectl.kubernetes.io/last-applied-configuration: hunter2}\nstringData: {password: correct-horse}\n",
			after:  "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  annotations: {kubectl.kubernetes.io/last-applied-configuration: hunter2}\nstringData: {password: other}\n",
			hidden: []string{"correct-horse", "Y29ycmVjdC1ob3JzZQ==", "hunter2", "b3RoZXI="},
		},
		"hidden": {
			before: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {password: correct-horse}\n",
			after:  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {password: battery-staple}\n",
			hidden: []string{"correct-horse", "battery-staple"},
		},
		"long text": {
			before: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: " + strings.Repeat("x", 300) + "}\n",
			after:  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: " + strings.Repeat("y", 300) + "}\n",
			hidden: []string{"xxx", "yyy"},
		},
		"schema": {
			before: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {versions: [{name: v1, schema: {openAPIV3Schema: {type: object}}}]}\n",
			after:  "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {versions: [{name: v1, schema: {openAPIV3Schema: {type: array}}}]}\n",
			hidden: []string{"openAPIV3Schema"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := parse(t, test.before), parse(t, test.after)
			before.hidden, after.hidden = name == "hidden", name == "hidden"
			record := Record{Manifest: condense(before)}
			lines := Changes(Records{before.ID(): record}, []Object{after})[before.ID()]
			if len(lines) != 1 || !strings.Contains(lines[0], "sha256:") {
				t.Errorf("the change is told as %q", lines)
			}
			text, err := yaml.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			for _, hidden := range test.hidden {
				if strings.Contains(string(text)+strings.Join(lines, ""), hidden) {
					t.Errorf("%q is in the record or in its changes:\n%s\n%s", hidden, text, lines)
				}
			}
			if before.Summary() != record.Summary() || before.Summary() == after.Summary() {
				t.Errorf("the summaries are %s, %s and %s", before.Summary(), record.Summary(), after.Summary())
			}
		})
	}
}

// TestCompare sees what others have changed in our fields, through lists too, and
// neither what they add nor how the API server writes a value.
func TestCompare(t *testing.T) {
	t.Parallel()
	const live = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - {name: cart, image: "cart:1", resources: {requests: {cpu: "1"}}}
`
	const ours = `{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"cart\"}":{".":{},"f:name":{},"f:image":{},"f:resources":{"f:requests":{"f:cpu":{}}}}}}}}}`
	applied := parse(t, live)
	applied.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "us", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(ours)}})
	record, err := recordOf(parse(t, deployment), applied.Unstructured, "us")
	if err != nil {
		t.Fatal(err)
	}
	if content, err := json.Marshal(record); err != nil || json.Unmarshal(content, &record) != nil {
		t.Fatalf("the record does not survive JSON: %v", err)
	}
	for name, test := range map[string]struct {
		change func(string) string
		want   map[string]string
	}{
		"nothing": {change: func(s string) string { return s }},
		"changed": {
			change: strings.NewReplacer("replicas: 2", "replicas: 5", "cart:1", "cart:9").Replace,
			want:   map[string]string{".spec.replicas": "5", `.spec.template.spec.containers[name="cart"].image`: `"cart:9"`},
		},
		"removed": {
			change: func(s string) string { return strings.Replace(s, "replicas: 2", "paused: true", 1) },
			want:   map[string]string{".spec.replicas": none},
		},
		"another container in front": {
			change: func(s string) string {
				return strings.Replace(s, "containers:", "containers:\n      - {name: injected, image: \"injected:1\"}", 1)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := parse(t, test.change(live))
			now.SetManagedFields(applied.GetManagedFields())
			got, err := record.compare(now.Unstructured)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Drift); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if drifted := got.Summary() == Drifted; drifted != (len(test.want) > 0) {
				t.Errorf("the summary is %s", got.Summary())
			}
		})
	}
}
