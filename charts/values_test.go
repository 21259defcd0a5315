package charts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/test/upstream"
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

// TestUpstreamValues: all values of Emissary's own chart are taken as they are: its
// defaults as a whole, and those it is tested and deployed with.
func TestUpstreamValues(t *testing.T) {
	t.Parallel()
	for _, r := range []*upstream.Release{upstream.WithAgent, upstream.Newest} {
		t.Run(r.Version, func(t *testing.T) {
			t.Parallel()
			chart := r.ChartDir(t)
			defaults := readValues(t, filepath.Join(chart, "values.yaml"))
			rendered, err := render(charts.Ingress, defaults)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"docker.io/emissaryingress/emissary:" + r.Version, "replicas: 3"} {
				if !strings.Contains(rendered.Manifest, want) {
					t.Errorf("the manifest has no %q", want)
				}
			}
			checkObjects(t, rendered)
			files, err := filepath.Glob(filepath.Join(chart, "ci.in", "*.yaml"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%d files of values: %v", len(files), err)
			}
			deployed, err := filepath.Glob(filepath.Join(r.Source(t), "k8s-config", "emissary-*", "values.yaml"))
			if err != nil || len(deployed) == 0 {
				t.Fatalf("%d files of values: %v", len(deployed), err)
			}
			for _, file := range append(files, deployed...) {
				if filepath.Base(file) == "16-test-module.yaml" {
					continue // Its indentation is wrong: no YAML.
				}
				values := readValues(t, file)
				for name, all := range map[string]map[string]any{"by themselves": values, "with the defaults": chartutil.MergeTables(values, defaults)} {
					rendered, err := render(charts.Ingress, all)
					if err != nil {
						t.Errorf("%s %s: %v", file, name, err)
						continue
					}
					checkObjects(t, rendered)
				}
			}
		})
	}
}

// TestUpstreamKeys: every value that the templates of Emissary's own chart read is
// one of this chart, also where Emissary has no default for it, and where Emissary's
// chart can do without its default, so can this one: null takes it away.
func TestUpstreamKeys(t *testing.T) {
	t.Parallel()
	theirs, err := loader.Load(upstream.Newest.ChartDir(t))
	if err != nil {
		t.Fatal(err)
	}
	read := regexp.MustCompile(`\.Values((?:\.\w+)+)`)
	keys := map[string]bool{}
	for _, template := range theirs.Templates {
		for _, match := range read.FindAllSubmatch(template.Data, -1) {
			keys[string(match[1])] = true
		}
	}
	delete(keys, ".service.port") // A mistake in its notes: there are only service.ports.
	if len(keys) < 100 {
		t.Fatalf("it reads only %d values", len(keys))
	}
	for key := range keys {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			path := strings.Split(key, ".")[1:]
			without := func() map[string]any {
				var values any
				for _, name := range slices.Backward(path) {
					values = map[string]any{name: values}
				}
				return values.(map[string]any)
			}
			if _, err := renderChart("v1.36.0", theirs, without()); err != nil {
				return
			}
			if _, err := render(charts.Ingress, without()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPublishedValues renders with the values of version 4 of Emissary's chart, and
// of a published installation, as users would pass them.
func TestPublishedValues(t *testing.T) {
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
