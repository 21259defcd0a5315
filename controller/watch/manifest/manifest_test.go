package manifest_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
)

const twoDocuments = `
# a comment is no document
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: quote
spec:
  hostname: "*"
  prefix: /quote/
  service: quote
  prefx: /typo/
---
apiVersion: v1
kind: Service
metadata:
  name: quote
  namespace: other
spec:
  clusterIP: 127.0.0.1
  ports:
  - port: 80
`

func TestDecodeGivesTypedCompletedObjects(t *testing.T) {
	t.Parallel()
	documents := manifest.Decode("quote.yaml", []byte(twoDocuments))
	if len(documents) != 2 || len(documents[0].Objects) != 1 || len(documents[1].Objects) != 1 {
		t.Fatalf("want two documents with one object each, got %+v", documents)
	}

	mapping := documents[0].Objects[0]
	if mapping.Err != nil {
		t.Fatal(mapping.Err)
	}
	if want := (store.Ref{Kind: "Mapping", Namespace: "default", Name: "quote"}); mapping.Ref != want {
		t.Errorf("ref = %v, want %v", mapping.Ref, want)
	}
	if got := mapping.Object.(*v3alpha1.Mapping).Spec.Prefix; got != "/quote/" {
		t.Errorf("prefix = %q", got)
	}
	if len(mapping.Unknown) != 1 || mapping.Unknown[0] != "spec.prefx" {
		t.Errorf("unknown fields = %v, want spec.prefx", mapping.Unknown)
	}
	if mapping.Source != "quote.yaml, document 1" {
		t.Errorf("source = %q", mapping.Source)
	}

	service := documents[1].Objects[0].Object.(*corev1.Service)
	port := service.Spec.Ports[0]
	if port.Protocol != corev1.ProtocolTCP || port.TargetPort.IntValue() != 80 {
		t.Errorf("port was not completed as an API server does: %+v", port)
	}
}

func TestDecodeJudgesEachDocumentOnItsOwn(t *testing.T) {
	t.Parallel()
	const good = "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: good}\nspec: {prefix: /, service: s}\n"
	tests := map[string]struct {
		bad string
		// wantDocument and wantObject are what the message must name, on the document or on the object.
		wantDocument, wantObject []string
	}{
		"not YAML":              {bad: "a: [\n", wantDocument: []string{"YAML"}},
		"a key twice":           {bad: "apiVersion: v1\nkind: Service\nkind: Secret\n", wantDocument: []string{"kind", "already"}},
		"not an object":         {bad: "- 1\n- 2\n", wantDocument: []string{"apiVersion, kind and metadata"}},
		"no kind":               {bad: "apiVersion: v1\nmetadata: {name: x}\n", wantDocument: []string{"kind"}},
		"no name":               {bad: "apiVersion: v1\nkind: Service\n", wantDocument: []string{"Service", "metadata.name"}},
		"item is not an object": {bad: "apiVersion: v1\nkind: List\nitems: [1]\n", wantDocument: []string{"items[0]"}},
		"missing required field": {
			bad:        "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: x}\nspec: {prefix: /}\n",
			wantObject: []string{"spec.service", "Required"},
		},
		"wrong type": {
			bad:        "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: x}\nspec: {prefix: 5, service: s}\n",
			wantObject: []string{"spec.prefix", "string"},
		},
		"value out of range": {
			bad: "apiVersion: getambassador.io/v3alpha1\nkind: Listener\nmetadata: {name: x}\n" +
				"spec: {port: 70000, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}\n",
			wantObject: []string{"spec.port", "70000", "65535"},
		},
		"unknown enum value": {
			bad: "apiVersion: getambassador.io/v3alpha1\nkind: Listener\nmetadata: {name: x}\n" +
				"spec: {port: 1, protocol: HTTPX, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}\n",
			wantObject: []string{"spec.protocol", "HTTPX", `"HTTP"`},
		},
		"unknown kind": {
			bad:        "apiVersion: getambassador.io/v3alpha1\nkind: Maping\nmetadata: {name: x}\n",
			wantObject: []string{"Maping", "Mapping"},
		},
		"core object of the wrong shape": {
			bad:        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: http}\n",
			wantObject: []string{"Service x", "ports"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documents := manifest.Decode("f.yaml", []byte(test.bad+"---\n"+good))
			if len(documents) != 2 {
				t.Fatalf("got %d documents, want 2", len(documents))
			}
			if len(documents[1].Objects) != 1 || documents[1].Objects[0].Err != nil {
				t.Errorf("the good document was harmed: %+v", documents[1])
			}
			bad := documents[0]
			switch {
			case test.wantDocument != nil:
				requireNames(t, bad.Err, test.wantDocument)
			case len(bad.Objects) != 1:
				t.Fatalf("want one rejected object, got %+v", bad)
			default:
				requireNames(t, bad.Objects[0].Err, test.wantObject)
				if bad.Objects[0].Object != nil {
					t.Error("a rejected object must not be usable")
				}
			}
		})
	}
}

func requireNames(t *testing.T, err error, wanted []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range wanted {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not name %q: %v", part, err)
		}
	}
}

func TestDecodeFlattensLists(t *testing.T) {
	t.Parallel()
	documents := manifest.Decode("list.yaml", []byte(`
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: a, namespace: n}
  data: {tls.crt: b2xk}
  stringData: {tls.crt: new}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: ignored}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Service, metadata: {name: b}}
`))
	if len(documents) != 1 || documents[0].Err != nil || len(documents[0].Objects) != 2 {
		t.Fatalf("want the Secret and the Service, got %+v", documents)
	}
	secret := documents[0].Objects[0].Object.(*corev1.Secret)
	if string(secret.Data["tls.crt"]) != "new" || secret.StringData != nil || secret.Type != corev1.SecretTypeOpaque {
		t.Errorf("stringData was not merged as an API server does: %+v", secret)
	}
	if ref := documents[0].Objects[1].Ref; ref.Name != "b" || ref.Namespace != manifest.DefaultNamespace {
		t.Errorf("ref = %v", ref)
	}
}

func TestCustomResourceDefaultsAreSet(t *testing.T) {
	t.Parallel()
	documents := manifest.Decode("m.yaml", []byte(`{"apiVersion":"getambassador.io/v3alpha1","kind":"Module",
		"metadata":{"name":"ambassador"},"spec":{"config":{"diagnostics":{"enabled":false}}}}`))
	if len(documents) != 1 || len(documents[0].Objects) != 1 || documents[0].Objects[0].Err != nil {
		t.Fatalf("JSON was not read: %+v", documents)
	}
	object := documents[0].Objects[0]
	if len(object.Unknown) != 0 {
		t.Errorf("free-form config lost %v", object.Unknown)
	}
	if raw := string(object.Object.(*v3alpha1.Module).Spec.Config.Raw); !strings.Contains(raw, "diagnostics") {
		t.Errorf("config = %q", raw)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(twoDocuments))
	f.Add([]byte("apiVersion: v1\nkind: List\nitems: [{}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, document := range manifest.Decode("fuzz", data) {
			for _, object := range document.Objects {
				if (object.Object == nil) == (object.Err == nil) {
					t.Fatalf("an object is either usable or says why not: %+v", object)
				}
			}
		}
	})
}

func TestDecodeConvertsOlderVersions(t *testing.T) {
	t.Parallel()
	documents := manifest.Decode("old.yaml", []byte(
		"apiVersion: getambassador.io/v2\nkind: Mapping\nmetadata: {name: old}\nspec: {ambassador_id: edge, prefix: /, service: s, tls: true, prefx: a}\n"+
			"---\napiVersion: getambassador.io/v2\nkind: Mapping\nmetadata: {name: bad}\nspec: {ambassador_id: edge, prefix: /, service: s, tls: 5, host: 5}\n"))
	if len(documents) != 2 || len(documents[0].Objects) != 1 || len(documents[1].Objects) != 1 {
		t.Fatalf("want two documents with one object each, got %+v", documents)
	}
	old := documents[0].Objects[0]
	if old.Err != nil {
		t.Fatal(old.Err)
	}
	if spec := old.Object.(*v3alpha1.Mapping).Spec; spec.Hostname != "*" || spec.Service != "https://s" || !spec.AmbassadorID.IsMember("edge") {
		t.Errorf("spec = %+v", spec)
	}
	if len(old.Unknown) != 1 || old.Unknown[0] != "spec.prefx" {
		t.Errorf("unknown fields = %v, want spec.prefx", old.Unknown)
	}
	bad := documents[1].Objects[0]
	if bad.Err == nil || !strings.Contains(bad.Err.Error(), "spec.tls") || !strings.Contains(bad.Err.Error(), "; ") {
		t.Errorf("error = %v, want one line with spec.tls and spec.host", bad.Err)
	}
	if want := (store.Ref{Kind: "Mapping", Namespace: "default", Name: "bad"}); bad.Ref != want || !bad.AmbassadorID.IsMember("edge") {
		t.Errorf("ref = %v of %v, want %v of edge", bad.Ref, bad.AmbassadorID, want)
	}
}
