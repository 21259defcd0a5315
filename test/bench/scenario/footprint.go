package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/envoy"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
	"terraform-provider-emissary/test/deps"
)

// form is one way to give Envoy a Mapping.
type form struct {
	name    string
	workers int
	mapping func(*v3alpha1.MappingSpec)
	boot    func(*bootstrapv3.Bootstrap)
}

// forms begin with the usual one, on two workers; each of the others differs from it in what its name says.
var forms = []form{
	{name: "as it is"},
	{name: "routes alone: one Service for all", mapping: func(m *v3alpha1.MappingSpec) { m.Service = "first" }},
	{name: "1 worker", workers: 1},
	{name: "4 workers", workers: 4},
	{name: "every cluster in every worker from the start", boot: makeClusters},
	{name: "the same with 1 worker", workers: 1, boot: makeClusters},
	{name: "the same with 4 workers", workers: 4, boot: makeClusters},
	{name: "no statistics", boot: rejectStats},
	{name: "all statistics", boot: func(b *bootstrapv3.Bootstrap) { b.StatsConfig = nil }},
	{name: "traffic statistics from the start", boot: func(b *bootstrapv3.Bootstrap) { b.DeferredStatOptions = nil }},
	{name: "endpoints by EDS", mapping: func(m *v3alpha1.MappingSpec) { m.Resolver = "endpoint" }},
	{name: "endpoints by DNS", mapping: func(m *v3alpha1.MappingSpec) { m.DNSType = "strict_dns" }},
	{name: "TLS to the Service", mapping: func(m *v3alpha1.MappingSpec) { m.Service = "https://" + m.Service }},
	{name: "gRPC", mapping: func(m *v3alpha1.MappingSpec) { yes := true; m.GRPC = &yes }},
	{name: "a circuit breaker", mapping: func(m *v3alpha1.MappingSpec) {
		most := 100
		m.CircuitBreakers = []v3alpha1.CircuitBreaker{{MaxConnections: &most}}
	}},
	{name: "a timeout for idle connections", mapping: func(m *v3alpha1.MappingSpec) { ms := 60000; m.ClusterIdleTimeoutMs = &ms }},
}

func makeClusters(b *bootstrapv3.Bootstrap) { b.ClusterManager = nil }

func rejectStats(b *bootstrapv3.Bootstrap) {
	b.StatsConfig = &metricsv3.StatsConfig{StatsMatcher: &metricsv3.StatsMatcher{StatsMatcher: &metricsv3.StatsMatcher_RejectAll{RejectAll: true}}}
}

// few is how many Mappings the Envoy has that the one with more is compared with.
const few = 10

// Footprints measures what a Mapping costs in Envoy, in each form: what an Envoy allocates with n more of them, divided by
// n. The compiler makes the configuration, and the xDS server serves it.
func Footprints(ctx context.Context, dir string, n int) ([]report.Footprint, error) {
	var all []report.Footprint
	for _, f := range forms {
		less, err := f.allocated(ctx, dir, few)
		if err != nil {
			return all, fmt.Errorf("%s: %w", f.name, err)
		}
		more, err := f.allocated(ctx, dir, few+n)
		if err != nil {
			return all, fmt.Errorf("%s: %w", f.name, err)
		}
		all = append(all, report.Footprint{Form: f.name, N: n, Bytes: float64(more-less) / float64(n)})
	}
	return all, nil
}

// allocated is what an Envoy with n Mappings of the form has allocated when it has acknowledged all of them.
func (f form) allocated(ctx context.Context, parent string, n int) (bytes int64, err error) {
	dir, err := os.MkdirTemp(parent, "footprint-")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	socket, err := net.Listen("unix", filepath.Join(dir, "ads.sock"))
	if err != nil {
		return 0, err
	}
	server := xds.NewServer(xds.Options{})
	go server.Serve(ctx, socket) //nolint:errcheck // it ends with the context
	revision, err := server.Update(f.resources(n))
	if err != nil {
		return 0, err
	}
	supervisor, err := f.supervisor(dir, socket.Addr().String())
	if err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fail(supervisor.Run(ctx))
	}()
	defer func() {
		cancel()
		<-ended
	}()
	state, err := server.Wait(ctx, revision)
	if err != nil {
		return 0, fmt.Errorf("waiting for Envoy: %w", context.Cause(ctx))
	}
	if len(state.Rejected) > 0 {
		return 0, fmt.Errorf("rejected by Envoy: %s: %s", state.Rejected[0].Name, state.Rejected[0].Detail)
	}
	text, err := supervisor.Admin().Get(ctx, "/memory")
	if err != nil {
		return 0, err
	}
	var memory struct {
		Allocated int64 `json:"allocated,string"`
	}
	err = json.Unmarshal(text, &memory)
	return memory.Allocated, err
}

func (f form) supervisor(dir, socket string) (*envoy.Supervisor, error) {
	command, err := deps.EnvoyPath()
	if err != nil {
		return nil, err
	}
	bootstrap, err := envoy.Bootstrap(envoy.Options{XDSSocket: socket})
	if err != nil {
		return nil, err
	}
	if f.boot != nil {
		f.boot(bootstrap)
	}
	workers := f.workers
	if workers == 0 {
		workers = 2
	}
	return envoy.NewSupervisor(envoy.Config{Bootstrap: bootstrap, Command: command, Dir: dir, Concurrency: workers, LogLevel: "error"})
}

// resources is what the compiler makes of n Mappings on one Host, each with a Service.
func (f form) resources(n int) []xds.Resource {
	objects := store.New()
	for _, object := range testbed.Prefixes.Base(footprintPort) {
		objects.Upsert(object)
	}
	objects.Upsert(&v3alpha1.KubernetesEndpointResolver{ObjectMeta: metav1.ObjectMeta{Namespace: testbed.Namespace, Name: "endpoint"}})
	objects.Upsert(testbed.Service("first", "10.0.0.1", testbed.BackendPort))
	for i := range n {
		for _, object := range testbed.Prefixes.Surroundings(i) {
			objects.Upsert(object)
		}
		mapping := testbed.Prefixes.Mapping(i)
		if f.mapping != nil {
			f.mapping(&mapping.Spec)
		}
		objects.Upsert(mapping)
	}
	made := compile.New(compile.Options{AmbassadorID: "default", Namespace: testbed.Namespace, BindAddress: "127.0.0.1"}).Update(objects, time.Now())
	scopes := compile.ScopeListener()
	resources := []xds.Resource{{ID: xds.ID{TypeURL: xds.ListenerType, Name: scopes.GetName()}, Message: scopes}}
	for id, message := range made.Changed {
		resources = append(resources, xds.Resource{ID: xds.ID(id), Message: message})
	}
	return resources
}

// footprintPort is where the Envoys listen, one after the other.
const footprintPort = 18100
