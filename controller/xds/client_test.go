package xds

import (
	"cmp"
	"context"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// harness is a server that answers over an in-memory connection, in a bubble of
// synthetic time: tests neither sleep nor race, and "nothing is sent" can be
// asserted because synctest.Wait returns when everything is idle.
type harness struct {
	*Server
	t        *testing.T
	listener *bufconn.Listener
}

// bubble runs test against a server in synthetic time. Leaving the bubble fails
// the test if any goroutine of server or clients is still there.
func bubble(t *testing.T, o Options, test func(t *testing.T, h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &harness{Server: NewServer(o), t: t, listener: bufconn.Listen(1 << 20)}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- h.Serve(ctx, h.listener) }()
		defer func() {
			cancel()
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		}()
		test(t, h)
	})
}

func (h *harness) update(resources ...Resource) uint64 {
	h.t.Helper()
	revision, err := h.Update(resources)
	if err != nil {
		h.t.Fatal(err)
	}
	return revision
}

// client is an Envoy as far as the protocol goes, answering only when told to.
type client struct {
	t         *testing.T
	stream    grpc.BidiStreamingClient[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]
	responses chan *discoveryv3.DeltaDiscoveryResponse
	close     func()
}

// connect opens a stream; the test's end closes it.
func (h *harness) connect(t *testing.T) *client {
	t.Helper()
	return dial(t, func(ctx context.Context, _ string) (net.Conn, error) { return h.listener.DialContext(ctx) })
}

func dial(t *testing.T, dialer func(context.Context, string) (net.Conn, error)) *client {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:xds", grpc.WithContextDialer(dialer),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, stream: stream, responses: make(chan *discoveryv3.DeltaDiscoveryResponse, 64)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			c.responses <- r
		}
	}()
	c.close = func() {
		cancel()
		_ = conn.Close()
		<-done
	}
	t.Cleanup(c.close)
	return c
}

func (c *client) send(r *discoveryv3.DeltaDiscoveryRequest) {
	c.t.Helper()
	r.Node = &corev3.Node{Id: "test-envoy"}
	if err := c.stream.Send(r); err != nil {
		c.t.Fatalf("sending a request: %v", err)
	}
}

// ask subscribes to names of a type; none is a wildcard for clusters and
// listeners.
func (c *client) ask(typeURL string, names ...string) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: names})
}

func (c *client) ack(r *discoveryv3.DeltaDiscoveryResponse) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce})
}

func (c *client) nack(r *discoveryv3.DeltaDiscoveryResponse, detail string) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce,
		ErrorDetail: &status.Status{Code: 13, Message: detail}})
}

// want receives the next response and checks its type and names; "-a" stands
// for the removal of a.
func (c *client) want(typeURL string, names ...string) *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	synctest.Wait()
	select {
	case r := <-c.responses:
		c.check(r, typeURL, names...)
		return r
	default:
		c.t.Fatalf("nothing was sent, want %s %v", shortName(typeURL), names)
		return nil
	}
}

func (c *client) check(r *discoveryv3.DeltaDiscoveryResponse, typeURL string, names ...string) {
	c.t.Helper()
	var got []string
	for _, res := range r.Resources {
		got = append(got, res.Name)
	}
	for _, name := range r.RemovedResources {
		got = append(got, "-"+name)
	}
	if r.TypeUrl != typeURL || !slices.Equal(got, names) {
		c.t.Fatalf("got %s %v, want %s %v", shortName(r.TypeUrl), got, shortName(typeURL), names)
	}
}

// quiet checks that nothing more is sent as things stand.
func (c *client) quiet() {
	c.t.Helper()
	synctest.Wait()
	select {
	case r := <-c.responses:
		c.t.Fatalf("got a %s response %v, want none", shortName(r.TypeUrl), r)
	default:
	}
}

// subscribed connects a client that has acknowledged everything it asks for, in
// Envoy's order: clusters, then their endpoints, listeners, then their routes.
func (h *harness) subscribed(endpoints, routes []string) *client {
	h.t.Helper()
	c := h.connect(h.t)
	ackNext := func() {
		h.t.Helper()
		synctest.Wait()
		select {
		case r := <-c.responses:
			c.ack(r)
		default:
			h.t.Fatal("an initial request got no answer")
		}
	}
	c.ask(ClusterType)
	ackNext()
	if len(endpoints) > 0 {
		c.ask(EndpointType, endpoints...)
		ackNext()
	}
	c.ask(ListenerType)
	ackNext()
	if len(routes) > 0 {
		c.ask(RouteType, routes...)
		ackNext()
	}
	c.quiet()
	return c
}

func pass(d time.Duration) { time.Sleep(d) } // synthetic time

func as(typeURL, name string, m proto.Message) Resource { return Resource{ID{typeURL, name}, m} }

// The resources of the tests: n makes contents differ.
func cluster(name string, n int) Resource {
	return as(ClusterType, name, &clusterv3.Cluster{Name: name, ConnectTimeout: durationpb.New(time.Duration(n) * time.Second)})
}

func endpoints(name string, n int) Resource {
	return as(EndpointType, name, &endpointv3.ClusterLoadAssignment{ClusterName: name,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{Priority: uint32(n)}}})
}

func secret(name string, n int) Resource {
	return as(SecretType, name, &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_GenericSecret{
		GenericSecret: &tlsv3.GenericSecret{Secret: &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: []byte{byte(n)}}}}}})
}

func listener(name string, n int) Resource {
	return as(ListenerType, name, &listenerv3.Listener{Name: name, StatPrefix: string(rune('a' + n))})
}

// route sends everything to a cluster.
func route(name, cluster string) Resource {
	return as(RouteType, name, &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"},
		Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}}},
		}},
	}}})
}

func rejectedNames(s State) (out []string) {
	for _, r := range s.Rejected {
		out = append(out, r.Name)
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}
