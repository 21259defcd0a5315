package services

import (
	"net/netip"
	"slices"
	"testing"

	"terraform-provider-emissary/test/behaviour/spec"
)

func caseOf(t *testing.T, manifests string, probes ...spec.Probe) *spec.Case {
	t.Helper()
	objects, err := spec.Documents([]byte(manifests))
	if err != nil {
		t.Fatal(err)
	}
	return &spec.Case{Env: map[string]string{"AMBASSADOR_NAMESPACE": "default"}, Steps: []spec.Step{{Objects: objects, Probes: probes}}}
}

func planOf(t *testing.T, literal bool, c *spec.Case) *Plan {
	t.Helper()
	p, err := New(c, Options{Range: netip.MustParsePrefix("127.64.1.0/24"), Literal: literal, HealthPort: 8877})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// at lists the addresses where a backend listens.
func (p *Plan) at(name string) []string {
	var found []string
	for address, names := range p.Backends {
		if slices.Contains(names, name) {
			found = append(found, address.String())
		}
	}
	slices.Sort(found)
	return found
}

func (p *Plan) find(kind, name string) map[string]any {
	for _, o := range p.Steps[0] {
		if text(o, "kind") == kind && keyOf(o).name == name {
			return o
		}
	}
	return nil
}

func TestReferencesBecomeServices(t *testing.T) {
	t.Parallel()
	p := planOf(t, true, caseOf(t, `
kind: Mapping
metadata: {name: a, namespace: other}
spec: {service: "https://Quote:8443"}
---
kind: Mapping
metadata: {name: b, namespace: other}
spec: {service: svc.third.svc.cluster.local:9000}
---
kind: Mapping
metadata: {name: c, namespace: other}
spec: {service: 10.1.2.3:77}
---
kind: Mapping
metadata: {name: d}
spec: {service: "localhost:99"}
---
kind: Mapping
metadata: {name: e}
spec: {service: "127.0.0.1:8877"}
---
kind: Mapping
metadata: {name: f}
spec: {service: api.payments.example.com}
---
kind: AuthService
metadata: {name: g, namespace: authns}
spec: {auth_service: auth}
---
kind: Service
apiVersion: v1
metadata:
  name: carrier
  annotations:
    getambassador.io/config: |
      kind: Mapping
      name: h
      service: annotated:81
spec: {ports: [{port: 82}]}
---
kind: Ingress
metadata: {name: i}
spec:
  rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 83}}}}]}}]
`))
	for _, name := range []string{
		"quote.other:8443", "quote.default:8443", "svc.third:9000", "10.1.2.3:77", "localhost:99",
		"api.payments.example.com:80", "api.payments.example.com:443",
		"auth.authns:80", "auth.default:80", "annotated.default:81", "carrier.default:82", "web.default:83",
	} {
		if len(p.at(name)) != 1 {
			t.Errorf("backend %s listens at %v, want one address", name, p.at(name))
		}
	}
	if got := p.at("10.1.2.3:77"); !slices.Equal(got, []string{"10.1.2.3:77"}) {
		t.Errorf("a literal address is served at %v", got)
	}
	if _, ok := p.Names["localhost"]; ok {
		t.Error("localhost was given an address of its own")
	}
	if got := p.at("127.0.0.1:8877"); !slices.Equal(got, []string{"127.0.0.1:8877"}) {
		t.Errorf("the stand-in of Emissary's own pages listens at %v", got)
	}
	if _, ok := p.Names["api.payments.example.com"]; !ok {
		t.Error("a name outside the cluster does not resolve")
	}
	if !slices.Equal(p.Names["auth"], p.Names["auth.default.svc.cluster.local"]) || len(p.Names["auth"]) != 1 {
		t.Error("a short name does not resolve as in the controller's pod")
	}
	if p.find("EndpointSlice", "quote-0") != nil {
		t.Error("a Service that no expectation names got endpoints")
	}
}

func TestEndpointsAreMirroredUnderTheirServicePort(t *testing.T) {
	t.Parallel()
	manifests := `
apiVersion: v1
kind: Service
metadata: {name: two}
spec:
  ports:
  - {name: http, port: 80, targetPort: web}
  - {name: admin, port: 9000, targetPort: 9001}
---
apiVersion: v1
kind: Endpoints
metadata: {name: two}
subsets:
- addresses: [{ip: 10.0.1.1}]
  notReadyAddresses: [{ip: 10.0.1.12}]
  ports:
  - {name: http, port: 8080}
  - {name: admin, port: 9001}
`
	p := planOf(t, true, caseOf(t, manifests))
	if got := p.at("two.default:9000"); !slices.Contains(got, "10.0.1.1:9001") {
		t.Errorf("the admin port is served at %v, want 10.0.1.1:9001 among them", got)
	}
	slice := p.find("EndpointSlice", "two-0")
	if len(items(slice, "endpoints")) != 2 || text(child(slice, "metadata", "labels"), serviceNameLabel) != "two" {
		t.Errorf("mirrored slice = %v", slice)
	}
	if p.find("Endpoints", "two") != nil {
		t.Error("the Endpoints object is left beside its mirror")
	}

	t.Run("without literal addresses", func(t *testing.T) {
		t.Parallel()
		p := planOf(t, false, caseOf(t, manifests))
		moved := p.Endpoint("10.0.1.1:8080")
		if !slices.Contains(p.at("two.default:80"), moved) || moved == "10.0.1.1:8080" {
			t.Errorf("10.0.1.1:8080 moved to %s, served at %v", moved, p.at("two.default:80"))
		}
		addresses, _ := items(p.find("EndpointSlice", "two-0"), "endpoints")[0]["addresses"].([]any)
		if got := addresses[0].(string) + ":8080"; got != moved {
			t.Errorf("the slice says %s, want %s", got, moved)
		}
	})
}

func TestExpectedServicesGetEndpoints(t *testing.T) {
	t.Parallel()
	manifests := `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{name: http-web, port: 8888, targetPort: 8080}]}
`
	expecting := spec.Probe{Expect: spec.Expect{RouteTo: "web:8888"}}
	if p := planOf(t, true, caseOf(t, manifests)); p.find("EndpointSlice", "web-0") != nil {
		t.Error("nothing is expected of web, yet it got endpoints")
	}
	p := planOf(t, true, caseOf(t, manifests, expecting))
	slice := p.find("EndpointSlice", "web-0")
	if ports := items(slice, "ports"); len(ports) != 1 || integer(ports[0]["port"]) != 8080 || text(ports[0], "name") != "http-web" {
		t.Errorf("endpoint ports = %v, want http-web at 8080", ports)
	}
	if text(child(p.find("Service", "web"), "spec"), "clusterIP") == "" {
		t.Error("web has no cluster IP")
	}
	if len(p.at("web.default:8888")) != 2 {
		t.Errorf("web listens at %v, want its cluster IP and its endpoint", p.at("web.default:8888"))
	}
}

func TestExpectationsAboutDNSLeaveTheNameToDNS(t *testing.T) {
	t.Parallel()
	manifests := "kind: Mapping\nmetadata: {name: m}\nspec: {service: web}\n"
	probe := spec.Probe{Expect: spec.Expect{RouteTo: "web", Cluster: map[string]any{"discovery": "logical_dns"}}}
	p := planOf(t, true, caseOf(t, manifests, probe))
	if p.find("Service", "web") != nil || p.find("EndpointSlice", "web-0") != nil {
		t.Error("the controller is told of a Service, which needs no DNS")
	}
	if len(p.at("web.default:80")) != 1 || len(p.Names["web"]) != 1 {
		t.Error("the name leads nowhere")
	}
	if p := planOf(t, false, caseOf(t, manifests, probe)); p.find("Service", "web") == nil {
		t.Error("where names do not resolve, the Service must exist")
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"quote.default:80":                 "quote.default:80",
		"quote":                            "quote.default:80",
		"quote:8080":                       "quote.default:8080",
		"svc.third.svc.cluster.local:9000": "svc.third:9000",
		"svc.third.svc:9000":               "svc.third:9000",
		"localhost:99":                     "localhost:99",
		"10.1.2.3:77":                      "10.1.2.3:77",
		"a.b.example.com":                  "a.b.example.com:80",
		"404":                              "404.default:80",
	} {
		if got := Canonical(in, "default"); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", in, got, want)
		}
	}
}
