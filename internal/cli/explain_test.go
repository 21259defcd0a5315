package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"terraform-provider-emissary/controller/explain"
)

const shop = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http}
spec: {port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: shop}
spec: {hostname: shop.example.com, requestPolicy: {insecure: {action: Route}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: cart}
spec: {hostname: shop.example.com, prefix: /cart/, service: "cart:8080"}
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: beta}
spec: {hostname: shop.example.com, prefix: /cart/, service: beta, headers: {x-beta: "1"}, method: POST}
`

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args       []string
		wantStatus int
		wantOut    []string
	}{
		"served": {
			args:    []string{"http://shop.example.com/cart/1?q=2"},
			wantOut: []string{"served by Mapping default/cart", "cart:8080", "shop.example.com/1?q=2", "Host default/shop", "header x-beta is absent"},
		},
		"by header and method": {
			args:    []string{"-X", "POST", "-H", "X-Beta: 1", "http://shop.example.com/cart/"},
			wantOut: []string{"served by Mapping default/beta", "Mapping default/cart  it matches too, but Mapping default/beta comes before it"},
		},
		"the Host header replaces the URL's host": {
			args:    []string{"-H", "Host: shop.example.com", "http://localhost:8080/cart/"},
			wantOut: []string{"served by Mapping default/cart"},
		},
		"the port of the Listener": {
			args:    []string{"--port", "8080", "http://shop.example.com:80/cart/"},
			wantOut: []string{"served by Mapping default/cart"},
		},
		"not served": {
			args: []string{"http://shop.example.com/carts"}, wantStatus: 1,
			wantOut: []string{"answered with 404: no Mapping matches", "Mapping default/cart  prefix /cart/ does not match /carts"},
		},
		"one of two is not served": {
			args: []string{"http://shop.example.com/cart/", "http://other.example.com/cart/"}, wantStatus: 1,
			wantOut: []string{"served by Mapping default/cart", "no Host matches hostname other.example.com"},
		},
		"no URL":         {wantStatus: 2},
		"no scheme":      {args: []string{"shop.example.com/cart/"}, wantStatus: 2},
		"a bad header":   {args: []string{"-H", "x", "http://a/"}, wantStatus: 2},
		"a bad flag":     {args: []string{"--no-such-flag", "http://a/"}, wantStatus: 2},
		"a bad format":   {args: []string{"-o", "xml", "http://a/"}, wantStatus: 2},
		"a missing file": {args: []string{"-f", "nowhere.yaml", "http://a/"}, wantStatus: 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := run(t, shop, append([]string{"explain", "-f", "-"}, test.args...)...)
			status := &exitError{}
			if err != nil && !errors.As(err, &status) {
				t.Fatalf("%v is no exit status", err)
			}
			if status.status != test.wantStatus {
				t.Errorf("exit status %d, want %d: %v\n%s%s", status.status, test.wantStatus, err, stdout, stderr)
			}
			for _, want := range test.wantOut {
				if !strings.Contains(stdout, want) {
					t.Errorf("output lacks %q:\n%s", want, stdout)
				}
			}
		})
	}
}

func TestExplainJSON(t *testing.T) {
	t.Parallel()
	stdout, _, err := run(t, shop, "explain", "-f", "-", "-o", "json", "http://shop.example.com/cart/")
	if err != nil {
		t.Fatal(err)
	}
	var list []explain.Explanation
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatalf("%v:\n%s", err, stdout)
	}
	want := explain.Object{Kind: "Mapping", Namespace: "default", Name: "cart"}
	if len(list) != 1 || !list[0].Served || *list[0].Outcomes[0].Mapping != want {
		t.Errorf("explanations = %+v", list)
	}
}
