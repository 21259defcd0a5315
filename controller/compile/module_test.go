package compile

import (
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
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
