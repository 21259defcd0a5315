package explain_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/explain"
)

// TestNearest asks of a few Mappings why they do not serve a request.
func TestNearest(t *testing.T) {
	t.Parallel()
	mapping := func(name, hostname, prefix string, more object) object {
		spec := object{"hostname": hostname, "prefix": prefix, "service": name}
		for field, value := range more {
			spec[field] = value
		}
		return manifestOf("Mapping", name, spec)
	}
	route := object{"insecure": object{"action": "Route"}}
	objects := []object{
		manifestOf("Listener", "http", object{"port": 8080, "protocol": "HTTP", "securityModel": "XFP", "hostBinding": object{"namespace": object{"from": "ALL"}}}),
		manifestOf("Host", "shop", object{"hostname": "shop.example", "requestPolicy": route}),
		manifestOf("Host", "red", object{"hostname": "red.example", "requestPolicy": route, "mappingSelector": object{"matchLabels": object{"team": "red"}}}),
		manifestOf("Host", "closed", object{"hostname": "closed.example", "requestPolicy": object{"insecure": object{"action": "Reject"}}}),
		mapping("cart", "shop.example", "/cart/", nil),
		mapping("beta", "shop.example", "/cart/", object{"headers": object{"x-beta": "1"}, "method": "POST"}),
		mapping("broken", "shop.example", "/cart/[", object{"prefix_regex": true}),
		mapping("lost", "lost.example", "/cart/", nil),
		mapping("foreign", "shop.example", "/cart/", object{"ambassador_id": []string{"other"}}),
		mapping("everywhere", "*", "/help", nil),
	}
	environment, err := controller.ParseEnvironment(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	s := storeOf(t, environment, objects)
	explainer, err := explain.New(s, compile.Compile(s, controller.CompileOptions(environment)))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]string{ // by URL: Mapping and why
		"http://shop.example/cart/": {
			"broken":  "it is not accepted: prefix: \"/cart/[\" is not an RE2 regular expression: error parsing regexp: missing closing ]: `[`",
			"foreign": "it belongs to another install: its ambassador_id is [other]",
			"beta":    `header x-beta is absent, wanted: is "1"; method is "GET", wanted: is "POST"`,
			"lost":    "it is not served: no Host matches hostname lost.example",
		},
		"http://shop.example/cart": {
			"cart":       "prefix /cart/ does not match /cart",
			"beta":       `prefix /cart/ does not match /cart; header x-beta is absent, wanted: is "1"; method is "GET", wanted: is "POST"`,
			"everywhere": "prefix /help does not match /cart",
		},
		"http://red.example/help": {
			"everywhere": "Host default/red, which has the hostname red.example, does not take it: the labels its mappingSelector asks for are missing",
		},
		"http://nobody.example/help": {"everywhere": "it belongs to a Host, and none matches hostname nobody.example"},
		"http://closed.example/help": {
			"everywhere": `the request is not secure: x-forwarded-proto is "http", wanted: is "https"`,
		},
	}
	for url, want := range tests {
		request, err := explain.NewRequest("GET", url)
		if err != nil {
			t.Fatal(err)
		}
		x, err := explainer.Explain(request)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, near := range x.Nearest {
			got[near.Mapping.Name] = near.Why
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
}
