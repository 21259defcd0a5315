package facts

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
)

func dumpOf(t *testing.T) *Dump {
	t.Helper()
	data, err := os.ReadFile("testdata/config_dump.json")
	if err != nil {
		t.Fatal(err)
	}
	var root object
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	return parse(root)
}

func target(addresses ...string) Target {
	set := map[netip.AddrPort]bool{}
	for _, a := range addresses {
		set[netip.MustParseAddrPort(a)] = true
	}
	return AtAddress(set, map[string][]netip.Addr{"api.example.org": {netip.MustParseAddr("127.64.128.9")}})
}

func TestFindFollowsTheRequest(t *testing.T) {
	t.Parallel()
	d := dumpOf(t)
	tests := map[string]struct {
		request Request
		target  Target
		route   string // its name; "" for none
		cluster string
	}{
		"the first that matches": {Request{Port: 8080, Host: "a.example.com", Path: "/foo/x", Method: "GET"}, nil, "foo", "one"},
		"by header": {Request{Port: 8080, Host: "a.example.com", Path: "/foo/x", Method: "GET",
			Headers: map[string][]string{"X-Canary": {"yes"}}}, nil, "foo-canary", "two"},
		"by query":    {Request{Port: 8080, Host: "a.example.com", Path: "/q?debug=1", Method: "GET"}, nil, "query", "one"},
		"by method":   {Request{Port: 8080, Host: "a.example.com", Path: "/m", Method: "PUT"}, nil, "put", "one"},
		"by regex":    {Request{Port: 8080, Host: "a.example.com", Path: "/r/12?x", Method: "GET"}, nil, "regex", "one"},
		"by fraction": {Request{Port: 8080, Host: "a.example.com", Path: "/split/", Method: "GET"}, target("127.64.128.2:80"), "split-rest", "two"},
		"wildcard virtual host": {Request{Port: 8080, Host: "b.example.com", Path: "/tree/leaf/x", Method: "GET"},
			nil, "leaf", "one"},
		"exact path in the tree":      {Request{Port: 8080, Host: "b.example.com", Path: "/exact", Method: "GET"}, nil, "exact", "two"},
		"no fallback in the tree":     {Request{Port: 8080, Host: "b.example.com", Path: "/tree/leaf/no", Method: "PUT"}, nil, "", ""},
		"another virtual host":        {Request{Port: 8080, Host: "c.example.org", Path: "/foo/", Method: "GET"}, nil, "", ""},
		"TLS chain by server name":    {Request{Port: 8443, TLS: true, SNI: "a.example.com", Host: "a.example.com", Path: "/", Method: "GET"}, nil, "secure", "two"},
		"TCP":                         {Request{Port: 6789, Host: "any", Path: "/", Method: "GET"}, target("127.64.128.2:80"), "", "two"},
		"a port without a listener":   {Request{Port: 9, Host: "any", Path: "/", Method: "GET"}, nil, "", ""},
		"a server name with no chain": {Request{Port: 8443, TLS: true, SNI: "z.org", Host: "z.org", Path: "/", Method: "GET"}, nil, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := d.Find(&test.request, test.target)
			var route, cluster string
			if path != nil {
				route, cluster = text(path.route, "name"), text(path.cluster, "name")
			}
			if route != test.route || cluster != test.cluster {
				t.Errorf("route %q to cluster %q, want %q to %q", route, cluster, test.route, test.cluster)
			}
		})
	}
}

func TestClusterOf(t *testing.T) {
	t.Parallel()
	d := dumpOf(t)
	for address, want := range map[string]string{"127.64.128.1:80": "one", "10.0.0.7:8080": "eds", "127.64.128.9:443": "external"} {
		if got := text(d.ClusterOf(target(address)).cluster, "name"); got != want {
			t.Errorf("the cluster to %s is %q, want %q", address, got, want)
		}
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	d := dumpOf(t)
	path := d.Find(&Request{Port: 8080, Host: "a.example.com", Path: "/foo/x", Method: "GET"}, nil)
	tests := map[string]struct {
		want object
		got  object
		bad  string // the facts that differ
	}{
		"route": {object{
			"timeout_s": 3.0, "idle_timeout_s": nil, "priority": "high", "upgrades": []any{"spdy/3.1", "websocket"},
			"retry":       object{"retry_on": "5xx", "num_retries": 4.0, "per_try_timeout": "0.5s"},
			"rate_limits": []any{[]any{object{"generic_key": object{"descriptor_value": "hello"}}, object{"remote_address": object{}}}},
			"mirror":      nil, "ext_authz": "disabled", "auth_context_extensions": object{"tenant": "a"}, "auto_host_rewrite": true,
		}, path.Route(), ""},
		"wrong route": {object{"timeout_s": 4.0, "upgrades": []any{"websocket"}, "ext_authz": "absent", "mirror": true},
			path.Route(), "ext_authz mirror timeout_s upgrades"},
		"cluster": {object{
			"lb": "ring_hash", "connect_timeout_s": 3.0, "idle_timeout_s": 30.0, "max_connection_duration_s": nil, "h2": true,
			"discovery": "dns", "respect_dns_ttl": false, "keepalive": object{"keepalive_probes": 2.0}, "stat_name": "stats",
			"circuit_breakers": []any{object{"priority": "HIGH", "max_requests": 10.0}},
		}, path.Cluster(), ""},
		"breakers under their priority": {object{"circuit_breakers": object{"high": object{"max_requests": 10.0}}}, path.Cluster(), ""},
		"a mirror by its percentage": {object{"mirror": 25.0},
			d.Find(&Request{Port: 8080, Host: "a.example.com", Path: "/q?debug=1", Method: "GET"}, nil).Route(), ""},
		"another percentage": {object{"mirror": 20.0},
			d.Find(&Request{Port: 8080, Host: "a.example.com", Path: "/q?debug=1", Method: "GET"}, nil).Route(), "mirror"},
		"a default that is not printed": {object{"retry": object{"retry_on": "5xx", "host_selection_retry_max_attempts": 0.0}}, path.Route(), ""},
		"one breaker without a list":    {object{"circuit_breakers": object{"max_requests": 10.0}}, path.Cluster(), ""},
		"wrong cluster":                 {object{"h2": false, "discovery": "eds", "health_checks": []any{object{}}}, path.Cluster(), "discovery h2 health_checks"},
		"endpoints":                     {object{"discovery": "eds"}, d.ClusterOf(target("10.0.0.7:8080")).Cluster(), ""},
		"logical DNS":                   {object{"discovery": "logical_dns", "dns_family": "v4_only"}, d.ClusterOf(target("127.64.128.9:443")).Cluster(), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var differing []string
			for _, difference := range Compare(test.want, test.got) {
				differing = append(differing, difference.Fact)
			}
			if got := strings.Join(differing, " "); got != test.bad {
				t.Errorf("differing facts %q, want %q in %v", got, test.bad, test.got)
			}
		})
	}
	if none := d.Find(&Request{Port: 9}, nil); none.Route() != nil || none.Cluster() != nil {
		t.Error("facts of a request that goes nowhere")
	}
}
