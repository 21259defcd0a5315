package crd

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"terraform-provider-emissary/internal/kube"
)

// TestArgoOwner asks an API server that has an Application, that may not be asked
// for any, or that has no such kind. What Argo CD tracks by its label counts only
// with an Application of that name: many charts set the label, too.
func TestArgoOwner(t *testing.T) {
	t.Parallel()
	const mappings = "mappings.getambassador.io"
	label := func(application string) *kube.CRD {
		return &kube.CRD{ObjectMeta: metav1.ObjectMeta{Name: mappings, Labels: map[string]string{argoInstance: application}}}
	}
	tracking := func(id string) *kube.CRD {
		return &kube.CRD{ObjectMeta: metav1.ObjectMeta{Name: mappings, Annotations: map[string]string{argoTracking: id}}}
	}
	const (
		has = `{"apiVersion":"argoproj.io/v1alpha1","kind":"ApplicationList","metadata":{"resourceVersion":"1"},"items":[` +
			`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"platform","namespace":"argocd"}}]}`
		forbidden = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`
		ours      = "platform:apiextensions.k8s.io/CustomResourceDefinition:emissary/" + mappings
	)
	for name, test := range map[string]struct {
		crd    *kube.CRD
		code   int
		answer string
		want   string
	}{
		"label":                            {label("platform"), http.StatusOK, has, "the Argo CD Application argocd/platform"},
		"label with a namespace":           {label("argocd_platform"), http.StatusOK, has, "the Argo CD Application argocd/platform"},
		"label of another namespace":       {label("apps_platform"), http.StatusOK, has, ""},
		"label of a chart's release":       {label("emissary-crds"), http.StatusOK, has, ""},
		"label, forbidden":                 {label("platform"), http.StatusForbidden, forbidden, ""},
		"label, no Argo CD":                {label("platform"), http.StatusNotFound, "404 page not found", ""},
		"tracked":                          {tracking(ours), http.StatusOK, has, "the Argo CD Application argocd/platform"},
		"tracked, forbidden":               {tracking(ours), http.StatusForbidden, forbidden, "the Argo CD Application platform (reading it is forbidden)"},
		"tracked by one that is gone":      {tracking(strings.Replace(ours, "platform", "old", 1)), http.StatusOK, has, ""},
		"with the mark of another object":  {tracking(strings.Replace(ours, mappings, "hosts.getambassador.io", 1)), http.StatusOK, has, ""},
		"with the mark of another kind":    {tracking(strings.Replace(ours, "CustomResourceDefinition", "Mapping", 1)), http.StatusOK, has, ""},
		"with a mark that is not Argo's":   {tracking("platform"), http.StatusOK, has, ""},
		"with no mark, asks nobody at all": {tracking(""), http.StatusInternalServerError, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/apis/argoproj.io/v1alpha1/applications" {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.code)
				fmt.Fprint(w, test.answer)
			}))
			t.Cleanup(server.Close)
			client, err := kube.NewForConfig(&rest.Config{Host: server.URL}, "test")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := argoOwner(t.Context(), client, test.crd); got != test.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
