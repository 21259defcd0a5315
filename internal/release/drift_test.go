package release

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestCompare compares what a manifest says with what a server answers.
func TestCompare(t *testing.T) {
	t.Parallel()
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, creationTimestamp: null}\nspec: "
	for name, test := range map[string]struct {
		want, have string
		drift      []string
	}{
		"defaults of the server": {
			want: deployment + "{replicas: 2, template: {spec: {containers: [{name: a, image: x}]}}}",
			have: deployment + "{replicas: 2, strategy: {type: RollingUpdate}, template: {spec: {dnsPolicy: ClusterFirst, containers: [{name: a, image: x, imagePullPolicy: Always}]}}}",
		},
		"quantities": {
			want: deployment + "{template: {spec: {containers: [{name: a, resources: {limits: {cpu: 1000m, memory: 1024Mi}}}]}}}",
			have: deployment + "{template: {spec: {containers: [{name: a, resources: {limits: {cpu: '1', memory: 1Gi}}}]}}}",
		},
		"empty values": {
			want: deployment + "{paused: false, minReadySeconds: 0, template: {metadata: {annotations: {}}, spec: {nodeSelector: {}, tolerations: [], priorityClassName: ''}}}",
			have: deployment + "{template: {spec: {}}}",
		},
		"scaled": {
			want:  deployment + "{replicas: 2}",
			have:  deployment + "{replicas: 3}",
			drift: []string{"spec.replicas: 3, want 2"},
		},
		"another order, one more": {
			want: deployment + "{template: {spec: {containers: [{name: a, env: [{name: A, value: a}, {name: B, value: b}]}]}}}",
			have: deployment + "{template: {spec: {containers: [{name: sidecar}, {name: a, env: [{name: B, value: b}, {name: C, value: c}, {name: A, value: a}]}]}}}",
		},
		"elements by name": {
			want:  deployment + "{template: {spec: {containers: [{name: a, image: x, env: [{name: A, value: a}, {name: B, value: b}]}]}}}",
			have:  deployment + "{template: {spec: {containers: [{name: a, image: z, env: [{name: A, value: z}]}]}}}",
			drift: []string{`spec.template.spec.containers[a].env[A].value: "z", want "a"`, `spec.template.spec.containers[a].env[B]: missing, want {"name":"B","value":"b"}`, `spec.template.spec.containers[a].image: "z", want "x"`},
		},
		"a list of scalars": {
			want:  deployment + "{template: {spec: {containers: [{name: a, args: [a, b]}]}}}",
			have:  deployment + "{template: {spec: {containers: [{name: a, args: [a]}]}}}",
			drift: []string{`spec.template.spec.containers[a].args: ["a"], want ["a","b"]`},
		},
		"a list without names": {
			want:  "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}, {apiGroups: [''], resources: [secrets], verbs: [get]}]",
			have:  "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}, {apiGroups: [''], resources: [secrets], verbs: [get, list]}]",
			drift: []string{`rules[1].verbs: ["get","list"], want ["get"]`},
		},
		"an aggregated ClusterRole": {
			want: "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\naggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\nrules: []",
			have: "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\naggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}]",
		},
		"the label that Helm sets": {
			want: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, labels: {app.kubernetes.io/managed-by: getambassador.io, a: b}}",
			have: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, labels: {app.kubernetes.io/managed-by: Helm, a: b}}",
		},
		"labels": {
			want:  deployment + "{}\n",
			have:  strings.Replace(deployment, "name: a", "name: a, labels: {added: by-someone}", 1) + "{}",
			drift: nil,
		},
		"switched on": {
			want:  deployment + "{paused: false}",
			have:  deployment + "{paused: true}",
			drift: []string{"spec.paused: true, want false"},
		},
		"text of a Secret": {
			want:  "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: hello}\ndata: {b: Yg==}",
			have:  "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: Opaque\ndata: {a: aGVsbG8=, b: Yw==}",
			drift: []string{`data.b: "Yw==", want "Yg=="`},
		},
		"a kind that only the server knows": {
			want:  "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: a}\nspec: {prefix: /a/, service: a, timeout_ms: 3000}",
			have:  "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: a}\nspec: {prefix: /b/, service: a, timeout_ms: 3000, ambassador_id: [default]}\nstatus: {}",
			drift: []string{`spec.prefix: "/b/", want "/a/"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := asStored(&unstructured.Unstructured{Object: decode(t, test.want)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range compare(nil, want, decode(t, test.have)) {
				d.Object = "X"
				got = append(got, strings.TrimPrefix(d.String(), "X "))
			}
			if diff := cmp.Diff(test.drift, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDriftString(t *testing.T) {
	t.Parallel()
	for want, drift := range map[string]Drift{
		"Service/edge: missing":                           {Object: "Service/edge"},
		"Secret/edge data.key: changed":                   {Object: "Secret/edge", Path: []string{"data", "key"}},
		"Deployment/edge spec.replicas: 3, want 2":        {Object: "Deployment/edge", Path: []string{"spec", "replicas"}, Have: "3", Want: "2"},
		"A/b c: 1, want " + strings.Repeat("x", 60) + "…": {Object: "A/b", Path: []string{"c"}, Have: "1", Want: strings.Repeat("x", 100)},
	} {
		if got := drift.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}
