package quarantine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/envoy"
)

// Oracle tells what Envoy thinks of the clusters, listeners and routes of a configuration.
type Oracle interface {
	// Ask returns the words in which Envoy refuses the configuration, nothing when it takes it. The error says that Envoy
	// could not be asked.
	Ask(ctx context.Context, output *compile.Output) (refusal string, err error)
}

// Envoy asks the program that serves, in its validation mode: it reads the configuration with the code that would serve
// it, opens no port, resolves no name and connects to nobody. A question takes some 50 ms, and 2 s for 10,000 routes
// with a cluster each.
type Envoy struct {
	// Command is the program. Default: $ENVOY, or "envoy" on PATH.
	Command string
	// Dir is where questions are written; one file, overwritten by the next.
	Dir string
}

// Ask implements Oracle.
func (e Envoy) Ask(ctx context.Context, output *compile.Output) (refusal string, err error) {
	raw, err := question(output)
	if err != nil {
		return "", err
	}
	file := filepath.Join(e.Dir, "question.pb")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return "", fmt.Errorf("writing a configuration for Envoy to validate: %w", err)
	}
	// Concurrency 1: workers would be made, and have nothing to do.
	command := exec.CommandContext(ctx, cmp.Or(e.Command, os.Getenv("ENVOY"), "envoy"), "--mode", "validate", "--config-path", file,
		"--disable-hot-restart", "--concurrency", "1", "--log-level", "critical", "--log-format", "%v")
	command.WaitDelay = time.Second
	said, err := command.CombinedOutput()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("asking Envoy to validate a configuration: %w", context.Cause(ctx))
	case errors.As(err, &ended) && ended.ExitCode() == 1:
		return words(string(said), file), nil
	}
	return "", fmt.Errorf("asking Envoy to validate a configuration: %w: %s", err, strings.TrimSpace(string(said)))
}

// words takes Envoy's reason out of what it printed: "error initializing configuration '<file>': <reason>".
func words(said, file string) string {
	_, reason, found := strings.Cut(said, "error initializing configuration '"+file+"': ")
	if !found {
		reason = said
	}
	return strings.TrimSpace(reason)
}

// question makes a configuration for ADS one that Envoy can read from a file. Clusters and listeners need no change:
// what they take from ADS is waited for, which validation does not. A route configuration is only looked at when it is
// part of a listener.
func question(output *compile.Output) ([]byte, error) {
	bootstrap, err := envoy.Bootstrap(envoy.Options{XDSSocket: "none"})
	if err != nil {
		return nil, err
	}
	static := bootstrap.StaticResources
	static.Clusters = append(static.Clusters, output.Clusters...)
	static.Listeners = append(static.Listeners, output.Listeners...)
	for i, routes := range output.Routes {
		holder, err := holding(uint32(i+1), routes)
		if err != nil {
			return nil, err
		}
		static.Listeners = append(static.Listeners, holder)
	}
	raw, err := proto.Marshal(bootstrap)
	if err != nil {
		return nil, fmt.Errorf("marshalling a configuration for Envoy to validate: %w", err)
	}
	return raw, nil
}

// holding makes a listener of routes. No two may have the same port, and none is opened.
func holding(port uint32, routes *routev3.RouteConfiguration) (*listenerv3.Listener, error) {
	// Whether a cluster exists is not asked of routes that come by ADS, and is by default of those in a listener. The
	// copy shares the virtual hosts.
	unchecked := &routev3.RouteConfiguration{}
	routes.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		unchecked.ProtoReflect().Set(field, value)
		return true
	})
	unchecked.ValidateClusters = wrapperspb.Bool(false)
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		return nil, fmt.Errorf("packing a router: %w", err)
	}
	manager, err := anypb.New(&hcmv3.HttpConnectionManager{
		StatPrefix:     "validation",
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: unchecked},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("packing the route configuration %s: %w", routes.GetName(), err)
	}
	return &listenerv3.Listener{
		Name: fmt.Sprintf("routes-%d", port),
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: manager},
		}}}},
	}, nil
}
