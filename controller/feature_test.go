package controller

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/quarantine"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/controller/xds"
)

// TestFeatures tells what an Envoy is sent, message by message, when the objects of a cluster change: the real loop,
// compiler and xDS server between events as a watch gives them and a client that speaks the protocol. Time is synthetic:
// a step is over when everything is idle.
func TestFeatures(t *testing.T) {
	const listener = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http}
spec: {port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: all}
spec: {hostname: "*", requestPolicy: {insecure: {action: Route}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador}
spec: {config: {diagnostics: {enabled: false}, liveness_probe: {enabled: false}, readiness_probe: {enabled: false}}}
`
	mapping := func(generation int, spec string) string {
		return fmt.Sprintf("apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: quote, generation: %d}\nspec: {hostname: '*', %s}\n", generation, spec)
	}
	slice := func(address string) string {
		return fmt.Sprintf(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: quote-1, labels: {kubernetes.io/service-name: quote}}
addressType: IPv4
endpoints: [{addresses: [%s]}]
ports: [{name: "", port: 8080}]
`, address)
	}
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: quote}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n"
	quote := store.Ref{Kind: "Mapping", Namespace: "default", Name: "quote"}

	synctest.Test(t, func(t *testing.T) {
		f := startFeature(t)
		f.change(listener, mapping(1, "prefix: /quote/, service: quote, resolver: endpoint"), service, slice("10.1.0.1"))
		f.loop.inbox.Synced()
		f.sent("a first configuration goes out in the order it depends on itself",
			"clusters quote", "endpoints quote", "listeners http", "routes http")
		f.programmed(quote, 1)

		f.change(slice("10.1.0.2"))
		f.sent("an endpoint is one message", "endpoints quote")

		f.change(mapping(1, "prefix: /quote/, service: quote, resolver: endpoint"), service)
		f.sent("what is as it was is none")

		f.change(mapping(2, "prefix: /backend/, service: quote, resolver: endpoint"))
		f.sent("a route is one message", "routes http")
		f.programmed(quote, 2)

		f.change(mapping(3, "prefix: /backend/, service: '10.2.0.1:80'"))
		f.sent("a new service comes before its route, and the old one goes after it",
			"clusters 10.2.0.1", "routes http", "clusters -quote", "endpoints -quote")
		f.programmed(quote, 3)

		f.change(mapping(4, "prefix: /backend/, service: '10.2.0.2:80'"))
		f.sent("no route leads to a cluster that Envoy refuses", "clusters 10.2.0.2")
		f.refused(quote, 4, words)

		f.change(mapping(5, "prefix: /backend/, service: '10.2.0.3:80'"))
		f.sent("the next version is served", "clusters 10.2.0.3", "routes http", "clusters -10.2.0.1")
		f.programmed(quote, 5)

		f.loop.inbox.Handle(watch.Event{Ref: quote})
		f.sent("a route goes before its cluster", "routes http", "clusters -10.2.0.3")
	})
}

// feature is a controller without Kubernetes and without Envoy.
type feature struct {
	*rig
	t      *testing.T
	stream grpc.BidiStreamingClient[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]
	// messages are what arrived since the last step, and asked the names that are subscribed to.
	messages chan string
	asked    map[string]bool
}

// bad is a service whose clusters the client refuses, and words are what it says of them.
const bad, words = "10.2.0.2", "this is not a place to go"

// clusterOracle judges as the client does.
type clusterOracle struct{}

func (clusterOracle) Ask(_ context.Context, output *compile.Output) (refusal string, err error) {
	for _, cluster := range output.Clusters {
		if strings.HasPrefix(cluster.Name, bad) {
			return words, nil
		}
	}
	return "", nil
}

// startFeature starts a loop with the real compiler and server, and a client that follows it as an Envoy does.
func startFeature(t *testing.T) *feature {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	server, connections := xds.NewServer(xds.Options{}), bufconn.Listen(1<<20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, connections) }()
	connection, err := grpc.NewClient("passthrough:xds", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return connections.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	f := &feature{t: t, messages: make(chan string, 100), asked: map[string]bool{}}
	if f.stream, err = discoveryv3.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx); err != nil {
		t.Fatal(err)
	}
	followed := make(chan struct{})
	go func() { defer close(followed); f.follow() }()
	t.Cleanup(func() {
		cancel()
		_ = connection.Close()
		<-followed
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	f.rig = startWith(t, func(l *loop) {
		l.server = server
		l.newCompiler = func() compiler { return compile.New(compile.Defaults()) }
		l.quarantine = quarantine.New(quarantine.Options{Oracle: clusterOracle{}, Compile: func(objects *store.Store) *compile.Output {
			return compile.Compile(objects, compile.Defaults())
		}})
	})
	return f
}

// follow asks for clusters and listeners and for what they need, and answers each message.
func (f *feature) follow() {
	f.ask(xds.ClusterType)
	f.ask(xds.ListenerType)
	for {
		response, err := f.stream.Recv()
		if err != nil {
			return
		}
		answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce}
		var names []string
		for _, resource := range response.Resources {
			names = append(names, short(resource.Name))
			if strings.HasPrefix(resource.Name, bad) {
				answer.ErrorDetail = &rpcstatus.Status{Code: 13, Message: words}
			}
		}
		for _, name := range response.RemovedResources {
			names = append(names, "-"+short(name))
		}
		slices.Sort(names)
		f.messages <- typeNames[response.TypeUrl] + " " + strings.Join(names, " ")
		for _, resource := range response.Resources {
			f.askFor(resource)
		}
		_ = f.stream.Send(answer)
	}
}

var typeNames = map[string]string{
	xds.ClusterType: "clusters", xds.EndpointType: "endpoints", xds.ListenerType: "listeners", xds.RouteType: "routes", xds.SecretType: "secrets",
}

// short is the part of a resource's name that a person chose.
func short(name string) string {
	name = strings.TrimPrefix(name, "k8s/default/")
	if strings.HasPrefix(name, "tcp/") {
		return "http"
	}
	return name[:strings.IndexAny(name+":", ":/")]
}

// askFor subscribes to what a resource needs.
func (f *feature) askFor(resource *discoveryv3.Resource) {
	cluster, listener := &clusterv3.Cluster{}, &listenerv3.Listener{}
	switch {
	case resource.Resource.MessageIs(cluster):
		_ = resource.Resource.UnmarshalTo(cluster)
		if name := cluster.GetEdsClusterConfig().GetServiceName(); name != "" {
			f.ask(xds.EndpointType, name)
		}
	case resource.Resource.MessageIs(listener):
		_ = resource.Resource.UnmarshalTo(listener)
		for _, chain := range listener.FilterChains {
			for _, filter := range chain.Filters {
				manager := &hcmv3.HttpConnectionManager{}
				if filter.GetTypedConfig().UnmarshalTo(manager) == nil {
					f.ask(xds.RouteType, manager.GetRds().GetRouteConfigName())
				}
			}
			secrets := &tlsv3.DownstreamTlsContext{}
			_ = chain.GetTransportSocket().GetTypedConfig().UnmarshalTo(secrets)
			for _, secret := range secrets.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs() {
				f.ask(xds.SecretType, secret.Name)
			}
		}
	}
}

func (f *feature) ask(typeURL string, names ...string) {
	key := typeURL + strings.Join(names, " ")
	if !f.asked[key] {
		f.asked[key] = true
		_ = f.stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "test"}, TypeUrl: typeURL, ResourceNamesSubscribe: names})
	}
}

// change hands objects to the loop, as a watch does.
func (f *feature) change(manifests ...string) {
	f.t.Helper()
	for _, document := range manifest.Decode("test", []byte(strings.Join(manifests, "---\n"))) {
		if document.Err != nil {
			f.t.Fatal(document.Err)
		}
		for _, object := range document.Objects {
			if object.Err != nil {
				f.t.Fatal(object.Err)
			}
			f.loop.inbox.Handle(watch.Event{Ref: object.Ref, Object: object.Object})
		}
	}
}

// sent waits until nothing moves, and compares what was sent.
func (f *feature) sent(what string, want ...string) {
	f.t.Helper()
	time.Sleep(xds.DefaultRemovalTimeout) // synthetic, and longer than anything waits
	synctest.Wait()
	var got []string
	for len(f.messages) > 0 {
		got = append(got, <-f.messages)
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("%s: sent %q, want %q", what, got, want)
	}
}

// programmed wants the last word on an object to be that a generation is served.
func (f *feature) programmed(ref store.Ref, generation int64) {
	f.t.Helper()
	if last := f.lastWord(ref); last.Generation != generation || !last.Programmed.True {
		f.t.Errorf("%s: generation %d is said to be %+v, want generation %d programmed", ref, last.Generation, last.Programmed, generation)
	}
}

// refused wants the last word on an object to be that Envoy refuses a generation, in its words.
func (f *feature) refused(ref store.Ref, generation int64, why string) {
	f.t.Helper()
	last := f.lastWord(ref)
	if last.Generation != generation || last.Programmed.True || last.Programmed.Reason != status.ReasonRejectedByEnvoy ||
		!strings.Contains(last.Programmed.Message, why) {
		f.t.Errorf("%s: generation %d is said to be %+v, want generation %d refused: %s", ref, last.Generation, last.Programmed, generation, why)
	}
}

func (f *feature) lastWord(ref store.Ref) (last status.Update) {
	for len(f.sink.updates) > 0 {
		if update := <-f.sink.updates; update.Ref == ref {
			last = update
		}
	}
	return last
}
