package quarantine

import (
	"context"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/deps"
)

// install is a Listener, a Host of everything, a Mapping of /good/ to a Service, and more.
func install(more ...metav1.Object) map[store.Ref]metav1.Object {
	return force(append(more,
		&v3alpha1.Listener{ObjectMeta: meta("http", 1), Spec: v3alpha1.ListenerSpec{
			Port: 8080, Protocol: v3alpha1.ProtocolHTTPS, SecurityModel: v3alpha1.SecurityModelXFP,
			HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
		}},
		&v3alpha1.Host{ObjectMeta: meta("all", 1), Spec: v3alpha1.HostSpec{
			Hostname: "*", RequestPolicy: &v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: "Route"}},
		}},
		&corev1.Service{ObjectMeta: meta("s", 1), Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.1", Ports: []corev1.ServicePort{{Port: 80}}}},
		&v3alpha1.Mapping{ObjectMeta: meta("good", 1), Spec: v3alpha1.MappingSpec{Hostname: "*", Prefix: "/good/", Service: "s"}},
	)...)
}

func compiled(objects map[store.Ref]metav1.Object) *compile.Output {
	s := store.New()
	for _, object := range objects {
		s.Upsert(object)
	}
	return compile.Compile(s, compile.Defaults())
}

func TestEnvoyIsAsked(t *testing.T) {
	t.Parallel()
	oracle := Envoy{Command: deps.Envoy(t), Dir: t.TempDir()}
	tests := map[string]struct {
		spoil func(*compile.Output)
		want  string
	}{
		"good": {func(*compile.Output) {}, ""},
		"several good ones": {func(output *compile.Output) {
			output.Routes = append(output.Routes, &routev3.RouteConfiguration{Name: "b"}, &routev3.RouteConfiguration{Name: "c"})
		}, ""},
		"a route": {func(output *compile.Output) {
			output.Routes = append(output.Routes, &routev3.RouteConfiguration{Name: "bad", VirtualHosts: []*routev3.VirtualHost{{
				Name: "v", Domains: []string{"*"}, Routes: []*routev3.Route{{
					Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
					Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "not there"}}},
				}},
			}, {Name: "w", Domains: []string{"*"}}}})
		}, "Only a single wildcard domain is permitted in route bad"},
		// Routes by ADS may name clusters that do not exist.
		"an unknown cluster": {func(output *compile.Output) {
			output.Clusters = nil
		}, ""},
		"a listener": {func(output *compile.Output) {
			output.Listeners = append(output.Listeners, &listenerv3.Listener{Name: "bad"})
		}, "address is necessary"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			output := compiled(install())
			test.spoil(output)
			refusal, err := oracle.Ask(t.Context(), output)
			if err != nil {
				t.Fatal(err)
			}
			if (refusal == "") != (test.want == "") || !strings.Contains(refusal, test.want) || strings.Contains(refusal, oracle.Dir) {
				t.Errorf("Envoy says %q, want %q", refusal, test.want)
			}
		})
	}
}

func TestEnvoyThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		oracle Envoy
		ctx    context.Context
		want   string
	}{
		"no program": {Envoy{Command: "/nowhere/envoy", Dir: t.TempDir()}, t.Context(), "no such file"},
		"no folder":  {Envoy{Command: "true", Dir: "/nowhere"}, t.Context(), "writing a configuration"},
		"no time":    {Envoy{Command: "sleep", Dir: t.TempDir()}, over, "context canceled"},
		"a crash":    {Envoy{Command: "false-alarm", Dir: t.TempDir()}, t.Context(), "not found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			refusal, err := test.oracle.Ask(test.ctx, compiled(install()))
			if err == nil || refusal != "" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("answer %q, error %v; want an error with %q", refusal, err, test.want)
			}
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
