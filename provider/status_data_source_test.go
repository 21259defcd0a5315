package provider_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"terraform-provider-emissary/crds/v3alpha1"
)

// TestStatus reads what a controller has reported on the objects of one
// ambassador id, and the certificates of their Hosts.
func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expires := time.Now().Add(30*24*time.Hour + time.Hour).UTC().Truncate(time.Second)
	w.loadBalancer("edge", "192.0.2.7", "198.51.100.9")
	w.tlsSecret("shop-cert", expires)
	w.reported("Host", "hosts", "shop", map[string]any{"hostname": "shop.example.com", "tlsSecret": map[string]any{"name": "shop-cert"}}, "Programmed", "True", "Served", "")
	w.reported("Host", "hosts", "bare", map[string]any{"hostname": "bare.example.com", "tlsSecret": map[string]any{"name": "missing"}}, "Accepted", "False", "SecretNotFound", "Secret missing is not there")
	w.tlsContextElsewhere(w.namespace+"-context", "shop-cert."+w.namespace)
	w.reported("Host", "hosts", "context", map[string]any{"hostname": "old.example.com", "tlsContext": map[string]any{"name": w.namespace + "-context"}}, "", "", "", "")
	w.reported("Mapping", "mappings", "cart", map[string]any{"hostname": "*", "prefix": "/cart/", "service": "cart"}, "Programmed", "True", "Served", "")
	w.reported("Mapping", "mappings", "lost", map[string]any{"hostname": "*", "prefix": "/lost/", "service": "lost"}, "Programmed", "False", "ServiceNotFound", "Service lost not found")

	value := func(path tfjsonpath.Path, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.emissary_status.this", path, want)
	}
	certificate := func(host string) tfjsonpath.Path {
		return tfjsonpath.New("hosts").AtMapKey(w.namespace + "/" + host).AtMapKey("certificate")
	}
	refused := func(kind, name, why string) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{
			"kind": knownvalue.StringExact(kind), "name": knownvalue.StringExact(w.namespace + "/" + name), "why": knownvalue.StringExact(why)})
	}
	w.run(resource.TestStep{
		Config: w.config(`
data "emissary_status" "this" {
  name          = "edge"
  namespace     = "NAMESPACE"
  ambassador_id = "status"
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			value(tfjsonpath.New("addresses"), knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("192.0.2.7"), knownvalue.StringExact("198.51.100.9")})),
			value(tfjsonpath.New("hosts").AtMapKey(w.namespace+"/shop").AtMapKey("served"), knownvalue.Bool(true)),
			value(tfjsonpath.New("hosts").AtMapKey(w.namespace+"/context").AtMapKey("why"), knownvalue.StringExact("no controller has reported on it")),
			value(certificate("shop"), knownvalue.ObjectExact(map[string]knownvalue.Check{
				"secret": knownvalue.StringExact(w.namespace + "/shop-cert"), "not_after": knownvalue.StringExact(expires.Format(time.RFC3339)),
				"expires_in_days": knownvalue.Int64Exact(30), "dns_names": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("shop.example.com")}),
				"issuer": knownvalue.StringExact("CN=shop.example.com"), "problem": knownvalue.Null(),
			})),
			value(certificate("context").AtMapKey("expires_in_days"), knownvalue.Int64Exact(30)),
			value(certificate("bare").AtMapKey("problem"), knownvalue.StringExact("there is no such Secret")),
			value(tfjsonpath.New("objects").AtMapKey("Host"), knownvalue.ObjectExact(map[string]knownvalue.Check{
				"total": knownvalue.Int64Exact(3), "served": knownvalue.Int64Exact(1), "refused": knownvalue.Int64Exact(1), "pending": knownvalue.Int64Exact(1)})),
			value(tfjsonpath.New("refused"), knownvalue.ListExact([]knownvalue.Check{
				refused("Host", "bare", "Secret missing is not there (SecretNotFound)"),
				refused("Mapping", "lost", "Service lost not found (ServiceNotFound)"),
			})),
			value(tfjsonpath.New("first_expiry"), knownvalue.StringExact(expires.Format(time.RFC3339))),
		},
	})
}

// TestStatusExample runs the example, whose failed assertions are warnings.
func TestStatusExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loadBalancer("emissary-ingress", "192.0.2.8")
	example, err := os.ReadFile("../examples/data-sources/emissary_status/data-source.tf")
	if err != nil {
		t.Fatal(err)
	}
	// Terraform reads a check's data in each plan, which the test framework takes for a change.
	w.run(resource.TestStep{Config: w.config(strings.ReplaceAll(string(example), `"emissary"`, `"NAMESPACE"`)), ExpectNonEmptyPlan: true})
}

// TestStatusSaysWhatIsMissing: no release, no cluster, no configuration.
func TestStatusSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const status = `
data "emissary_status" "this" {
  name      = "nothing"
  namespace = "NAMESPACE"
}
`
	w.run(
		resource.TestStep{Config: w.config(status), ExpectError: oneLine("There is no release " + w.namespace + "/nothing on https://127.0.0.1.* app.kubernetes.io/instance=nothing")},
		resource.TestStep{
			Config:      "provider \"emissary\" {\n  host = \"https://127.0.0.1:1\"\n}\n" + status,
			ExpectError: oneLine("Cannot read the status of NAMESPACE/nothing .*https://127.0.0.1:1.* cannot be reached"),
		},
		resource.TestStep{
			Config: `
resource "terraform_data" "cluster" {
  input = "https://127.0.0.1:1"
}

provider "emissary" {
  host = terraform_data.cluster.output
}
` + status,
			ExpectError: oneLine("Cannot read the status of NAMESPACE/nothing .*host will be known only after apply"),
		},
	)
}

// TestStatusOfTheSameApply reads the status of what its own configuration has only begun to make.
func TestStatusOfTheSameApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(resource.TestStep{
		Config: w.config(`
resource "emissary_release" "ingress" {
  name      = "NAMESPACE"
  namespace = "NAMESPACE"
  wait      = false # No one gives addresses to load balancers here.
  values    = { ingressClassResource = { enabled = false }, env = { AMBASSADOR_ID = "NAMESPACE" } }
}

resource "emissary_host" "shop" {
  namespace     = "NAMESPACE"
  name          = "shop"
  hostname      = "shop.example.com"
  ambassador_id = ["NAMESPACE"]
}

data "emissary_status" "this" {
  name          = "NAMESPACE"
  namespace     = "NAMESPACE"
  ambassador_id = "NAMESPACE"
  depends_on    = [emissary_release.ingress, emissary_host.shop]
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.emissary_status.this", tfjsonpath.New("addresses"), knownvalue.ListSizeExact(0)),
			statecheck.ExpectKnownValue("data.emissary_status.this", tfjsonpath.New("hosts").AtMapKey(w.namespace+"/shop").AtMapKey("served"), knownvalue.Bool(false)),
		},
	})
}

// loadBalancer makes the Service of a release, with addresses.
func (w *world) loadBalancer(release string, addresses ...string) {
	w.Helper()
	services := kubernetes.NewForConfigOrDie(w.Config).CoreV1().Services(w.namespace)
	service, err := services.Create(w.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: release, Labels: map[string]string{"app.kubernetes.io/instance": release}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 443}}},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	for _, address := range addresses {
		service.Status.LoadBalancer.Ingress = append(service.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: address})
	}
	if _, err := services.UpdateStatus(w.Context(), service, metav1.UpdateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// tlsSecret makes a Secret with a self-signed certificate for shop.example.com.
func (w *world) tlsSecret(name string, expires time.Time) {
	w.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.example.com"}, DNSNames: []string{"shop.example.com"}, NotAfter: expires}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		w.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{
		corev1.TLSCertKey: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), corev1.TLSPrivateKeyKey: []byte("nobody reads it")}}
	if _, err := kubernetes.NewForConfigOrDie(w.Config).CoreV1().Secrets(w.namespace).Create(w.Context(), secret, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// tlsContextElsewhere makes a TLSContext in another namespace than the test's.
func (w *world) tlsContextElsewhere(name, secret string) {
	w.Helper()
	contexts := w.dynamic.Resource(v3alpha1.GroupVersion.WithResource("tlscontexts")).Namespace("default")
	if _, err := contexts.Create(w.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v3alpha1.GroupVersion.String(), "kind": "TLSContext", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"ambassador_id": []any{"status"}, "secret": secret}}}, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = contexts.Delete(context.Background(), name, metav1.DeleteOptions{}) })
}

// reported makes an object of the ambassador id "status" and a report on it.
func (w *world) reported(kind, plural, name string, spec map[string]any, condition, status, reason, message string) {
	w.Helper()
	spec["ambassador_id"] = []any{"status"}
	object, err := w.objects(plural).Create(w.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec}}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	if condition == "" {
		return
	}
	object.Object["status"] = map[string]any{"conditions": []any{map[string]any{
		"type": condition, "status": status, "reason": reason, "message": message,
		"observedGeneration": object.GetGeneration(), "lastTransitionTime": "2026-01-01T00:00:00Z"}}}
	if _, err := w.objects(plural).UpdateStatus(w.Context(), object, metav1.UpdateOptions{}); err != nil {
		w.Fatal(err)
	}
}
