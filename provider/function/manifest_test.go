package function_test

import "testing"

const quote = `
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: quote, namespace: shop}
spec: {hostname: "*", prefix: /quote/, service: quote, timeout_ms: 4000}
`

const configMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {empty: null, text: "1"}
`

func TestManifestDecode(t *testing.T) {
	t.Parallel()
	gives(t, quote, "manifest_decode", quote)
	gives(t, quote, "manifest_decode", "# a comment\n---\n"+quote)
	gives(t, "{apiVersion: getambassador.io/v2, kind: Mapping, metadata: {name: a}, spec: {prefix: /, service: a}}",
		"manifest_decode", "{apiVersion: getambassador.io/v2, kind: Mapping, metadata: {name: a}, spec: {prefix: /, service: a}}")
	tests := map[string]struct {
		text string
		want []string
	}{
		"a key that is there twice": {"apiVersion: v1\nkind: Secret\nkind: Secret", []string{"kind", "already"}},
		"no YAML":                   {"a: [", []string{"cannot be read as YAML"}},
		"a text":                    {"hello", []string{`"hello"`, "apiVersion, kind and metadata"}},
		"no kind":                   {"apiVersion: v1", []string{"kind is missing"}},
		"nothing":                   {"", []string{"0 objects"}},
		"two":                       {quote + "---" + configMap, []string{"2 objects", "manifest_decode_multi"}},
		"an unknown field":          {"{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a}, spec: {prefx: /, prefix: /, service: a}}", []string{"Mapping default/a", "spec.prefx"}},
		"an unknown field of v2":    {"{apiVersion: getambassador.io/v2, kind: Mapping, metadata: {name: a}, spec: {prefx: /, prefix: /, service: a}}", []string{"Mapping default/a", "spec.prefx"}},
		"a value of another type":   {"{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a}, spec: {prefix: 1, service: a}}", []string{"spec.prefix", "string"}},
		"an unknown kind":           {"{apiVersion: getambassador.io/v3alpha1, kind: Maping, metadata: {name: a}}", []string{"Maping", "Mapping"}},
		"an unknown version":        {"{apiVersion: getambassador.io/v9, kind: Mapping, metadata: {name: a}}", []string{"getambassador.io/v9", "v3alpha1"}},
		"no name":                   {"{apiVersion: getambassador.io/v3alpha1, kind: Mapping}", []string{"metadata.name"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, 0, test.want, "manifest_decode", test.text)
		})
	}
}

func TestManifestDecodeMulti(t *testing.T) {
	t.Parallel()
	gives(t, "[]", "manifest_decode_multi", "---\n# nothing\n")
	gives(t, "[{apiVersion: v1, kind: Secret}, {apiVersion: v1, kind: Service}, {apiVersion: v1, kind: Pod}]", "manifest_decode_multi",
		"apiVersion: v1\nkind: Secret\n---\n---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service}, {apiVersion: v1, kind: Pod}]\n")
	fails(t, 0, []string{"document 2", "spec.prefx"}, "manifest_decode_multi",
		configMap+"---\n{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a}, spec: {prefx: /, prefix: /, service: a}}")
	fails(t, 0, []string{"items[1]", "apiVersion"}, "manifest_decode_multi", "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}, {}]}")
	fails(t, 0, []string{"items[0]", "5"}, "manifest_decode_multi", "{apiVersion: v1, kind: List, items: [5]}")
}

func TestManifestEncode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		argument any
		want     string
	}{
		"an object": {object(t, quote), `apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: quote
  namespace: shop
spec:
  hostname: '*'
  prefix: /quote/
  service: quote
  timeout_ms: 4000
`},
		"a list, and nothing for null": {[]any{object(t, configMap), object(t, "{kind: Pod, apiVersion: v1}")}, `apiVersion: v1
data:
  text: "1"
kind: ConfigMap
metadata:
  name: other
---
apiVersion: v1
kind: Pod
`},
		"an empty list": {[]any{}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, funcErr := call(t, "manifest_encode", test.argument)
			if funcErr != nil {
				t.Fatal(funcErr.Text)
			}
			if got != test.want {
				t.Errorf("the text is\n%s\nwant\n%s", got, test.want)
			}
		})
	}
	fails(t, 0, []string{`the text "a"`}, "manifest_encode", "a")
	fails(t, 0, []string{"element 0", "missing"}, "manifest_encode", []any{nil})
	fails(t, 0, []string{"element 1", "kind"}, "manifest_encode", []any{object(t, configMap), object(t, "{apiVersion: v1}")})
	fails(t, 0, []string{"spec.prefx"}, "manifest_encode", object(t, "{apiVersion: getambassador.io/v3alpha1, kind: Mapping, metadata: {name: a}, spec: {prefx: /, prefix: /, service: a}}"))
}
