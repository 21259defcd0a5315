package compile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// FuzzModule reads random JSON as the settings of the ambassador Module. What is made of it must be valid.
func FuzzModule(f *testing.F) {
	module := documents(f, "testdata/poison/module.yaml")[0]
	config, err := json.Marshal(module["spec"].(document)["config"])
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(config), "", "null", "[]", `{"cors": 1, "gzip": null, "buffer": {"max_request_bytes": 1e9}}`,
		`{"envoy_log_format": {"a": {"b": "%REQ(x)%"}}, "envoy_log_type": "json", "keepalive": {"time": "5"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		module := &v3alpha1.Module{ObjectMeta: meta("ambassador")}
		module.Spec.Config.Raw = raw
		objects, options := parse(t, httpsListener+mappingYAML("m", "{hostname: '*', prefix: /, service: s}"))
		objects.Upsert(module)
		output := Compile(objects, options)
		validate(t, output)
		if len(output.Listeners) != 1 {
			t.Errorf("%d listeners, want 1", len(output.Listeners))
		}
	})
}

// FuzzMapping reads random JSON as the spec of a Mapping.
func FuzzMapping(f *testing.F) {
	for _, mapping := range documents(f, "testdata/poison/mapping.yaml") {
		spec, err := json.Marshal(mapping["spec"])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		mapping := &v3alpha1.Mapping{ObjectMeta: meta("m")}
		if json.Unmarshal(raw, &mapping.Spec) != nil {
			return // no API server would take it
		}
		objects, options := parse(t, base)
		objects.Upsert(mapping)
		output := Compile(objects, options)
		validate(t, output)
		if output.Reports[store.RefOf(mapping)] == nil {
			t.Error("nothing is said about the Mapping")
		}
	})
}

// FuzzService reads random texts as the names of services. What was read must be read alike again.
func FuzzService(f *testing.F) {
	for _, seed := range []string{"https://quote.default:8443/x", "quote:80", "HTTP://a", "[::1]:80", "::1", "[", "a:0", "a:99999", "http://u:p@a?b#c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		service, err := parseService(text, false)
		if err != nil {
			return
		}
		again, err := parseService(service.hostPort(), false)
		if err != nil || again.host != service.host || again.port != service.port || service.port == 0 || service.port > 65535 {
			t.Errorf("%q is %+v, and %q is %+v, %v", text, service, service.hostPort(), again, err)
		}
		service.kubernetesService("default")
	})
}

// FuzzTexts reads random texts as everything that is written in a language of its own.
func FuzzTexts(f *testing.F) {
	for _, seed := range slices.Concat(nastyTexts, nastyTemplates, nastyExpressions) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkTemplate("x", text) == nil && checkTemplate("x", text+"%%%PROTOCOL%") != nil {
			t.Errorf("%q is a template, and is none with another command behind it", text)
		}
		if checkRegex("x", text, 1000) == nil {
			if checkGroups("x", text, `\0`) != nil {
				t.Errorf("%q is a regular expression and has not even the group 0", text)
			}
		}
		if period, err := parseDuration("x", text); err == nil && period < 0 {
			t.Errorf("%q is a duration of %s", text, period)
		}
		if checkCiphers([]string{text}) == nil && strings.ContainsAny(text, " \n\x00") {
			t.Errorf("%q is a cipher suite", text)
		}
	})
}
