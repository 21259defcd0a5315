package compile

import (
	"fmt"
	"strings"
	"testing"

	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/deps"
)

// However many hostnames there are and however long what they have in common: the expression that finds their part is
// one that Envoy takes, and parts are as small as that allows.
func TestManyHostsFitAnExpression(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ prefix, suffix string }{
		"short":         {"h-", ".io"},
		"common ending": {"shop-", ".customers.eu-west-1.production.example.com"},
		"common start":  {"customers-eu-west-1-production-" + strings.Repeat("x", 20), ".example.com"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const hosts = 10000
			objects := store.New()
			objects.Upsert(&v3alpha1.Listener{ObjectMeta: meta("http"), Spec: v3alpha1.ListenerSpec{
				Port: 8080, Protocol: v3alpha1.ProtocolHTTP, SecurityModel: v3alpha1.SecurityModelXFP,
				HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
			}})
			for i := range hosts {
				hostname := fmt.Sprintf("%s%05d%s", test.prefix, i, test.suffix)
				own := metav1.ObjectMeta{Name: fmt.Sprintf("h-%d", i), Namespace: "default"}
				objects.Upsert(&v3alpha1.Host{ObjectMeta: own, Spec: v3alpha1.HostSpec{Hostname: hostname}})
				objects.Upsert(&v3alpha1.Mapping{ObjectMeta: own, Spec: v3alpha1.MappingSpec{Hostname: hostname, Prefix: "/", Service: "http://127.0.0.1:1"}})
			}
			output := Compile(objects, Defaults())

			keys := map[string]bool{}
			for _, scope := range output.Scopes {
				keys[scope.Key.Fragments[0].GetStringKey()] = true
			}
			if len(keys) != len(output.Scopes) || len(keys) < 30 {
				t.Errorf("%d scopes have %d keys", len(output.Scopes), len(keys))
			}
			for _, routes := range output.Routes {
				if len(routes.VirtualHosts) > 512 {
					t.Errorf("%s has %d virtual hosts", routes.Name, len(routes.VirtualHosts))
				}
				routes.VirtualHosts = nil // Envoy is to look at the listener
			}
			mutation := &headermutationv3.HeaderMutation{}
			for _, extension := range connectionManagerOf(t, output.Listeners[0].FilterChains[len(output.Listeners[0].FilterChains)-1]).EarlyHeaderMutationExtensions {
				if err := extension.TypedConfig.UnmarshalTo(mutation); err != nil {
					t.Fatal(err)
				}
			}
			if err := mutation.ValidateAll(); err != nil {
				t.Errorf("Envoy's bounds: %v", err)
			}
			if length := len(mutation.Mutations[0].GetAppend().Header.Value); length < 1000 {
				t.Errorf("the expression has %d bytes: the test has lost its object", length)
			}
			accept(t, deps.Envoy(t), output)
		})
	}
}

// A route table is cut beyond the size that the options give, and not below.
func TestTablesAreCutBySize(t *testing.T) {
	t.Parallel()
	const prefixes = 600
	objects := newWorkload("prefixes", prefixes).objects
	for _, test := range []struct {
		size int
		cut  bool
	}{{0, false}, {prefixes / 2, true}, {2 * prefixes, false}} {
		output := Compile(objects, Options{RouteTableSize: test.size})
		if cut := len(output.Routes) > 1; cut != test.cut {
			t.Errorf("size %d: there are %d route configurations for %d prefixes", test.size, len(output.Routes), prefixes)
		}
	}
}
