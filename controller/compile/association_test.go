package compile

import (
	"slices"
	"testing"
)

func TestAssociation(t *testing.T) {
	t.Parallel()
	const listener = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http, namespace: default}
spec: {port: 8080, protocol: HTTP, securityModel: SECURE, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador, namespace: default}
spec: {config: {diagnostics: {enabled: false}, liveness_probe: {enabled: false}, readiness_probe: {enabled: false}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: h, namespace: default}
`
	mapping := func(name, labels, hostname string) string {
		return "---\napiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: " + name + ", namespace: default, labels: " + labels + "}\n" +
			"spec: {prefix: /" + name + "/, service: s" + hostname + "}\n"
	}
	mappings := mapping("bare", "{}", "") +
		mapping("name", "{}", ", hostname: a.example.com") +
		mapping("glob", "{}", ", hostname: '*.example.com'") +
		mapping("other", "{}", ", hostname: b.example.com") +
		mapping("label", "{for: a, x: z}", "") +
		mapping("half", "{for: a}", "") +
		mapping("both", "{for: a, x: z}", ", hostname: a.example.com") +
		mapping("wrong", "{for: a, x: z}", ", hostname: b.example.com") +
		mapping("authority", "{}", ", headers: {':authority': a.example.com}")
	tests := map[string]struct {
		spec  string
		loose bool
		want  []string
	}{
		"hostname": {"{hostname: a.example.com}", false, []string{"authority", "both", "glob", "name"}},
		"selector": {"{hostname: a.example.com, mappingSelector: {matchLabels: {for: a, x: z}}}", false, []string{"both", "label"}},
		"old name": {"{hostname: a.example.com, selector: {matchLabels: {for: a, x: z}}}", false, []string{"both", "label"}},
		"expression": {"{hostname: a.example.com, mappingSelector: {matchExpressions: [{key: x, operator: Exists}]}}",
			false, []string{"both", "label"}},
		"empty selector":   {"{hostname: a.example.com, mappingSelector: {}}", false, []string{"authority", "both", "glob", "name"}},
		"every label":      {"{hostname: a.example.com, mappingSelector: {matchLabels: {}}}", false, []string{"authority", "bare", "both", "glob", "half", "label", "name"}},
		"any label":        {"{hostname: a.example.com, mappingSelector: {matchLabels: {for: a, x: z}}}", true, []string{"authority", "both", "glob", "half", "label", "name", "wrong"}},
		"hostname in caps": {"{hostname: A.Example.COM}", false, []string{"authority", "both", "glob", "name"}},
		"suffix":           {"{hostname: '*.example.com'}", false, []string{"authority", "both", "glob", "name", "other", "wrong"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, listener+"spec: "+test.spec+"\n"+mappings)
			options.LooseLabelSelectors = test.loose
			output := Compile(objects, options)
			got := routeNames(output, "cleartext", output.Routes[0].VirtualHosts[0].Name)
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("the Host serves %q, want %q", got, test.want)
			}
		})
	}
}

func TestDefaultHostStandsInForNoHostAtAll(t *testing.T) {
	t.Parallel()
	const listener = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http, namespace: default}
spec: {port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: SELF}}}
`
	mapping := mappingYAML("m", "{hostname: '*', prefix: /, service: s}")
	objects, options := parse(t, listener+mapping)
	if got := routeNames(Compile(objects, options), "cleartext", "*"); !slices.Contains(got, "m") {
		t.Errorf("without Hosts %q is served, want the Mapping too", got)
	}
	const foreign = "---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h, namespace: default}\nspec: {ambassador_id: [other]}\n"
	objects, options = parse(t, listener+mapping+foreign)
	if got := routeNames(Compile(objects, options), "cleartext", "*"); !slices.Contains(got, "m") {
		t.Errorf("with a Host of another install %q is served, want the Mapping too", got)
	}
	const broken = "---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: h, namespace: default}\nspec: {hostname: a.example.com, tlsSecret: {name: none}}\n"
	objects, options = parse(t, listener+mapping+broken)
	if got := routeNames(Compile(objects, options), "cleartext", "*"); got != nil {
		t.Errorf("with a broken Host %q is served, want nothing in its place", got)
	}
}
