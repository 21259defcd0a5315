package release

import (
	"testing"

	"k8s.io/client-go/rest"

	kubeclient "terraform-provider-emissary/internal/kube"
)

// ForConfig is New for the cluster of a test.
func ForConfig(t testing.TB, config *rest.Config) *Client {
	t.Helper()
	kube, err := kubeclient.NewForConfig(rest.CopyConfig(config), "test")
	if err != nil {
		t.Fatal(err)
	}
	return New(kube, t.Logf)
}
