package explain_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"terraform-provider-emissary/controller/explain"
)

// roll makes random objects and requests from small vocabularies, so that they meet often. The same seed makes the same
// ones.
type roll struct {
	*rand.Rand
	// shops is how many further hostnames there are, each with a Host.
	shops int
}

func newRoll(seed uint64, shops int) roll { return roll{rand.New(rand.NewPCG(seed, 1)), shops} }

// shop is one of the further hostnames.
func (r roll) shop() string { return fmt.Sprintf("shop-%d.example", r.IntN(r.shops)) }

func (r roll) oneIn(n int) bool { return r.IntN(n) == 0 }

func (r roll) pick(texts ...string) string { return texts[r.IntN(len(texts))] }

type object = map[string]any

// gateway makes Listeners on the given ports, and Hosts and Mappings that send requests to the given services.
func (r roll) gateway(module object, mappings int, ports []int, services []string) []object {
	objects := []object{manifestOf("Module", "ambassador", object{"config": module})}
	for i, port := range ports {
		objects = append(objects, manifestOf("Listener", fmt.Sprint("listener-", i), object{
			"port":          port,
			"protocol":      []string{"HTTPS", "HTTP", "HTTPS"}[i%3],
			"securityModel": []string{"XFP", "XFP", "SECURE", "INSECURE"}[i%4],
			"l7Depth":       i % 2,
			"hostBinding":   object{"namespace": object{"from": "ALL"}},
		}))
	}
	hostnames := []string{"*", "a.example", "*.a.example", "*-x.a.example", "b.*", "b.example", "c.example:" + fmt.Sprint(ports[0])}
	if r.shops > 0 {
		hostnames = hostnames[5:] // a table with globs is not cut by hostname
	}
	for i := range r.shops {
		hostnames = append(hostnames, fmt.Sprintf("shop-%d.example", i))
	}
	for i, hostname := range hostnames {
		host := object{"hostname": hostname, "requestPolicy": object{"insecure": object{"action": r.pick("Route", "Route", "Redirect", "Reject")}}}
		if !r.oneIn(3) && !strings.HasSuffix(hostname, ".*") {
			host["tlsSecret"] = object{"name": "certificate"}
		}
		if r.oneIn(4) {
			host["mappingSelector"] = object{"matchLabels": object{"team": "red"}}
		}
		objects = append(objects, manifestOf("Host", fmt.Sprint("host-", i), host))
	}
	for i := range mappings {
		mapping := manifestOf("Mapping", fmt.Sprint("mapping-", i), r.mapping(services))
		if r.oneIn(3) {
			mapping["metadata"].(object)["labels"] = object{"team": "red"}
		}
		objects = append(objects, mapping)
	}
	return objects
}

func manifestOf(kind, name string, spec object) object {
	return object{"apiVersion": "getambassador.io/v3alpha1", "kind": kind, "metadata": object{"name": name, "namespace": "default"}, "spec": spec}
}

func (r roll) mapping(services []string) object {
	spec := object{"prefix": r.path(), "service": r.pick(services...)}
	if !r.oneIn(8) {
		spec["hostname"] = r.pick("*", "*", "a.example", "*.a.example", "y.a.example", "*.example", "b.*")
	}
	if r.shops > 0 && !r.oneIn(40) {
		spec["hostname"] = r.shop()
	}
	set := func(oneIn int, field string, value any) {
		if r.oneIn(oneIn) {
			spec[field] = value
		}
	}
	if r.oneIn(5) {
		spec["prefix_regex"], spec["prefix"] = true, r.pick("/a/.*", "/[ab]+", "/(x|y)/?", "/b/\\d+", "/.*", "(?i)/A/.*")
	} else {
		set(6, "prefix_exact", true)
		set(6, "case_sensitive", false)
	}
	set(6, "method", r.pick("GET", "POST"))
	set(5, "headers", object{r.pick("x-one", "x-two"): r.pick("1", "2")})
	set(8, "regex_headers", object{r.pick("x-one", "X-Two", "x_under"): r.pick(".*", "1+", "[0-9],[0-9]")})
	set(6, "query_parameters", object{r.pick("q", "p"): r.pick("1", "")})
	set(8, "regex_query_parameters", object{"q": r.pick(".*", "1+")})
	set(8, "precedence", r.IntN(3)-1)
	set(4, "weight", []int{0, 10, 50, 100}[r.IntN(4)])
	switch r.IntN(8) {
	case 0:
		spec["rewrite"] = r.pick("", "/new", "/new/")
	case 1:
		spec["regex_rewrite"] = object{"pattern": r.pick("/([ab])", "a", "^/"), "substitution": r.pick("/<\\1>", "$1\\0", "/z")}
		if strings.Contains(fmt.Sprint(spec["regex_rewrite"]), "\\1") {
			spec["regex_rewrite"] = object{"pattern": "/([ab])", "substitution": "/<\\1>"}
		}
	case 2:
		spec["host_rewrite"] = "rewritten.example"
	case 3:
		spec["host_redirect"] = true
		spec["service"] = r.pick("elsewhere.example", "https://elsewhere.example", "elsewhere.example:8443")
		set(2, "path_redirect", r.pick("/there", "/there?z=1"))
		set(3, "prefix_redirect", "/there")
		set(3, "regex_redirect", object{"pattern": "/([a-z])", "substitution": "/\\1\\1"})
		set(2, "redirect_response_code", []int{302, 303, 307, 308}[r.IntN(4)])
	}
	return spec
}

func (r roll) path() string {
	var path strings.Builder
	for range 1 + r.IntN(3) {
		path.WriteString("/" + r.pick("a", "b", "A", "x", "ab", "12", fmt.Sprint("n", r.IntN(50))))
	}
	if r.oneIn(2) {
		path.WriteString("/")
	}
	return r.pick("/", path.String(), path.String(), path.String())
}

// odd are pieces of paths that Envoy spells otherwise before it routes.
var odd = []string{"/.", "/..", "/%2e%2E", "//", "/%61", "\\", "%2f", "%5C", "%zz", "%%61", "%%36%31", "/{a}", "^|`", "/%7E", "/...", "%25", "%", "/;a"}

func (r roll) request(ports []int) explain.Request {
	q := explain.Request{
		Port: uint32(ports[r.IntN(len(ports))]), TLS: !r.oneIn(3), Method: r.pick("GET", "GET", "POST", "HEAD"),
		Host:    r.pick("a.example", "y.a.example", "y-x.a.example", "b.example", "b.other", "c.example", "A.Example", "nobody"),
		Path:    r.path(),
		Headers: map[string][]string{},
	}
	if r.shops > 0 && !r.oneIn(4) {
		q.Host = r.shop()
		if r.oneIn(4) {
			q.Host = strings.ToUpper(q.Host)
		}
	}
	if r.oneIn(8) {
		q.Path = "/"
	}
	if r.oneIn(4) {
		q.Path += r.pick(odd...) + r.pick("", r.path())
	}
	if r.oneIn(3) {
		q.Path += r.pick("?", "?q=1", "?q", "?p=1&q=11", "?%71=1", "?q=%31&q=1", "?x=/../a", "?q=1=1", "?&&q=1")
	}
	if r.oneIn(4) {
		q.Host += ":" + fmt.Sprint(ports[r.IntN(2)])
	}
	if q.TLS && !r.oneIn(8) {
		q.ServerName, _, _ = strings.Cut(q.Host, ":")
	}
	set := func(oneIn int, name string, values ...string) {
		if r.oneIn(oneIn) {
			q.Headers[name] = values
		}
	}
	set(3, "X-One", r.pick("1", "11", "2"))
	set(3, "x-two", r.pick("1", "2"), r.pick("1", "2"))
	set(6, "x_under", "1")
	set(4, "X-Forwarded-Proto", r.pick("http", "https", "HTTPS", "ftp"))
	return q
}
