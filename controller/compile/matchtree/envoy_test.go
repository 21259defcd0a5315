package matchtree

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"terraform-provider-emissary/test/deps"
)

// TestEnvoyAgrees gives a real Envoy many random hosts, each as a list and as a tree, and compares its answers with
// each other and with those of this package's evaluator.
func TestEnvoyAgrees(t *testing.T) {
	t.Parallel()
	const hosts, requests = 100, 100
	lists, trees := &routev3.RouteConfiguration{}, &routev3.RouteConfiguration{}
	routes := make([][]*routev3.Route, hosts)
	for i := range hosts {
		d := roll(uint64(i))
		few := []int{0, 4, fewRoutes}[i%3]
		routes[i] = d.routes(t, few+1+d.IntN(100))
		list := &routev3.VirtualHost{Name: hostname(i), Domains: []string{hostname(i)}, Routes: routes[i]}
		tree := &routev3.VirtualHost{Name: hostname(i), Domains: []string{hostname(i)}}
		tree.Routes, tree.Matcher = build(entriesOf(routes[i]), few)
		lists.VirtualHosts = append(lists.VirtualHosts, list)
		trees.VirtualHosts = append(trees.VirtualHosts, tree)
	}
	envoy := startEnvoy(t, map[string]*routev3.RouteConfiguration{"lists": lists, "trees": trees})
	list, tree := envoy.client(t, "lists"), envoy.client(t, "trees")
	found := 0
	for i := range hosts {
		d := roll(uint64(hosts + i))
		for range requests {
			r := d.request(routes[i])
			inList, inTree, evaluated := list.get(t, hostname(i), r), tree.get(t, hostname(i), r), scan(routes[i], r)
			if inList != evaluated || inTree != evaluated {
				t.Errorf("host %d: %s %v: Envoy's list answers %q, Envoy's tree %q, the evaluator %q",
					i, r.target, r.headers, inList, inTree, evaluated)
			}
			if inList != "" {
				found++
			}
		}
	}
	if found < hosts*requests/2 {
		t.Errorf("only %d of %d requests found a route: the test has lost its object", found, hosts*requests)
	}
}

func hostname(i int) string { return fmt.Sprintf("host-%d.example", i) }

// envoy is a running Envoy with one listener for each route configuration.
type envoy struct {
	pid   int
	admin string
	ports map[string]string
}

// startEnvoy runs Envoy with a single worker until the test ends.
func startEnvoy(t testing.TB, configs map[string]*routev3.RouteConfiguration) *envoy {
	t.Helper()
	dir := t.TempDir()
	raw, err := proto.Marshal(bootstrap(t, configs))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap.pb"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, deps.Envoy(t), "-c", filepath.Join(dir, "bootstrap.pb"), "--concurrency", "1",
		"--disable-hot-restart", "--admin-address-path", filepath.Join(dir, "admin"), "-l", "warn")
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	e := &envoy{pid: command.Process.Pid, ports: map[string]string{}}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); !e.ready(filepath.Join(dir, "admin"), len(configs)); {
		select {
		case <-tick.C:
		case <-ended:
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("Envoy refuses the configuration:\n%s", text)
		case <-deadline:
			t.Fatal("Envoy is not ready after a minute")
		}
	}
	return e
}

// ready reads where Envoy listens once it says so.
func (e *envoy) ready(adminFile string, listeners int) bool {
	address, err := os.ReadFile(adminFile)
	if err != nil || len(address) == 0 {
		return false
	}
	e.admin = string(address)
	answer, err := http.Get("http://" + e.admin + "/listeners?format=json")
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	var status struct {
		Listeners []struct {
			Name    string `json:"name"`
			Address struct {
				Socket struct {
					Port int `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if json.NewDecoder(answer.Body).Decode(&status) != nil || len(status.Listeners) != listeners {
		return false
	}
	for _, listener := range status.Listeners {
		if listener.Address.Socket.Port == 0 {
			return false
		}
		e.ports[listener.Name] = fmt.Sprint(listener.Address.Socket.Port)
	}
	return true
}

func bootstrap(t testing.TB, configs map[string]*routev3.RouteConfiguration) *bootstrapv3.Bootstrap {
	t.Helper()
	loopback := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{},
	}}}
	resources := &bootstrapv3.Bootstrap_StaticResources{}
	for name, config := range configs {
		manager := &hcmv3.HttpConnectionManager{
			StatPrefix:     name,
			RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: config},
			HttpFilters: []*hcmv3.HttpFilter{{
				Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: wrap(t, &routerv3.Router{})},
			}},
		}
		resources.Listeners = append(resources.Listeners, &listenerv3.Listener{
			Name: name, Address: loopback,
			FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
				Name: "http", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: wrap(t, manager)},
			}}}},
		})
	}
	return &bootstrapv3.Bootstrap{
		Node:            &corev3.Node{Id: "test", Cluster: "test"},
		Admin:           &bootstrapv3.Admin{Address: loopback},
		StaticResources: resources,
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "limits",
			LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: &structpb.Struct{Fields: map[string]*structpb.Value{
				"re2.max_program_size.error_level": structpb.NewNumberValue(1 << 20),
			}}},
		}}},
	}
}

func wrap(t testing.TB, message proto.Message) *anypb.Any {
	t.Helper()
	wrapped, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// client sends paths as they are over one connection.
type client struct {
	connection net.Conn
	answers    *bufio.Reader
}

func (e *envoy) client(t testing.TB, listener string) *client {
	t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+e.ports[listener])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return &client{connection, bufio.NewReader(connection)}
}

// get returns the name of the route that answered, "" where there is none.
func (c *client) get(t testing.TB, host string, r request) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: %s\r\n", r.target, host)
	for name, value := range r.headers {
		fmt.Fprintf(&text, "%s: %s\r\n", name, value)
	}
	text.WriteString("\r\n")
	if _, err := io.WriteString(c.connection, text.String()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return string(body)
	case http.StatusNotFound:
		return ""
	default:
		t.Fatalf("%q: Envoy answers %s %s", text.String(), answer.Status, body)
		return ""
	}
}
