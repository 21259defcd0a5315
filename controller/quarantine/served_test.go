package quarantine

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/envoy"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/loopback"
)

// site is a small controller: objects go through the quarantine and the compiler to a real Envoy.
type site struct {
	t       *testing.T
	socket  string
	port    int // of the listener
	backend int // port of a server that answers everything
	command string

	events   chan metav1.Object
	findings chan Finding // what was settled
	stop     func()
}

// newSite starts an Envoy that waits for a controller at the site's socket.
func newSite(t *testing.T) *site {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	t.Cleanup(backend.Close)
	return &site{
		t: t, socket: filepath.Join(t.TempDir(), "ads.sock"), port: loopback.Ports(t, 1)[0],
		backend: backend.Listener.Addr().(*net.TCPAddr).Port, command: deps.Envoy(t),
	}
}

// envoy starts an Envoy and returns how to end it.
func (s *site) envoy() (end func()) {
	s.t.Helper()
	bootstrap, err := envoy.Bootstrap(envoy.Options{XDSSocket: s.socket})
	if err != nil {
		s.t.Fatal(err)
	}
	supervisor, err := envoy.NewSupervisor(envoy.Config{Bootstrap: bootstrap, Command: s.command, Dir: s.t.TempDir(), Concurrency: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = supervisor.Run(ctx) })
	end = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(end)
	return end
}

// controller starts a controller with these objects, which are all there when it compiles first.
func (s *site) controller(first ...metav1.Object) {
	s.t.Helper()
	listener, err := net.Listen("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.events, s.findings = make(chan metav1.Object), make(chan Finding, 100)
	server := xds.NewServer(xds.Options{})
	oracle := Envoy{Command: s.command, Dir: s.t.TempDir()}
	loop := &loop{
		server: server, compile: s.compile, force: map[store.Ref]metav1.Object{},
		quarantine: New(Options{Oracle: oracle, Compile: s.compile, Log: slog.New(slog.NewTextHandler(s.t.Output(), nil))}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(ctx, listener) })
	running.Go(func() { loop.run(ctx, first, s.events, s.findings) })
	s.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(s.stop)
}

// compile compiles, and makes Envoy refuse the routes that hold a Mapping of /poison/: two virtual hosts of one domain.
func (s *site) compile(objects *store.Store) *compile.Output {
	output := compile.Compile(objects, compile.Options{BindAddress: "127.0.0.1"})
	for _, mapping := range objects.Mappings() {
		if mapping.Spec.Prefix != "/poison/" {
			continue
		}
		for _, id := range output.Reports[store.RefOf(mapping)].Resources {
			for i, routes := range output.Routes {
				if id.TypeURL == compile.RouteType && id.Name == routes.Name {
					routes = proto.CloneOf(routes)
					routes.VirtualHosts = append(routes.VirtualHosts, &routev3.VirtualHost{Name: "poison", Domains: []string{"twice", "twice"}})
					output.Routes[i] = routes
				}
			}
		}
	}
	return output
}

// loop is the part of the controller's loop that has to do with the quarantine.
type loop struct {
	server     *xds.Server
	compile    func(*store.Store) *compile.Output
	quarantine *Quarantine
	force      map[store.Ref]metav1.Object
	owners     map[compile.ResourceID][]store.Ref
	state      xds.State
}

func (l *loop) run(ctx context.Context, first []metav1.Object, events <-chan metav1.Object, settled chan<- Finding) {
	states := l.server.Watch(ctx)
	for _, object := range first {
		l.take(object)
	}
	l.publish()
	for {
		select {
		case <-ctx.Done():
			return
		case object := <-events:
			l.take(object)
			l.publish()
		case l.state = <-states:
		case outcome := <-l.quarantine.Outcomes():
			before := l.state
			for _, finding := range l.quarantine.Settle(outcome, l.force) {
				l.settle(finding)
				settled <- finding
			}
			l.publish()
			l.state = before
		}
		l.quarantine.Look(ctx, l.state.Rejected, func(id compile.ResourceID) InForce {
			return InForce{Objects: maps.Clone(l.force), Owners: l.owners[id]}
		})
	}
}

// take puts a version in force unless it is in quarantine.
func (l *loop) take(object metav1.Object) {
	if ref := store.RefOf(object); !l.quarantine.Holds(object, l.force[ref]) {
		l.force[ref] = object
	}
}

func (l *loop) settle(finding Finding) {
	switch {
	case finding.Words == "":
		l.force[finding.Ref] = finding.Object
	case l.force[finding.Ref] == finding.Object:
		delete(l.force, finding.Ref)
	}
}

func (l *loop) publish() {
	objects := store.New()
	for _, object := range l.force {
		objects.Upsert(object)
	}
	output := l.compile(objects)
	l.owners = output.Owners
	var all []xds.Resource
	add := func(typeURL, name string, message proto.Message) {
		all = append(all, xds.Resource{ID: xds.ID{TypeURL: typeURL, Name: name}, Message: message})
	}
	for _, m := range output.Clusters {
		add(xds.ClusterType, m.Name, m)
	}
	for _, m := range output.Endpoints {
		add(xds.EndpointType, m.ClusterName, m)
	}
	for _, m := range output.Listeners {
		add(xds.ListenerType, m.Name, m)
	}
	for _, m := range output.Routes {
		add(xds.RouteType, m.Name, m)
	}
	if _, err := l.server.Update(all); err != nil {
		panic(err) // a defect of the test
	}
}

// objects are a Listener, a Host, a Service and n good Mappings.
func (s *site) objects(n int) []metav1.Object {
	objects := []metav1.Object{
		&v3alpha1.Listener{ObjectMeta: meta("http", 1), Spec: v3alpha1.ListenerSpec{
			Port: int32(s.port), Protocol: v3alpha1.ProtocolHTTP, SecurityModel: v3alpha1.SecurityModelInsecure,
			HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
		}},
		&v3alpha1.Host{ObjectMeta: meta("all", 1), Spec: v3alpha1.HostSpec{
			Hostname: "*", RequestPolicy: &v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: "Route"}},
		}},
		&corev1.Service{ObjectMeta: meta("s", 1), Spec: corev1.ServiceSpec{ClusterIP: "127.0.0.1", Ports: []corev1.ServicePort{{Port: int32(s.backend)}}}},
	}
	for i := range n {
		objects = append(objects, s.mapping(fmt.Sprintf("m%d", i), fmt.Sprintf("/m%d/", i), 1))
	}
	return objects
}

func (s *site) mapping(name, prefix string, generation int64) *v3alpha1.Mapping {
	object := &v3alpha1.Mapping{ObjectMeta: meta(name, 1), Spec: v3alpha1.MappingSpec{Hostname: "*", Prefix: prefix, Service: fmt.Sprintf("s:%d", s.backend)}}
	object.Generation = generation
	return object
}

// get asks for a path; 0 when nobody answers.
func (s *site) get(path string) int {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path))
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// until asks for a path until it is answered as wanted, and returns how long that took.
func (s *site) until(path string, want int) time.Duration {
	s.t.Helper()
	begin := time.Now()
	for s.get(path) != want {
		if time.Since(begin) > 30*time.Second {
			s.t.Fatalf("%s is not answered with %d", path, want)
		}
	}
	return time.Since(begin)
}

// watched counts the answers to a path other than 200 while something goes on.
func (s *site) watched(path string, something func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wrong, right atomic.Int64
	var running sync.WaitGroup
	running.Go(func() {
		for over := false; !over; over = ctx.Err() != nil {
			if s.get(path) == http.StatusOK {
				right.Add(1)
			} else {
				wrong.Add(1)
			}
		}
	})
	something()
	cancel()
	running.Wait()
	if wrong.Load() > 0 {
		s.t.Errorf("%s: %d wrong answers, %d right ones", path, wrong.Load(), right.Load())
	}
}

// found waits for the next thing that is settled.
func (s *site) found() Finding {
	s.t.Helper()
	select {
	case finding := <-s.findings:
		return finding
	case <-time.After(30 * time.Second):
		s.t.Fatal("nothing was found")
	}
	return Finding{}
}

// TestPoisonAmongGoodMappings adds a Mapping that Envoy refuses to 50 good ones on the same Host, and then restarts the
// controller, and both. The good ones are served, and go on changing.
func TestPoisonAmongGoodMappings(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	end := s.envoy()
	objects := s.objects(50)
	s.controller(objects...)
	s.until("/m49/", http.StatusOK)

	poison := s.mapping("poison", "/poison/", 1)
	s.watched("/m7/", func() {
		begin := time.Now()
		s.events <- poison
		if finding := s.found(); finding.Ref.Name != "poison" || finding.Words == "" {
			t.Errorf("found %+v", finding)
		}
		t.Logf("found %s after it was created", time.Since(begin))
		s.events <- s.mapping("more", "/more/", 1)
		t.Logf("a good one after it took %s", s.until("/more/", http.StatusOK))

		// An edit that Envoy takes ends the quarantine; another bad one brings it back.
		s.events <- s.mapping("poison", "/cured/", 2)
		s.until("/cured/", http.StatusOK)
		poison = s.mapping("poison", "/poison/", 3)
		s.events <- poison
		if finding := s.found(); finding.Object != metav1.Object(poison) {
			t.Errorf("found %+v", finding)
		}
	})

	// The controller restarts and knows nothing, Envoy goes on with what it has.
	s.stop()
	s.watched("/m7/", func() {
		s.controller(append(objects, poison)...)
		s.found()
		s.events <- s.mapping("more", "/again/", 2)
		s.until("/again/", http.StatusOK)
	})

	// Both restart and know nothing: nothing is served until the culprit is found.
	s.stop()
	end()
	begin := time.Now()
	end = s.envoy()
	s.controller(append(objects, poison)...)
	s.until("/m7/", http.StatusOK)
	t.Logf("served %s after both were started, without memory", time.Since(begin))

	// Both restart, and the object's status tells.
	s.stop()
	end()
	known := s.mapping("poison", "/poison/", 3)
	known.Status.Conditions = []metav1.Condition{{
		Type: v3alpha1.ConditionProgrammed, Status: metav1.ConditionFalse, ObservedGeneration: 3,
		Reason: status.ReasonRejectedByEnvoy, Message: s.found().Words,
	}}
	begin = time.Now()
	end = s.envoy()
	s.controller(append(objects, known)...)
	s.until("/m7/", http.StatusOK)
	t.Logf("served %s after both were started, with memory", time.Since(begin))
	s.watched("/m7/", func() {
		if finding := s.found(); finding.Words == "" {
			t.Error("the status of a version that Envoy still refuses is not believed")
		}
	})

	// The status is wrong, for something else has changed: the object is served a moment later.
	s.stop()
	end()
	free := s.mapping("free", "/free/", 3)
	free.Status.Conditions = known.Status.Conditions
	s.envoy()
	s.controller(append(objects, free)...)
	s.until("/free/", http.StatusOK)
}
