package compile

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// TestResolverObjectsReplaceBuiltIns has objects under the names of built-in resolvers.
func TestResolverObjectsReplaceBuiltIns(t *testing.T) {
	t.Parallel()
	const service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: default}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n"
	object := func(kind, name string) string {
		return "---\napiVersion: getambassador.io/v3alpha1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: default}\nspec: {}\n"
	}
	tests := map[string]struct {
		objects, resolver string
		endpoints         bool
	}{
		"default":                     {"", "kubernetes-service", false},
		"built in":                    {"", "endpoint", true},
		"default by endpoints":        {object("KubernetesEndpointResolver", "kubernetes-service"), "kubernetes-service", true},
		"by Service":                  {object("KubernetesServiceResolver", "endpoint"), "endpoint", false},
		"other name goes along":       {object("KubernetesServiceResolver", "endpoint"), "kubernetes-endpoint", false},
		"other name is another's own": {object("KubernetesServiceResolver", "endpoint") + object("KubernetesEndpointResolver", "kubernetes-endpoint"), "kubernetes-endpoint", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, base+service+test.objects+mappingYAML("a", "{hostname: '*', prefix: /, service: s, resolver: "+test.resolver+"}"))
			if got := Compile(objects, options).Clusters[0].GetType() == clusterv3.Cluster_EDS; got != test.endpoints {
				t.Errorf("by endpoints: %v, want %v", got, test.endpoints)
			}
		})
	}
}
