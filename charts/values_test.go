package charts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/charts"
)

// TestBadValues: values that mean nothing are refused in words.
func TestBadValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		chart, values, err string
	}{
		"environment as a map":     {charts.Ingress, "envRaw: {A: b}", "envRaw must be a list, or text holding one"},
		"environment as one entry": {charts.Ingress, "envRaw: 'name: A'", "envRaw must be a list of objects"},
		"wrong indent":             {charts.Ingress, "envRaw: \"- name: A\\n value: b\"", "envRaw must be a list of objects"},
		"volumes as text":          {charts.Ingress, "volumesRaw: 'x'", "volumesRaw must be a list of objects"},
		"ports":                    {charts.Ingress, "service: {portsRaw: '2222'}", "service.portsRaw must be a list of objects"},
		"static configuration":     {charts.Ingress, "ambassadorConfig: '---'", "put its resources into the chart emissary-config"},
		"host without a name":      {charts.Config, "hosts: [{spec: {hostname: a}}]", "at '/hosts/0': missing property 'name'"},
		"mapping that is text":     {charts.Config, "mappings: [a]", "at '/mappings/0': got string, want object"},
		"unknown key":              {charts.Ingress, "service: {prots: []}", "at '/service': additional properties 'prots' not allowed"},
		"text that is no boolean":  {charts.Ingress, "hostNetwork: 'false'", "at '/hostNetwork': got string, want null or boolean"},
		"definitions":              {charts.CRDs, "crds: {kept: true}", "at '/crds': additional properties 'kept' not allowed"},
		"two mappings of a name":   {charts.Config, "mappings: [{name: a, spec: {}}, {name: a, spec: {}}]", `mappings[1]: the name "a" is there twice`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(test.values), &values); err != nil {
				t.Fatal(err)
			}
			if _, err := render(test.chart, values); err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

// TestGoodValues: what is not in values.yaml, and yet is taken.
func TestGoodValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ chart, values string }{
		"numbers as text":     {charts.Ingress, "replicaCount: '2'\nadminService: {port: '8877'}"},
		"a tag like a number": {charts.Ingress, "image: {tag: 1.25}"},
		"keys of other charts": {charts.Ingress, "agent: {enabled: false}\nwaitForApiext: {enabled: true}\nprometheusExporter: {enabled: false}\ndocker: {}\n" +
			"security: {podSecurityPolicy: {}}\nrbac: {podSecurityPolicies: []}\nprogressDeadlines: {agent: 600}\nsecurityContext: {runAsUser: 9}"},
		"part of another chart": {charts.Ingress, "enabled: true\nglobal: {storageClass: fast}"},
		"module configuration":  {charts.Ingress, "module: {keepalive: {time: 100}, cluster_request_timeout_ms: 120000}"},
		"defaults taken away":   {charts.Ingress, "nameOverride: null\nresources: null\nlivenessProbe: null\nservice: {loadBalancerSourceRanges: null, sessionAffinityConfig: null}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(test.values), &values); err != nil {
				t.Fatal(err)
			}
			rendered, err := render(test.chart, values)
			if err != nil {
				t.Fatal(err)
			}
			checkObjects(t, rendered)
		})
	}
}

// TestUpstreamValues renders with the whole of Emissary's own default values, and
// with the values of a published installation, as users would pass them.
func TestUpstreamValues(t *testing.T) {
	t.Parallel()
	const data = "../../shared/data"
	if _, err := os.Stat(data); err != nil {
		t.Skipf("the published values files are not beside this checkout: %v", err)
	}
	placeholder := regexp.MustCompile(`@\w+@|\$\{\w+\}`)
	locals := map[string]string{
		"${ambassadorID}": "ambassador", "${loadBalancerIP}": "192.0.2.10", "${replicaCount}": "2", "${minReplicas}": "2", "${maxReplicas}": "3",
		"${canaryEnabled}": "false", "${logLevel}": "error", "${endpointEnable}": "true", "${endpointName}": "my-resolver",
		"${diagnosticsEnable}": "false", "${clusterRequestTimeout}": "120000", "${listenersEnabled}": "true",
		"@imageRepo@": "docker.io/emissaryingress/emissary", "@version@": "3.2.0",
	}
	for name, test := range map[string]struct {
		chart, file string
		want        []string
	}{
		"chart 8.2.0":         {charts.Ingress, "upstream/emissary-ingress-8.2.0-values.yaml", []string{"image: docker.io/emissaryingress/emissary:3.2.0", "replicas: 3"}},
		"chart 4.1.0":         {charts.Ingress, "upstream/emissary-ingress-4.1.0-values.yaml", []string{"image: ghcr.io/emissary-ingress/emissary:0.1.0", "replicas: 3"}},
		"installed ingress":   {charts.Ingress, "seed-config/terraform_helm_install/common/helm/yamls/emissary-ingress-template.yaml", []string{"maxReplicas: 3", "name: my-resolver", "cluster_request_timeout_ms: 120000", "fieldPath: status.hostIP", `loadBalancerIP: "192.0.2.10"`}},
		"installed listeners": {charts.Config, "seed-config/terraform_helm_install/common/helm/yamls/emissary-listeners-template.yaml", []string{"port: 8080", "port: 8443", "- ambassador"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(data, test.file))
			if err != nil {
				t.Fatal(err)
			}
			filled := placeholder.ReplaceAllStringFunc(string(text), func(name string) string { return locals[name] })
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(filled), &values); err != nil {
				t.Fatal(err)
			}
			rendered, err := render(test.chart, values)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(strings.ReplaceAll(rendered.Manifest, `image: "`, "image: "), want) {
					t.Errorf("the manifest has no %q", want)
				}
			}
			checkObjects(t, rendered)
		})
	}
}

// TestLeastPrivilege: the controller may write nothing but status, events and
// its Lease, and a namespaced install has nothing that belongs to the cluster.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	for name, namespaced := range map[string]bool{"cluster": false, "namespaced": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := render(charts.Ingress, map[string]any{"scope": map[string]any{"singleNamespace": namespaced}})
			if err != nil {
				t.Fatal(err)
			}
			var rules []rbacv1.PolicyRule
			for _, object := range objects(t, rendered) {
				if namespaced && object.GetNamespace() == "" {
					t.Errorf("%s %s belongs to the whole cluster", object.GetKind(), object.GetName())
				}
				if kind := object.GetKind(); kind == "Role" || kind == "ClusterRole" {
					rules = append(rules, rulesOf(t, object)...)
				}
			}
			if len(rules) == 0 {
				t.Fatal("no rules")
			}
			writable := []string{"*/status", "ingresses/status", "events", "leases"}
			for _, rule := range rules {
				for _, verb := range rule.Verbs {
					reads := slices.Contains([]string{"get", "list", "watch"}, verb)
					for _, resource := range rule.Resources {
						if !reads && !slices.Contains(writable, resource) || verb == "*" || verb == "delete" {
							t.Errorf("the controller may %s %s", verb, resource)
						}
					}
				}
				if slices.Contains(rule.APIGroups, "*") || slices.Contains(rule.Resources, "*") && rule.APIGroups[0] != "getambassador.io" {
					t.Errorf("the rule %v is too wide", rule)
				}
			}
		})
	}
}

func rulesOf(t *testing.T, object *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	var role rbacv1.ClusterRole
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
		t.Fatal(err)
	}
	return role.Rules
}
