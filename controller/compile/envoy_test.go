package compile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"terraform-provider-emissary/test/deps"
)

// TestEnvoyAcceptsGoldens feeds every golden input to a real Envoy as a static configuration.
func TestEnvoyAcceptsGoldens(t *testing.T) {
	t.Parallel()
	envoy := deps.Envoy(t)
	inputs, _ := filepath.Glob("testdata/*.in.yaml")
	for _, input := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(input), ".in.yaml"), func(t *testing.T) {
			t.Parallel()
			objects, options := load(t, input)
			accept(t, envoy, Compile(objects, options))
		})
	}
}

// accept fails the test when Envoy refuses a configuration or finds deprecated fields in it.
func accept(t *testing.T, envoy string, output *Output) {
	t.Helper()
	raw, err := protojson.Marshal(static(t, output))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bootstrap.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), envoy, "--mode", "validate", "-c", path, "-l", "warn", "--disable-hot-restart").CombinedOutput()
	if err != nil {
		t.Fatalf("Envoy refuses the configuration: %v\n%s", err, out)
	}
	if text := string(out); strings.Contains(text, "deprecated") || strings.Contains(text, "unknown field") {
		t.Errorf("Envoy warns:\n%s", text)
	}
}

// static turns a configuration meant for ADS into a bootstrap that holds everything itself.
func static(t *testing.T, output *Output) *bootstrapv3.Bootstrap {
	t.Helper()
	s := statics{t: t, routes: map[string]*routev3.RouteConfiguration{}, endpoints: map[string]*endpointv3.ClusterLoadAssignment{},
		secrets: map[string]*tlsv3.Secret{}}
	for _, secret := range output.Secrets {
		s.secrets[secret.Name] = secret
	}
	for _, routes := range output.Routes {
		s.routes[routes.Name] = routes
	}
	for _, endpoints := range output.Endpoints {
		s.endpoints[endpoints.ClusterName] = endpoints
	}
	resources := &bootstrapv3.Bootstrap_StaticResources{}
	for _, cluster := range output.Clusters {
		resources.Clusters = append(resources.Clusters, s.cluster(cluster))
	}
	for _, listener := range output.Listeners {
		resources.Listeners = append(resources.Listeners, s.listener(listener))
	}
	limit := structpb.NewNumberValue(1 << 20)
	return &bootstrapv3.Bootstrap{
		Node:            &corev3.Node{Id: "test", Cluster: "test"},
		StaticResources: resources,
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "limits",
			LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: &structpb.Struct{Fields: map[string]*structpb.Value{
				"re2.max_program_size.error_level": limit,
			}}},
		}}},
	}
}

type statics struct {
	t         *testing.T
	routes    map[string]*routev3.RouteConfiguration
	endpoints map[string]*endpointv3.ClusterLoadAssignment
	secrets   map[string]*tlsv3.Secret
}

func (s statics) cluster(original *clusterv3.Cluster) *clusterv3.Cluster {
	cluster := proto.CloneOf(original)
	if eds := cluster.GetEdsClusterConfig(); eds != nil {
		cluster.LoadAssignment = s.endpoints[eds.ServiceName]
		if cluster.LoadAssignment == nil {
			s.t.Errorf("cluster %s: no endpoints named %s", cluster.Name, eds.ServiceName)
		}
		cluster.EdsClusterConfig = nil
		cluster.ClusterDiscoveryType = discovery(clusterv3.Cluster_STATIC)
	}
	s.socket(cluster.TransportSocket)
	return cluster
}

func (s statics) listener(original *listenerv3.Listener) *listenerv3.Listener {
	listener := proto.CloneOf(original)
	for _, chain := range listener.FilterChains {
		s.socket(chain.TransportSocket)
		for _, filter := range chain.Filters {
			manager := &hcmv3.HttpConnectionManager{}
			if filter.GetTypedConfig().UnmarshalTo(manager) != nil {
				continue
			}
			s.connect(manager)
			filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: s.pack(manager)}
		}
	}
	return listener
}

// connect gives a connection manager its routes, or all parts of them.
func (s statics) connect(manager *hcmv3.HttpConnectionManager) {
	scoped := manager.GetScopedRoutes()
	if scoped == nil {
		name := manager.GetRds().GetRouteConfigName()
		if s.routes[name] == nil {
			s.t.Errorf("no routes named %s", name)
		}
		manager.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: s.routes[name]}
		return
	}
	scopes := &hcmv3.ScopedRouteConfigurationsList{}
	for name, routes := range s.routes {
		if strings.HasPrefix(name, scoped.Name+"/") {
			scope := scopeOf(name)
			scope.RouteConfigurationName, scope.RouteConfiguration = "", routes
			scopes.ScopedRouteConfigurations = append(scopes.ScopedRouteConfigurations, scope)
		}
	}
	scoped.RdsConfigSource = nil
	scoped.ConfigSpecifier = &hcmv3.ScopedRoutes_ScopedRouteConfigurationsList{ScopedRouteConfigurationsList: scopes}
}

func (s statics) secret(name string) *tlsv3.Secret {
	if s.secrets[name] == nil {
		s.t.Errorf("no secret named %s", name)
	}
	return s.secrets[name]
}

// socket puts the secrets of a transport socket into it.
func (s statics) socket(socket *corev3.TransportSocket) {
	if socket == nil {
		return
	}
	message, err := socket.GetTypedConfig().UnmarshalNew()
	if err != nil {
		s.t.Fatal(err)
	}
	var common *tlsv3.CommonTlsContext
	switch context := message.(type) {
	case *tlsv3.DownstreamTlsContext:
		common = context.CommonTlsContext
	case *tlsv3.UpstreamTlsContext:
		common = context.CommonTlsContext
	case *quicv3.QuicDownstreamTransport:
		common = context.DownstreamTlsContext.CommonTlsContext
	}
	for _, config := range common.TlsCertificateSdsSecretConfigs {
		common.TlsCertificates = append(common.TlsCertificates, s.secret(config.Name).GetTlsCertificate())
	}
	common.TlsCertificateSdsSecretConfigs = nil
	if config := common.GetValidationContextSdsSecretConfig(); config != nil {
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContext{
			ValidationContext: s.secret(config.Name).GetValidationContext(),
		}
	}
	socket.ConfigType = &corev3.TransportSocket_TypedConfig{TypedConfig: s.pack(message)}
}

func (s statics) pack(message proto.Message) *anypb.Any {
	wrapped, err := anypb.New(message)
	if err != nil {
		s.t.Fatal(err)
	}
	return wrapped
}
