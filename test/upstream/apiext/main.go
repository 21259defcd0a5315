// Command apiext is the conversion webhook that Emissary's CRDs name: Emissary's
// own conversions of its API, served on loopback by a process instead of by the
// pods of emissary-apiext. It prints the URL and the certificate to trust as JSON,
// and ends with its standard input.
//
// It is a module of its own so that the product's go.mod never sees Emissary's
// requirements. Those that the product has, too, have the same versions here and
// are compiled once.
package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"

	v1 "github.com/emissary-ingress/emissary/v3/pkg/api/getambassador.io/v1"
	v2 "github.com/emissary-ingress/emissary/v3/pkg/api/getambassador.io/v2"
	"github.com/emissary-ingress/emissary/v3/pkg/api/getambassador.io/v3alpha1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/conversion"
)

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1.AddToScheme, v2.AddToScheme, v3alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
	server := httptest.NewTLSServer(conversion.NewWebhookHandler(scheme, conversion.NewRegistry()))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"url": server.URL, "caBundle": certificate}); err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
