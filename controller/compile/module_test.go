package compile

import (
	"slices"
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"terraform-provider-emissary/controller/store"
)

// TestModuleTakesBooleansAsStrings has the spellings that Emissary reads in some keys, and one it does not.
func TestModuleTakesBooleansAsStrings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"'true'": true, "'Yes'": true, "'1'": true, "true": true, "'false'": false, "'off'": false, "maybe": false, "false": false} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			objects, options := parse(t, strings.Replace(base, "{config: {", "{config: {merge_slashes: "+text+", ", 1)+mappingYAML("a", "{hostname: '*', prefix: /, service: s}"))
			output := Compile(objects, options)
			manager := &hcmv3.HttpConnectionManager{}
			if err := output.Listeners[0].FilterChains[0].Filters[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
				t.Fatal(err)
			}
			if manager.MergeSlashes != want {
				t.Errorf("merge_slashes is %v, want %v", manager.MergeSlashes, want)
			}
			if text == "maybe" {
				expectProblem(t, output, "Module", "ambassador", "Accepted", "merge_slashes")
			}
		})
	}
}

// TestPagesNeedEnabledWhereTheModuleSpeaksOfThem is what Emissary does with settings of a page.
func TestPagesNeedEnabledWhereTheModuleSpeaksOfThem(t *testing.T) {
	t.Parallel()
	module := "diagnostics: {allow_non_local: true}, liveness_probe: {enabled: true, prefix: /alive}"
	start, end := strings.Index(base, "diagnostics:"), strings.LastIndex(base, "}}}")+1
	objects, options := parse(t, base[:start]+module+base[end:])
	output := Compile(objects, options)
	var prefixes []string
	for _, route := range output.Routes[0].VirtualHosts[0].Routes {
		prefixes = append(prefixes, route.Match.GetPrefix())
	}
	if want := []string{"/ambassador/v0/check_ready", "/alive"}; !slices.Equal(prefixes, want) {
		t.Errorf("pages are at %q, want %q", prefixes, want)
	}
	if problems := output.Reports[store.Ref{Kind: "Module", Namespace: "default", Name: "ambassador"}].Problems; len(problems) != 1 ||
		!strings.Contains(problems[0].Message, "config.diagnostics says nothing of enabled") {
		t.Errorf("the Module is told %v, want that its diagnostics are off", problems)
	}
}
