package compile

import (
	"testing"

	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// TestFirstPathPrefixOfAuthServicesCounts has AuthServices that differ in it, and one without.
func TestFirstPathPrefixOfAuthServicesCounts(t *testing.T) {
	t.Parallel()
	service := func(name, spec string) string {
		return "---\napiVersion: getambassador.io/v3alpha1\nkind: AuthService\nmetadata: {name: " + name + ", namespace: default}\nspec: {auth_service: " + name + spec + "}\n"
	}
	objects, options := parse(t, base+service("a", "")+service("b", ", path_prefix: /b")+service("c", ", path_prefix: /c")+
		mappingYAML("m", "{hostname: '*', prefix: /, service: s}"))
	output := Compile(objects, options)
	manager, filter := &hcmv3.HttpConnectionManager{}, &extauthzv3.ExtAuthz{}
	if err := output.Listeners[0].FilterChains[0].Filters[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	for _, f := range manager.HttpFilters {
		if f.Name == filterExtAuthz {
			if err := f.GetTypedConfig().UnmarshalTo(filter); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := filter.GetHttpService().GetPathPrefix(); got != "/b" {
		t.Errorf("path_prefix is %q, want /b", got)
	}
}
