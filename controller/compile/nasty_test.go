package compile

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/deps"
)

// nastyTexts are values that some field or other of Envoy's API refuses.
var nastyTexts = []string{
	"", " ", "/", "*", "**", "*.", ".", "a", "A", "a b", "a\nb", "a\x00b", "a\x7fb", "é", "\xff", "%", "%%", "%REQ(x)%", "%REQ%", "%NOPE%",
	"%START_TIME(%s)%", "(", "[a-z]+", "(?P<n>a)", "(?<n>a)", `\1`, `\`, `\\`, "a{1,1001}", "x-ok", ":path", ":authority", "host", "Host",
	"http://a", "https://b:8443", "ftp://c", "a:80", "a:0", "a:99999", "::1", "0:0::1", "[::1]:80", "fe80::1%lo", "::ffff:10.0.0.1", "127.0.0.2", "300.1.1.1", "10.0.0.1", "10.0.0.1:80", "a.b.c.d:1", "_", "-",
	"a..b", "5xx", "0s", "-1s", "1h", "99999h", "9999999999999s", "high", "default", "WebSocket", "#", "?", "/a?b#c", "a,b", "{}", "*.example.com",
	"example.*", "ex*mple.com", "EXAMPLE.com:8443", ":80", "*.:80", "*:80", "[::1]", "xn--a", "a/../b", "//", "\"", "'", "$HOME", "${HOME}", "1", "0", "-1",
}

// TestEnvoyAcceptsWhatIsAccepted compiles Mappings and Hosts made of nasty values. Whatever of them gets through must be
// acceptable to a real Envoy.
func TestEnvoyAcceptsWhatIsAccepted(t *testing.T) {
	t.Parallel()
	envoy := deps.Envoy(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := nasty{rand.New(rand.NewPCG(seed, 1))}
			objects, options := parse(t, base+httpsListener)
			objects.Upsert(certificateSecret(t, ecdsaKey(t, elliptic.P256())))
			for i := range 200 {
				objects.Upsert(random.mapping(i))
				objects.Upsert(random.tlsContext(i))
			}
			for i := range 20 {
				objects.Upsert(random.host(i))
			}
			random.services(objects)
			objects.Upsert(random.module())
			output := Compile(objects, options)
			served := 0
			for ref, report := range output.Reports {
				if ref.Kind == "Mapping" && slices.ContainsFunc(report.Resources, func(id ResourceID) bool { return id.TypeURL == RouteType }) {
					served++
				}
			}
			if served < 10 {
				t.Errorf("only %d Mappings got through: the values are too nasty to prove anything", served)
			}
			validate(t, output)
			accept(t, envoy, output)
		})
	}
}

const httpsListener = `---
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: https, namespace: default}
spec: {port: 8443, protocol: HTTPS, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
`

// nasty draws values.
type nasty struct{ *rand.Rand }

// text is a nasty text rarely enough that some objects survive.
func (n nasty) text(usual string) string {
	if n.IntN(25) > 0 {
		return usual
	}
	return nastyTexts[n.IntN(len(nastyTexts))]
}

func (n nasty) maybe() *bool {
	if n.IntN(3) > 0 {
		return nil
	}
	value := n.IntN(2) == 0
	return &value
}

func (n nasty) number() *int {
	if n.IntN(3) > 0 {
		return nil
	}
	value := []int{0, 1, 1000}[n.IntN(3)]
	if n.IntN(25) == 0 {
		value = []int{-1, 1 << 31, 1 << 40}[n.IntN(3)]
	}
	return &value
}

func (n nasty) texts(usual string) map[string]string {
	if n.IntN(3) > 0 {
		return nil
	}
	return map[string]string{n.text("x-" + usual): n.text(usual)}
}

func (n nasty) headers() map[string]v3alpha1.AddedHeader {
	if n.IntN(3) > 0 {
		return nil
	}
	return map[string]v3alpha1.AddedHeader{n.text("x-a"): {Value: n.text("%PROTOCOL%"), Append: n.maybe()}}
}

func (n nasty) list(usual string) []string {
	if n.IntN(3) > 0 {
		return nil
	}
	return []string{n.text(usual), n.text(usual)}
}

func (n nasty) substitution() *v3alpha1.RegexSubstitution {
	if n.IntN(6) > 0 {
		return nil
	}
	return &v3alpha1.RegexSubstitution{Pattern: n.text("/(.*)"), Substitution: n.text(`/x/\1`)}
}

func (n nasty) mapping(i int) *v3alpha1.Mapping {
	rewrite := n.text("/")
	spec := v3alpha1.MappingSpec{
		Prefix: n.text(fmt.Sprintf("/m%d/", i)), PrefixRegex: n.IntN(8) == 0, PrefixExact: n.IntN(8) == 0, CaseSensitive: n.maybe(),
		Hostname: n.text("*"), Method: n.text("GET"), MethodRegex: n.IntN(5) == 0,
		Headers: n.texts("a"), RegexHeaders: n.texts("b"), QueryParameters: n.texts("c"), RegexQueryParameters: n.texts("d"),
		Precedence: n.number(), Priority: n.text(""), Service: n.text("quote"), Resolver: n.text("kubernetes-endpoint"), TLS: n.text(""),
		Weight: n.number(), Shadow: nil, GRPC: n.maybe(), Rewrite: &rewrite, RegexRewrite: n.substitution(),
		HostRewrite: n.text(""), AutoHostRewrite: n.maybe(), TimeoutMs: n.number(), IdleTimeoutMs: n.number(), ConnectTimeoutMs: n.number(),
		ClusterIdleTimeoutMs: n.number(), ClusterMaxConnectionLifetimeMs: n.number(),
		AddRequestHeaders: n.headers(), AddResponseHeaders: n.headers(), RemoveRequestHeaders: n.list("x-a"), RemoveResponseHeaders: n.list("x-a"),
		AllowUpgrade: n.list("websocket"), UseWebsocket: n.maybe(), DNSType: n.text(""), StatsName: n.text(""), ClusterTag: n.text(""),
		EnableIPv6: n.maybe(), RespectDNSTTL: n.maybe(), RegexRedirect: n.substitution(), PathRedirect: n.text(""), PrefixRedirect: n.text(""),
	}
	switch n.IntN(6) {
	case 0:
		spec.HostRedirect = n.maybe()
	case 1:
		spec.RetryPolicy = &v3alpha1.RetryPolicy{RetryOn: n.text("5xx"), NumRetries: n.number(), PerTryTimeout: n.text("1s")}
	case 2:
		spec.CORS = &v3alpha1.CORS{Origins: n.list("*"), Methods: n.list("GET"), MaxAge: n.text("60"), ExposedHeaders: n.list("x-a")}
	case 3:
		spec.LoadBalancer = &v3alpha1.LoadBalancer{Policy: "ring_hash", Cookie: &v3alpha1.LoadBalancerCookie{Name: n.text("c"), TTL: n.text("60s"), Path: n.text("/")}}
	case 4:
		spec.CircuitBreakers = []v3alpha1.CircuitBreaker{{Priority: n.text("high"), MaxRetries: n.number(), MaxConnections: n.number()}}
		spec.KeepAlive = &v3alpha1.KeepAlive{IdleTime: n.number(), Probes: n.number(), Interval: n.number()}
	case 5:
		spec.HealthChecks = []v3alpha1.HealthCheck{{
			Timeout: n.text("1s"), Interval: n.text("2s"), HealthyThreshold: n.number(),
			HealthCheck: v3alpha1.HealthCheckRequest{HTTP: &v3alpha1.HTTPHealthCheck{
				Path: n.text("/"), Hostname: n.text(""), AddRequestHeaders: n.headers(), RemoveRequestHeaders: n.list("x-a"),
			}},
		}}
	}
	return &v3alpha1.Mapping{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("m%d", i)}, Spec: spec}
}

func (n nasty) host(i int) *v3alpha1.Host {
	return &v3alpha1.Host{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("h%d", i)},
		Spec: v3alpha1.HostSpec{
			Hostname:   n.text(fmt.Sprintf("h%d.example.com", i%15)),
			TLSSecret:  &v3alpha1.SecretReference{Name: "certificate"},
			TLSContext: &v3alpha1.LocalReference{Name: n.text("")},
		},
	}
}

func (n nasty) tlsContext(i int) *v3alpha1.TLSContext {
	return &v3alpha1.TLSContext{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: nastyTexts[i%len(nastyTexts)]},
		Spec: v3alpha1.TLSContextSpec{
			ALPNProtocols: n.text("h2,http/1.1"), MinTLSVersion: n.text("v1.2"), MaxTLSVersion: n.text("v1.3"),
			CipherSuites: n.list("ECDHE-RSA-AES128-GCM-SHA256"), ECDHCurves: n.list("P-256"), SNI: n.text("a.example.com"),
		},
	}
}

// services adds external services of nasty values, with the first usable of which the filters are built.
func (n nasty) services(objects *store.Store) {
	meta := func(i int) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("s%d", i)}
	}
	for i := range 20 {
		objects.Upsert(&v3alpha1.LogService{ObjectMeta: meta(i), Spec: v3alpha1.LogServiceSpec{
			Service: n.text("als:9000"), Driver: n.text("http"), ProtocolVersion: "v3", FlushIntervalTime: n.number(), FlushIntervalByteSize: n.number(),
			DriverConfig: &v3alpha1.LogServiceDriverConfig{AdditionalLogHeaders: []v3alpha1.LogServiceHeader{{HeaderName: n.text("x-a")}}},
		}})
		objects.Upsert(&v3alpha1.TCPMapping{ObjectMeta: meta(i), Spec: v3alpha1.TCPMappingSpec{
			Port: 6000 + i/2, Service: n.text("db"), Weight: n.number(), IdleTimeoutMs: n.text("1000"), Address: n.text(""), Host: n.text(fmt.Sprintf("h%d.example.com", i)),
		}})
	}
	objects.Upsert(&v3alpha1.TracingService{ObjectMeta: meta(0), Spec: v3alpha1.TracingServiceSpec{
		Service: "zipkin:9411", Driver: "zipkin", TagHeaders: n.list("x-t"), Config: &v3alpha1.TraceConfig{CollectorEndpoint: n.text("/spans")},
	}})
	objects.Upsert(&v3alpha1.RateLimitService{ObjectMeta: meta(0), Spec: v3alpha1.RateLimitServiceSpec{
		Service: "limits", ProtocolVersion: "v3", Domain: n.text("ambassador"),
	}})
	objects.Upsert(&v3alpha1.AuthService{ObjectMeta: meta(0), Spec: v3alpha1.AuthServiceSpec{
		AuthService: "auth", PathPrefix: n.text("check"), AllowedRequestHeaders: n.list("x-a"), AddAuthHeaders: n.texts("a"),
	}})
}

// module is an ambassador Module with about a third of the keys set, most of them to something usual.
func (n nasty) module() *v3alpha1.Module {
	usual := map[string]any{
		"buffer": map[string]any{"max_request_bytes": 1024}, "buffer_limit_bytes": 4096, "cluster_idle_timeout_ms": 10,
		"circuit_breakers": []any{map[string]any{"max_requests": 5}}, "cors": map[string]any{"origins": "*", "max_age": 5},
		"defaults": map[string]any{"add_request_headers": map[string]any{"x-d": "d"}}, "enable_http10": true, "enable_ipv6": true,
		"enable_grpc_web": true, "enable_grpc_http11_bridge": true, "envoy_log_format": "%PROTOCOL%", "envoy_log_path": "/dev/null",
		"envoy_log_type": "text", "forward_client_cert_details": "SANITIZE", "grpc_stats": map[string]any{"all_methods": true},
		"gzip": map[string]any{"memory_level": 5, "compression_strategy": "DEFAULT"}, "headers_with_underscores_action": "ALLOW",
		"ip_deny": []any{map[string]any{"remote": "10.0.0.0/8"}}, "keepalive": map[string]any{"time": 5}, "listener_idle_timeout_ms": 5,
		"load_balancer": map[string]any{"policy": "maglev", "source_ip": true}, "lua_scripts": "function envoy_on_request(h) end",
		"max_request_headers_kb": 60, "merge_slashes": true, "proper_case": true, "regex_max_size": 100, "resolver": "endpoint",
		"retry_policy": map[string]any{"retry_on": "5xx"}, "server_name": "x", "strip_matching_host_port": true,
		"diagnostics": map[string]any{"prefix": "/d/"}, "liveness_probe": map[string]any{"service": "127.0.0.1:1"},
		"set_current_client_cert_details": map[string]any{"uri": true}, "suppress_envoy_headers": true, "default_label_domain": "d",
	}
	other := []any{nil, true, false, 0, -1, 1 << 40, "", "x", "\n", "%", []any{}, []any{1}, map[string]any{}, map[string]any{"x": 1}}
	config := map[string]any{}
	for _, key := range sortedKeys(usual) {
		switch n.IntN(6) {
		case 0, 1:
			config[key] = usual[key]
		case 2:
			config[key] = other[n.IntN(len(other))]
		}
	}
	raw, err := json.Marshal(config)
	if err != nil {
		panic(err)
	}
	module := &v3alpha1.Module{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ambassador"}}
	module.Spec.Config.Raw = raw
	return module
}
