package release_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

func TestCheckValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values     string
		incomplete bool
		want       []release.Problem
	}{
		"nothing": {},
		"misspelt": {
			values: "replicaCuont: 2",
			want:   []release.Problem{{Path: []string{"replicaCuont"}, Text: "unknown; did you mean replicaCount?"}},
		},
		"misspelt below": {
			values: "service: {type: NodePort, prots: []}",
			want:   []release.Problem{{Path: []string{"service", "prots"}, Text: "unknown; did you mean ports?"}},
		},
		"in the wrong place": {
			values: "loadBalancerClass: x",
			want:   []release.Problem{{Path: []string{"loadBalancerClass"}, Text: "unknown; did you mean service.loadBalancerClass?"}},
		},
		"unlike anything": {
			values: "scope: {banana: true}",
			want:   []release.Problem{{Path: []string{"scope", "banana"}, Text: "unknown; allowed are singleNamespace"}},
		},
		"types": {
			values: "hostNetwork: 'false'\nreplicaCount: two\nservice: {ports: {http: 80}}\nimage: [a]\nenv: {A: {b: c}}",
			want: []release.Problem{
				{Path: []string{"env", "A"}, Text: "must be text or a number or true or false", Value: `{"b":"c"}`},
				{Path: []string{"hostNetwork"}, Text: "must be true or false", Value: `"false"`},
				{Path: []string{"image"}, Text: "must be a map", Value: `["a"]`},
				{Path: []string{"replicaCount"}, Text: "must be a whole number", Value: `"two"`},
				{Path: []string{"service", "ports"}, Text: "must be a list", Value: `{"http":80}`},
			},
		},
		"allowed values": {
			values: "service: {type: Loadbalancer}",
			want:   []release.Problem{{Path: []string{"service", "type"}, Text: `must be "ClusterIP", "NodePort", "LoadBalancer"`, Value: `"Loadbalancer"`}},
		},
		"bounds": {
			values: "replicaCount: -1",
			want:   []release.Problem{{Path: []string{"replicaCount"}, Text: "minimum: got -1, want 0", Value: "-1"}},
		},
		"missing": {
			values: "service: {ports: [{name: http}]}",
			want:   []release.Problem{{Path: []string{"service", "ports", "0"}, Text: "needs port"}},
		},
		"missing, but not all is known": {values: "service: {ports: [{name: http}]}", incomplete: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, err := release.ParseValues(test.values)
			if err != nil {
				t.Fatal(err)
			}
			got, err := release.CheckValues(load(t, charts.Ingress), values, !test.incomplete)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCheckValuesOfDependencies: the schema of a chart inside a chart counts too,
// and one that cannot be used is left to Helm.
func TestCheckValuesOfDependencies(t *testing.T) {
	t.Parallel()
	parent := &chart.Chart{Metadata: &chart.Metadata{Name: "all", Version: "1.0.0"}, Schema: []byte(`{"properties": {"a": {"$ref": "https://example.com/schema.json"}}}`)}
	parent.AddDependency(load(t, charts.Ingress))
	got, err := release.CheckValues(parent, map[string]any{"a": 1, "emissary-ingress": map[string]any{"hostNetwork": 1}}, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []release.Problem{{Path: []string{"emissary-ingress", "hostNetwork"}, Text: "must be true or false", Value: "1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPathText(t *testing.T) {
	t.Parallel()
	if got, want := release.PathText([]string{"service", "ports", "0", "port"}), "service.ports[0].port"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
