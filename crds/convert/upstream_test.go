package convert_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/test/upstream"
)

// TestConvertsAsEmissary holds what becomes of the objects of Emissary's own tests against what its conversion webhook
// makes of them.
func TestConvertsAsEmissary(t *testing.T) {
	t.Parallel()
	webhook := upstream.StartWebhook(t)
	compared, refused := 0, 0
	for _, fixture := range upstream.Newest.Fixtures(t) {
		if fixture.Object["apiVersion"] == "getambassador.io/"+convert.Version {
			continue
		}
		want := ask(t, webhook, fixture.Object)
		if want == nil {
			refused++
			continue
		}
		compared++
		got, err := convert.ToV3alpha1(fixture.Object)
		if err != nil {
			t.Errorf("%s: %s is refused: %v", fixture.File, nameOf(fixture.Object), err)
			continue
		}
		if diff := cmp.Diff(upstream.Normal(want["spec"]), throughJSON(t, got["spec"])); diff != "" {
			t.Errorf("%s: %s (-Emissary +here):\n%s", fixture.File, nameOf(fixture.Object), diff)
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
	t.Logf("%d objects; Emissary refuses %d, such as Hosts of v1", compared, refused)
}

// ask has the webhook convert an object; nil where it refuses.
func ask(t *testing.T, webhook *upstream.Webhook, object map[string]any) (converted map[string]any) {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	review := apiextensionsv1.ConversionReview{Request: &apiextensionsv1.ConversionRequest{
		UID: "1", DesiredAPIVersion: "getambassador.io/v3alpha1", Objects: []runtime.RawExtension{{Raw: raw}},
	}}
	review.APIVersion, review.Kind = "apiextensions.k8s.io/v1", "ConversionReview"
	body, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(webhook.CABundle)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true}}
	response, err := client.Post(webhook.URL, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer apiextensionsv1.ConversionReview
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Response == nil || len(answer.Response.ConvertedObjects) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer.Response.ConvertedObjects[0].Raw, &converted); err != nil {
		t.Fatal(err)
	}
	return converted
}

func nameOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	kind, _ := object["kind"].(string)
	name, _ := metadata["name"].(string)
	return kind + " " + name
}

func throughJSON(t *testing.T, value any) (out any) {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
